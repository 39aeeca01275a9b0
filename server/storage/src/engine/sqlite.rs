use std::{
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    Connection, SqliteConnection,
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
    },
};

use crate::{
    StorageError,
    engine::{Conn, Readers},
};

/// Where the SQLite file is and how careful to be with it.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The database file; made if it is missing.
    pub path: PathBuf,
    /// When a commit returns.
    pub synchronous: Synchronous,
    /// How many snapshots can be read at the same time.
    pub readers: u32,
    /// Page cache of the writer and of all readers together.
    pub cache_size_bytes: u64,
}

/// When SQLite flushes to disk (<https://sqlite.org/pragma.html#pragma_synchronous>).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Synchronous {
    /// Never: for tests.
    Off,
    /// Before each commit returns: what was acknowledged survives a power cut.
    Full,
}

impl SqliteOptions {
    /// The file at `path`, flushed at each commit.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), synchronous: Synchronous::Full, readers: 4, cache_size_bytes: 16 << 20 }
    }

    fn connect_options(&self) -> SqliteConnectOptions {
        // A quarter for the writer, the rest shared by the readers. SQLite takes KiB as a negative number.
        let share_kib = (self.cache_size_bytes >> 10) / u64::from(self.readers + 1);
        SqliteConnectOptions::new()
            .filename(&self.path)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(500)
            .row_buffer_size(256)
            .pragma("temp_store", "memory")
            .pragma("cache_size", format!("-{share_kib}"))
            .synchronous(match self.synchronous {
                Synchronous::Off => SqliteSynchronous::Off,
                Synchronous::Full => SqliteSynchronous::Full,
            })
    }

    pub(crate) async fn connect_writer(&self) -> Result<Conn, StorageError> {
        let options = self
            .connect_options()
            .create_if_missing(true)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .journal_mode(SqliteJournalMode::Wal)
            .thread_name(|_| "sqlite-writer".to_owned());
        let conn =
            SqliteConnection::connect_with(&options).await.map_err(|error| self.cannot_open(&error))?;
        Ok(Conn::Sqlite(Box::new(conn)))
    }

    pub(crate) fn readers(&self) -> Readers {
        let options =
            self.connect_options().pragma("query_only", "on").thread_name(|id| format!("sqlite-read-{id}"));
        Readers::Sqlite(
            SqlitePoolOptions::new()
                .max_connections(self.readers)
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_lazy_with(options),
        )
    }

    fn cannot_open(&self, error: &sqlx::Error) -> StorageError {
        StorageError::open(format!("{}: {error}", self.path.display()))
    }
}

/// Takes the lock that keeps a second process off the database: a file of its own beside it, because locks on the
/// database file itself would be mixed up with SQLite's on some systems.
pub(crate) fn lock(database: &Path) -> Result<File, StorageError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let cannot_open = |error: std::io::Error| {
        let way_out = match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                "; let the user who runs myelin write to its folder"
            }
            ErrorKind::NotFound => "; make its folder",
            _ => "",
        };
        StorageError::open(format!("{}: {error}{way_out}", path.display()))
    };
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(cannot_open)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse(path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(cannot_open(error)),
    }
}
