use std::{fmt, str::FromStr};

use crate::{
    ReadTxn, StorageError, dialect,
    engine::{FromColumn, Row, Stored, Type, Value, args},
    nids::FreeEventNids,
};

/// A place in the streams. Events, receipts, to-device messages and everything else that clients follow take their
/// places from one space of numbers. Backfilled events have negative ones.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Position(pub i64);

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Stored for Position {
    const TYPE: Type = Type::Int;
}

impl From<Position> for Value {
    fn from(position: Position) -> Self {
        Self::Int(position.0)
    }
}

impl FromColumn for Position {
    fn from_column(row: &Row, index: usize) -> Result<Self, StorageError> {
        Ok(Self(row.get(index)?))
    }
}

/// One of the processes that write to a database.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Slot(u8);

impl Slot {
    /// How many processes there can be.
    pub const COUNT: u8 = 16;
    /// The slot of the only process.
    pub const FIRST: Self = Self(0);

    /// The slot of that number, if there is one.
    pub fn new(number: u8) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    pub(crate) fn number(self) -> u8 {
        self.0
    }
}

/// How far somebody has read the streams.
///
/// A floor, below which everything is read, and the slots that were read further than that. Its text is
/// `INCARNATION.FLOOR` and, for each such slot, `.SLOT-POSITION`; the incarnation starts with the version of the form.
/// With one writer there is only the floor.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Token {
    /// Which life of the database the positions belong to: after a restore from a backup numbers are given out again.
    pub incarnation: u32,
    /// Everything up to here is read.
    pub floor: Position,
    /// Slots read further, in rising order.
    pub ahead: Vec<(Slot, Position)>,
}

/// The text is not a token of this server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a token of this server")]
pub struct InvalidToken;

const FORM: char = 'a';

impl Token {
    /// The token of a database with one writer.
    pub fn new(incarnation: u32, floor: Position) -> Self {
        Self { incarnation, floor, ahead: Vec::new() }
    }

    /// How far that slot was read.
    pub fn position(&self, slot: Slot) -> Position {
        self.ahead.iter().find(|(ahead, _)| *ahead == slot).map_or(self.floor, |(_, position)| *position)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{FORM}{:x}.{}", self.incarnation, self.floor)?;
        for (slot, position) in &self.ahead {
            write!(formatter, ".{}-{position}", slot.number())?;
        }
        Ok(())
    }
}

impl FromStr for Token {
    type Err = InvalidToken;

    /// What follows a `_` is not about positions: sync keeps there what it has in memory only.
    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let text = text.split('_').next().unwrap_or_default();
        let mut parts = text.strip_prefix(FORM).ok_or(InvalidToken)?.split('.');
        let incarnation = parts.next().ok_or(InvalidToken)?;
        let incarnation = u32::from_str_radix(incarnation, 16).map_err(|_| InvalidToken)?;
        let floor = Position(parts.next().and_then(|floor| floor.parse().ok()).ok_or(InvalidToken)?);
        let mut ahead: Vec<(Slot, Position)> = Vec::new();
        for part in parts {
            let (slot, position) = part.split_once('-').ok_or(InvalidToken)?;
            let slot = slot.parse().ok().and_then(Slot::new).ok_or(InvalidToken)?;
            let position = Position(position.parse().map_err(|_| InvalidToken)?);
            if position <= floor || ahead.last().is_some_and(|(last, _)| *last >= slot) {
                return Err(InvalidToken);
            }
            ahead.push((slot, position));
        }
        Ok(Self { incarnation, floor, ahead })
    }
}

/// How many positions one statement reserves.
const BLOCK: i64 = 32;

/// Gives out positions, and numbers of events, inside the writer's transaction, from blocks that the database reserves.
#[derive(Debug, Default)]
pub(crate) struct Allocator {
    forward: Block,
    backfilled: Block,
    pub(crate) event_nids: FreeEventNids,
    /// The highest position given out since the batch began.
    pub(crate) newest: Option<Position>,
}

#[derive(Debug, Default)]
struct Block {
    next: i64,
    end: i64,
    /// The highest number given out. A roll-back undoes SQLite's reservation, but whoever saw a number keeps it.
    given: i64,
}

impl Block {
    async fn next(&mut self, txn: &mut ReadTxn, sequence: &'static str) -> Result<i64, StorageError> {
        while self.next == self.end || self.next < self.given {
            // Sequences count blocks, so that both engines reserve them in one statement.
            let block: i64 = txn.fetch_one(dialect::RESERVE_BLOCK, args![sequence]).await?;
            self.next = block * BLOCK;
            self.end = self.next + BLOCK;
        }
        self.next += 1;
        self.given = self.next;
        Ok(self.next)
    }
}

impl Allocator {
    pub(crate) async fn next(&mut self, txn: &mut ReadTxn) -> Result<Position, StorageError> {
        let position = Position(self.forward.next(txn, "positions").await?);
        self.newest = Some(position);
        Ok(position)
    }

    pub(crate) async fn next_backfilled(&mut self, txn: &mut ReadTxn) -> Result<Position, StorageError> {
        Ok(Position(-self.backfilled.next(txn, "backfill_positions").await?))
    }

    /// Forgets the reserved blocks of positions: the transaction that reserved them may be rolled back, and with several
    /// processes an idle one must not sit on numbers lower than those that others commit.
    pub(crate) fn forget(&mut self) {
        for block in [&mut self.forward, &mut self.backfilled] {
            block.next = block.end;
        }
    }
}

/// The newest position that was given out before this process started.
pub(crate) async fn newest(txn: &mut ReadTxn) -> Result<Position, StorageError> {
    let blocks: i64 = txn.fetch_one(dialect::RESERVED_BLOCKS, args![]).await?;
    Ok(Position(blocks * BLOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text() {
        for text in ["a0.0", "a1f.42", "aff.42.1-43.15-99"] {
            assert_eq!(text.parse::<Token>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_follows_an_underscore_is_not_read() {
        assert_eq!("a1f.42_7-3".parse::<Token>().unwrap().to_string(), "a1f.42");
    }

    #[test]
    fn a_slot_reads_from_where_it_was_read_to() {
        let token: Token = "a0.10.3-14".parse().unwrap();
        assert_eq!(token.position(Slot(3)), Position(14));
        assert_eq!(token.position(Slot::FIRST), Position(10));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in
            ["", "a", "a.", "a0", "s12", "a0.x", "a0.5.1", "a0.5.16-7", "a0.5.1-4", "a0.5.2-7.1-8", "b0.5"]
        {
            assert_eq!(text.parse::<Token>(), Err(InvalidToken), "{text}");
        }
    }
}
