//! The executor: named statements with [`Value`]s in and [`Row`]s out, over native connections of both engines.
//!
//! This module and its children are the only ones that name sqlx. There is one text for both engines and no generic
//! code over them: a statement is run by a `match`, so that a table family compiles once (docs/adr/0001).

pub(crate) mod postgres;
mod row;
mod script;
pub(crate) mod sqlite;
mod statement;
mod value;

use std::sync::Arc;

use futures_util::{StreamExt, stream::BoxStream};
use sqlx::{
    Either, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction,
    postgres::PgArguments, query_with, raw_sql, sqlite::SqliteArguments,
};

use self::row::NativeRow;
pub(crate) use self::{
    row::{FromColumn, FromRow, Row},
    script::Script,
    statement::{Sql, sql},
    value::{Stored, Type, Value, args},
};
use crate::StorageError;

/// The two database engines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EngineKind {
    /// SQLite, a file. The program brings its own; statements and migrations need 3.43, for `OCTET_LENGTH`.
    Sqlite,
    /// PostgreSQL 15 or newer.
    Postgres,
}

/// Connections for reading. Each one taken from it is a snapshot.
pub(crate) enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Readers {
    /// Opens a snapshot: what it reads is one state of the database, as of its first statement.
    ///
    /// A PostgreSQL that was restarted leaves a pool full of connections that do not work any more. They are passed
    /// over, each once; after the last of them a new one is made.
    pub(crate) async fn begin(&self) -> Result<Conn, StorageError> {
        let stale = match self {
            Self::Sqlite(_) => 0,
            Self::Postgres(pool) => pool.size(),
        };
        let mut begun = self.begin_once().await;
        for _ in 0..stale {
            if !begun.as_ref().is_err_and(is_broken) {
                break;
            }
            begun = self.begin_once().await;
        }
        begun.map_err(|error| failed("engine::BEGIN", error))
    }

    async fn begin_once(&self) -> Result<Conn, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => pool.begin_with("BEGIN").await.map(Conn::SqliteSnapshot),
            Self::Postgres(pool) => pool
                .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                .await
                .map(Conn::PostgresSnapshot),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A connection of either engine. A snapshot ends when it is dropped.
pub(crate) enum Conn {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
    SqliteSnapshot(Transaction<'static, Sqlite>),
    PostgresSnapshot(Transaction<'static, Postgres>),
}

/// What running a script comes to, one after the other.
pub(crate) enum Step {
    /// A statement is done, and changed so many rows.
    Changed(u64),
    /// A row of an answer.
    Row(Row),
}

enum Native<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Conn {
    pub(crate) fn kind(&self) -> EngineKind {
        match self {
            Self::Sqlite(_) | Self::SqliteSnapshot(_) => EngineKind::Sqlite,
            Self::Postgres(_) | Self::PostgresSnapshot(_) => EngineKind::Postgres,
        }
    }

    fn native(&mut self) -> Native<'_> {
        match self {
            Self::Sqlite(conn) => Native::Sqlite(conn),
            Self::SqliteSnapshot(conn) => Native::Sqlite(conn),
            Self::Postgres(conn) => Native::Postgres(conn),
            Self::PostgresSnapshot(conn) => Native::Postgres(conn),
        }
    }

    /// Runs statements that have no parameters and no answer (`BEGIN`, `COMMIT`), unprepared.
    pub(crate) async fn run(&mut self, text: &'static str) -> Result<(), StorageError> {
        match self.native() {
            Native::Sqlite(conn) => raw_sql(text).execute(conn).await.map(drop),
            Native::Postgres(conn) => raw_sql(text).execute(conn).await.map(drop),
        }
        .map_err(|error| failed(text, error))
    }

    /// Runs the text of a migration.
    pub(crate) async fn run_migration(
        &mut self,
        name: &'static str,
        text: String,
    ) -> Result<(), StorageError> {
        let text = sqlx::AssertSqlSafe(text);
        match self.native() {
            Native::Sqlite(conn) => raw_sql(text).execute(conn).await.map(drop),
            Native::Postgres(conn) => raw_sql(text).execute(conn).await.map(drop),
        }
        .map_err(|error| failed(name, error))
    }

    /// Runs a statement and counts the rows it changed.
    pub(crate) async fn execute(&mut self, sql: Sql, args: Vec<Value>) -> Result<u64, StorageError> {
        match self.native() {
            Native::Sqlite(conn) => query_with(sql.sqlite, sqlite_arguments(args))
                .execute(conn)
                .await
                .map(|done| done.rows_affected()),
            Native::Postgres(conn) => query_with(sql.postgres, postgres_arguments(args))
                .execute(conn)
                .await
                .map(|done| done.rows_affected()),
        }
        .map_err(|error| failed(sql.name, error))
    }

    /// Runs a statement and gives its rows as they come.
    pub(crate) fn fetch(&mut self, sql: Sql, args: Vec<Value>) -> BoxStream<'_, Result<Row, StorageError>> {
        match self.native() {
            Native::Sqlite(conn) => query_with(sql.sqlite, sqlite_arguments(args))
                .fetch(conn)
                .map(move |row| row.map(NativeRow::Sqlite))
                .boxed(),
            Native::Postgres(conn) => query_with(sql.postgres, postgres_arguments(args))
                .fetch(conn)
                .map(move |row| row.map(NativeRow::Postgres))
                .boxed(),
        }
        .map(move |row| row.map(|native| Row { native, sql }).map_err(|error| failed(sql.name, error)))
        .boxed()
    }

    /// Runs a script: how many rows each statement changed, and the rows of each answer.
    pub(crate) fn run_script(&mut self, script: Script) -> BoxStream<'_, Result<Step, StorageError>> {
        let Script { text, values, statements, .. } = script;
        let Native::Sqlite(conn) = self.native() else {
            // Only statements for SQLite wait in a script.
            return futures_util::stream::empty().boxed();
        };
        let mut statements = statements.into_iter();
        let mut current = statements.next();
        let query = query_with(sqlx::AssertSqlSafe(text), sqlite_arguments(values));
        sqlx::Executor::fetch_many(conn, query)
            .map(move |step| {
                let Some((sql, rows)) = current else {
                    return Err(StorageError::Inconsistent("a script answers more than it asks".to_owned()));
                };
                match step {
                    Ok(Either::Left(done)) => {
                        current = statements.next();
                        let changed = done.rows_affected();
                        check_rows(sql, changed, rows)?;
                        Ok(Step::Changed(changed))
                    }
                    Ok(Either::Right(row)) => Ok(Step::Row(Row { native: NativeRow::Sqlite(row), sql })),
                    Err(error) => Err(failed(sql.name, error)),
                }
            })
            .boxed()
    }

    /// Closes a connection that is not part of a pool.
    pub(crate) async fn close(self) {
        let closed = match self {
            Self::Sqlite(conn) => sqlx::Connection::close(*conn).await,
            Self::Postgres(conn) => sqlx::Connection::close(*conn).await,
            Self::SqliteSnapshot(conn) => conn.rollback().await,
            Self::PostgresSnapshot(conn) => conn.rollback().await,
        };
        if let Err(error) = closed {
            tracing::warn!(error = %error, "a database connection did not close cleanly");
        }
    }

    /// Asks the engine whether it understands the statement.
    #[cfg(test)]
    pub(crate) async fn prepare(&mut self, sql: Sql) -> Result<(), StorageError> {
        use sqlx::Executor as _;
        match self.native() {
            Native::Sqlite(conn) => conn.prepare(sqlx::SqlSafeStr::into_sql_str(sql.sqlite)).await.map(drop),
            Native::Postgres(conn) => {
                conn.prepare(sqlx::SqlSafeStr::into_sql_str(sql.postgres)).await.map(drop)
            }
        }
        .map_err(|error| failed(sql.name, error))
    }
}

macro_rules! arguments {
    ($function:ident, $arguments:ty) => {
        fn $function(values: Vec<Value>) -> $arguments {
            use sqlx::Arguments as _;
            let mut arguments = <$arguments>::default();
            arguments.reserve(values.len(), values.iter().map(Value::size_bytes).sum());
            for value in values {
                let added = match value {
                    Value::Null(Type::Bool) => arguments.add(None::<bool>),
                    Value::Null(Type::Int) => arguments.add(None::<i64>),
                    Value::Null(Type::Text) => arguments.add(None::<String>),
                    Value::Null(Type::Blob) => arguments.add(None::<Vec<u8>>),
                    Value::Bool(value) => arguments.add(value),
                    Value::Int(value) => arguments.add(value),
                    Value::Text(value) => arguments.add(value),
                    Value::Blob(value) => arguments.add(value),
                };
                // Only types that are too long or out of range fail to encode, and these four cannot be.
                debug_assert!(added.is_ok(), "a plain value is always encodable");
            }
            arguments
        }
    };
}

arguments!(sqlite_arguments, SqliteArguments);
arguments!(postgres_arguments, PgArguments);

/// Refuses that a statement changed another number of rows than it had to.
pub(crate) fn check_rows(sql: Sql, changed: u64, expected: Option<u64>) -> Result<(), StorageError> {
    match expected {
        Some(expected) if expected != changed => {
            Err(StorageError::Inconsistent(format!("{} changed {changed} rows, not {expected}", sql.name)))
        }
        _ => Ok(()),
    }
}

/// Maps an engine's error, telling a full disk from everything else.
fn failed(statement: &'static str, error: sqlx::Error) -> StorageError {
    // SQLITE_FULL, and PostgreSQL's disk_full.
    let full = matches!(&error, sqlx::Error::Database(error) if matches!(error.code().as_deref(), Some("13" | "53100")));
    if full {
        return StorageError::DiskFull;
    }
    StorageError::Statement { statement, source: Arc::new(error) }
}

/// Whether a connection is of no use any more: it ended, or the server says that it is about to (class 57P).
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// Whether an error is the engine's answer to a statement, and not a broken connection.
pub(crate) fn is_answer(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(sqlx::Error::Database(_)))
}
