use std::{collections::VecDeque, ops::RangeInclusive};

use crate::{
    ReadTxn, StorageError, dialect,
    engine::{FromColumn, Row, Stored, Type, Value, args},
};

macro_rules! nids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub(crate) i64);

        impl Stored for $name {
            const TYPE: Type = Type::Int;
        }

        impl From<$name> for Value {
            fn from(nid: $name) -> Self {
                Self::Int(nid.0)
            }
        }

        impl FromColumn for $name {
            fn from_column(row: &Row, index: usize) -> Result<Self, StorageError> {
                row.get(index).map(Self)
            }
        }

        impl FromColumn for Option<$name> {
            fn from_column(row: &Row, index: usize) -> Result<Self, StorageError> {
                Ok(row.get::<Option<i64>>(index)?.map($name))
            }
        }
    )*};
}

nids! {
    /// The number of an event in this database. It says who an event is, never when it was: an event that is only
    /// referred to has one too.
    EventNid,
    /// The number of a room in this database.
    RoomNid,
    /// The number of a set of users that some event notified. It may be given out again.
    AudienceNid,
}

/// Numbers that no event has yet, so that a new one asks for nothing. What they are says nothing about when, so unlike
/// positions they may lie idle, and those of a unit that failed are left out.
#[derive(Debug, Default)]
pub(crate) struct FreeEventNids(VecDeque<RangeInclusive<i64>>);

impl FreeEventNids {
    pub(crate) async fn next(&mut self, txn: &mut ReadTxn) -> Result<EventNid, StorageError> {
        loop {
            while let Some(free) = self.0.front_mut() {
                if let Some(number) = free.next() {
                    return Ok(EventNid(number));
                }
                self.0.pop_front();
            }
            let free: Vec<(i64, i64)> = txn.fetch_all(dialect::FREE_EVENT_NIDS, args![]).await?;
            if free.is_empty() {
                return Err(StorageError::Inconsistent("there is no number for an event".to_owned()));
            }
            self.0.extend(free.into_iter().map(|(first, last)| first..=last));
        }
    }

    /// Forgets which numbers are free: the engine gave some to events.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}
