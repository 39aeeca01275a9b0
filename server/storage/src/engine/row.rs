use ruma::{
    OwnedDeviceId, OwnedEventId, OwnedRoomAliasId, OwnedRoomId, OwnedServerName, OwnedUserId, RoomVersionId,
};
use sqlx::{Row as _, postgres::PgRow, sqlite::SqliteRow};

use crate::{
    StorageError,
    engine::{Sql, failed},
};

/// A row of an answer. Columns are read by their index.
pub(crate) struct Row {
    pub(crate) native: NativeRow,
    pub(crate) sql: Sql,
}

pub(crate) enum NativeRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column can be read as.
pub(crate) trait FromColumn: Sized {
    fn from_column(row: &Row, index: usize) -> Result<Self, StorageError>;
}

/// What a row can be read as: a tuple of columns, a single column, or a type of a table family.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self, StorageError>;
}

impl Row {
    /// The column at `index`, counted from zero.
    pub(crate) fn get<T: FromColumn>(&self, index: usize) -> Result<T, StorageError> {
        T::from_column(self, index)
    }

    fn error(&self, error: sqlx::Error) -> StorageError {
        failed(self.sql.name, error)
    }
}

macro_rules! native_columns {
    ($($rust:ty),*) => {$(
        impl FromColumn for $rust {
            fn from_column(row: &Row, index: usize) -> Result<Self, StorageError> {
                match &row.native {
                    NativeRow::Sqlite(native) => native.try_get(index),
                    NativeRow::Postgres(native) => native.try_get(index),
                }
                .map_err(|error| row.error(error))
            }
        }
        impl FromColumn for Option<$rust> {
            fn from_column(row: &Row, index: usize) -> Result<Self, StorageError> {
                match &row.native {
                    NativeRow::Sqlite(native) => native.try_get(index),
                    NativeRow::Postgres(native) => native.try_get(index),
                }
                .map_err(|error| row.error(error))
            }
        }
    )*};
}

native_columns!(bool, i64, String, Vec<u8>);

impl FromColumn for u32 {
    fn from_column(row: &Row, index: usize) -> Result<Self, StorageError> {
        let value: i64 = row.get(index)?;
        value.try_into().map_err(|_| out_of_range(row, index, "a small number"))
    }
}

fn out_of_range(row: &Row, index: usize, expected: &str) -> StorageError {
    StorageError::Inconsistent(format!("column {index} of {} is not {expected}", row.sql.name))
}

macro_rules! identifier_columns {
    ($($rust:ty => $what:literal),* $(,)?) => {$(
        impl FromColumn for $rust {
            fn from_column(row: &Row, index: usize) -> Result<Self, StorageError> {
                let text: String = row.get(index)?;
                Self::try_from(text).map_err(|_| out_of_range(row, index, $what))
            }
        }
        impl FromColumn for Option<$rust> {
            fn from_column(row: &Row, index: usize) -> Result<Self, StorageError> {
                let text: Option<String> = row.get(index)?;
                text.map(|text| <$rust>::try_from(text).map_err(|_| out_of_range(row, index, $what))).transpose()
            }
        }
    )*};
}

identifier_columns! {
    OwnedEventId => "an event id",
    OwnedRoomAliasId => "a room alias",
    OwnedRoomId => "a room id",
    OwnedServerName => "a server name",
    OwnedUserId => "a user id",
    RoomVersionId => "a room version",
}

impl FromColumn for OwnedDeviceId {
    fn from_column(row: &Row, index: usize) -> Result<Self, StorageError> {
        Ok(row.get::<String>(index)?.into())
    }
}

impl FromColumn for Option<OwnedDeviceId> {
    fn from_column(row: &Row, index: usize) -> Result<Self, StorageError> {
        Ok(row.get::<Option<String>>(index)?.map(Into::into))
    }
}

impl<T: FromColumn> FromRow for T {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        row.get(0)
    }
}

macro_rules! tuple_rows {
    ($(($($column:ident $index:literal),+)),+ $(,)?) => {$(
        impl<$($column: FromColumn),+> FromRow for ($($column,)+) {
            fn from_row(row: &Row) -> Result<Self, StorageError> {
                Ok(($(row.get::<$column>($index)?,)+))
            }
        }
    )+};
}

tuple_rows! {
    (A 0, B 1),
    (A 0, B 1, C 2),
    (A 0, B 1, C 2, D 3),
    (A 0, B 1, C 2, D 3, E 4),
    (A 0, B 1, C 2, D 3, E 4, F 5),
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6),
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7),
}
