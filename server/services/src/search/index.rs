//! Following the stream of events and noting in which blocks of a room's history a word may be.

use std::{collections::HashMap, time::Duration};

use myelin_core::RoomVersionRules;
use myelin_storage::{
    Position, ReadTxn, RoomNid, StorageError, rooms, stream_cursors,
    text_search::{self, TextBlock},
    words,
};

use super::{
    SearchedKeys, Searches,
    filter::{WordHash, insert, size_for},
    text::texts,
};
use crate::tasks::Tasks;

/// The name of the cursor.
const FOLLOWER: &str = "text_search";

/// Events noted in one unit.
const STEP: u32 = 100;

/// Positions looked at in one step: where nobody writes text, the whole history must not be read at once.
const MAX_SPAN: i64 = 10_000;

/// Bytes of a block's filter; one event with more words gets a larger one.
const BLOCK_BYTES: usize = 256;

/// Events of a block at most: it is read whole when a word may be in it.
const MAX_EVENTS: u32 = 64;

/// How long to wait for more events after one. Until they are noted they are found all the same, one by one.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(60);

/// How far the blocks reach.
pub(super) async fn reach(txn: &mut ReadTxn) -> Result<Position, StorageError> {
    Ok(stream_cursors::find(txn, FOLLOWER).await?.unwrap_or_default())
}

impl Searches {
    /// Notes new events until the server stops.
    pub async fn follow(self, tasks: Tasks) {
        if !self.is_enabled {
            return;
        }
        let mut committed = self.store.committed();
        loop {
            let pause = match self.note_step().await {
                Ok(true) if !tasks.is_stopping() => continue,
                Ok(_) => PATIENCE,
                Err(StorageError::Closed) => return,
                Err(error) => {
                    tracing::error!(error = %error, "the search does not keep up with the rooms");
                    PAUSE
                }
            };
            tokio::select! {
                () = tasks.stopping() => return,
                changed = committed.changed() => if changed.is_err() { return },
            }
            tokio::select! {
                () = tasks.stopping() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Notes the next events; false if there are none.
    ///
    /// # Errors
    /// If the database fails; nothing is noted then.
    pub async fn note_step(&self) -> Result<bool, StorageError> {
        let newest = *self.store.committed().borrow();
        let mut txn = self.store.read().await?;
        let from = reach(&mut txn).await?;
        if from >= newest {
            return Ok(false);
        }
        let until = newest.min(Position(from.0.saturating_add(MAX_SPAN)));
        let stored = text_search::list_texts(&mut txn, from, until, STEP).await?;
        let is_full = stored.len() >= usize::try_from(STEP).unwrap_or(usize::MAX);
        let done = stored.last().filter(|_| is_full).and_then(|last| last.position).unwrap_or(until);
        let mut pads: HashMap<RoomNid, Pad> = HashMap::new();
        for stored in stored.iter().filter(|stored| stored.redacted_by.is_none()) {
            let Some(position) = stored.position else { continue };
            let pad = match pads.get_mut(&stored.room) {
                Some(pad) => pad,
                None => {
                    let pad = Pad::open(&mut txn, stored.room).await?;
                    pads.entry(stored.room).or_insert(pad)
                }
            };
            let event = stored.read(pad.rules)?;
            let mut hashes = Vec::new();
            for text in texts(&event, SearchedKeys::ALL) {
                hashes.extend(words::distinct(text, usize::MAX).iter().map(|word| WordHash::of(word)));
            }
            if !hashes.is_empty() {
                pad.note(position, &hashes);
            }
        }
        drop(txn);
        let mut txn = self.store.write_bulk("search::note").await?;
        for (room, pad) in pads {
            for block in pad.blocks.iter().filter(|block| block.is_changed) {
                text_search::set_block(&mut txn, room, &block.block).await?;
            }
        }
        stream_cursors::set(&mut txn, FOLLOWER, done).await?;
        txn.commit().await?;
        Ok(true)
    }
}

/// The newest block of a room, and those that follow it.
struct Pad {
    rules: &'static RoomVersionRules,
    blocks: Vec<Open>,
}

struct Open {
    block: TextBlock,
    /// Events noted in it since it was read; those before are not known, but its words are.
    events: u32,
    is_changed: bool,
}

impl Pad {
    async fn open(txn: &mut ReadTxn, room: RoomNid) -> Result<Self, StorageError> {
        let rules = rooms::get(txn, room).await?.rules()?;
        let newest = text_search::list_blocks(txn, room, Position(i64::MAX), 1).await?;
        let open = |block| Open { block, events: 0, is_changed: false };
        Ok(Self { rules, blocks: newest.into_iter().map(open).collect() })
    }

    fn note(&mut self, position: Position, hashes: &[WordHash]) {
        let has_room = |open: &Open| {
            let words = usize::try_from(open.block.words).unwrap_or(usize::MAX);
            open.events < MAX_EVENTS
                && size_for(words.saturating_add(hashes.len())) <= open.block.filter.len()
        };
        if !self.blocks.last().is_some_and(has_room) {
            let filter = vec![0; BLOCK_BYTES.max(size_for(hashes.len()))];
            let block = TextBlock { first: position, last: position, words: 0, filter };
            self.blocks.push(Open { block, events: 0, is_changed: true });
        }
        let Some(open) = self.blocks.last_mut() else { return };
        open.block.last = position;
        open.events += 1;
        open.is_changed = true;
        for hash in hashes {
            open.block.words += u32::from(insert(&mut open.block.filter, *hash));
        }
    }
}
