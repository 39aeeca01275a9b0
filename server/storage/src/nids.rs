use crate::{
    StorageError,
    engine::{FromColumn, Row, Stored, Type, Value},
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
