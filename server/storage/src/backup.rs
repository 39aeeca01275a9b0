//! Copies of a SQLite database: taken while it is in use, and put back while it is not.
//!
//! PostgreSQL has tools of its own for this, which know more than we could.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{StorageError, engine::sqlite};

/// Why a database was not copied or put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something where the copy should go.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// The file is no SQLite database, or a damaged one.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        reason: String,
    },
    /// SQLite could not copy.
    #[error("cannot copy the database: {0}")]
    Copy(String),
    /// A file could not be read, written or renamed.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process uses the database that is to be replaced.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl BackupError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// Copies the database at `from`, as it is at one moment, into a new file that only its owner can read. A server may
/// use it meanwhile.
///
/// # Errors
/// [`BackupError`]; then there is no file at `to`.
pub async fn copy_sqlite(from: &Path, to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let unfinished = with_suffix(to, ".unfinished");
    // SQLite copies into an empty file, too, and this one has our permissions.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
    let file = file.map_err(BackupError::file(&unfinished))?;
    let copied = vacuum_into(from, &unfinished).await.map_err(|error| BackupError::Copy(error.to_string()));
    let finished = copied.and_then(|()| {
        file.sync_all().map_err(BackupError::file(&unfinished))?;
        fs::rename(&unfinished, to).map_err(BackupError::file(to))?;
        sync_directory(to)
    });
    if finished.is_err() {
        // It may not have been made, and it is of no use.
        let _ = fs::remove_file(&unfinished);
    }
    finished
}

async fn vacuum_into(from: &Path, to: &Path) -> Result<(), sqlx::Error> {
    let mut conn = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(from)).await?;
    sqlx::query("VACUUM INTO $1").bind(to.to_string_lossy().into_owned()).execute(&mut conn).await?;
    conn.close().await
}

/// Puts the copy at `from` in the place of the database at `to`. What was there is moved aside; the answer is where.
///
/// # Errors
/// [`BackupError`], without anything changed, if the copy is damaged, a process uses the database, or the place for
/// what is moved aside is taken.
pub async fn restore_sqlite(from: &Path, to: &Path) -> Result<Option<PathBuf>, BackupError> {
    check(from).await?;
    let lock = sqlite::lock(to)?;
    let aside = with_suffix(to, ".before-restore");
    if aside.exists() {
        return Err(BackupError::Exists(aside));
    }
    let fresh = with_suffix(to, ".restoring");
    fs::copy(from, &fresh).map_err(BackupError::file(&fresh))?;
    File::open(&fresh).and_then(|file| file.sync_all()).map_err(BackupError::file(&fresh))?;
    let existed = to.exists();
    // The write-ahead log belongs to the file that it lies beside, and goes where that goes.
    for suffix in ["", "-wal", "-shm"] {
        let (old, new) = (with_suffix(to, suffix), with_suffix(&aside, suffix));
        match fs::rename(&old, new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(BackupError::file(&old)(error));
            }
            _ => {}
        }
    }
    fs::rename(&fresh, to).map_err(BackupError::file(to))?;
    sync_directory(to)?;
    drop(lock);
    Ok(existed.then_some(aside))
}

/// Reads a whole file as SQLite does.
async fn check(path: &Path) -> Result<(), BackupError> {
    let damaged = |reason: String| BackupError::Damaged { path: path.to_owned(), reason };
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
    let answer = async {
        let mut conn = SqliteConnection::connect_with(&options).await?;
        let answer: (String,) = sqlx::query_as("PRAGMA quick_check(1)").fetch_one(&mut conn).await?;
        conn.close().await?;
        Ok::<_, sqlx::Error>(answer.0)
    };
    match answer.await {
        Ok(answer) if answer == "ok" => Ok(()),
        Ok(answer) => Err(damaged(answer)),
        Err(error) => Err(damaged(error.to_string())),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn sync_directory(path: &Path) -> Result<(), BackupError> {
    let directory =
        path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(BackupError::file(directory))
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;
    use crate::{EngineOptions, SqliteOptions, Store, StoreOptions};

    async fn open(path: &Path) -> Store {
        Store::open(StoreOptions {
            engine: EngineOptions::Sqlite(SqliteOptions::new(path)),
            server_name: server_name!("example.org").to_owned(),
            program_version: "1".to_owned(),
            new_incarnation: 7,
        })
        .await
        .expect("a store")
    }

    /// Runs a statement on a connection of its own and answers its number.
    async fn run(path: &Path, sql: &'static str) -> i64 {
        let options = SqliteConnectOptions::new().filename(path);
        let mut conn = SqliteConnection::connect_with(&options).await.expect("a connection");
        let row: Option<(i64,)> = sqlx::query_as(sql).fetch_optional(&mut conn).await.expect("a statement");
        conn.close().await.expect("closed");
        row.map_or(0, |(number,)| number)
    }

    #[tokio::test]
    async fn copy_of_a_used_database_can_be_put_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let (live, copy) = (folder.path().join("live.db"), folder.path().join("copy.db"));
        let store = open(&live).await;
        run(&live, "CREATE TABLE marks (mark INTEGER)").await;
        run(&live, "INSERT INTO marks VALUES (1)").await;
        copy_sqlite(&live, &copy).await.expect("a copy");
        run(&live, "INSERT INTO marks VALUES (2)").await;

        let refused = restore_sqlite(&copy, &live).await;
        assert!(matches!(refused, Err(BackupError::Storage(StorageError::InUse(_)))), "{refused:?}");
        store.close().await;
        let aside = restore_sqlite(&copy, &live).await.expect("put back").expect("moved aside");
        open(&live).await.close().await;
        assert_eq!(run(&live, "SELECT COUNT(*) FROM marks").await, 1);
        assert_eq!(run(&aside, "SELECT COUNT(*) FROM marks").await, 2);
        assert!(
            matches!(restore_sqlite(&copy, &live).await, Err(BackupError::Exists(path)) if path == aside)
        );
    }

    #[tokio::test]
    async fn damaged_copy_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (live, copy) = (folder.path().join("live.db"), folder.path().join("copy.db"));
        open(&live).await.close().await;
        copy_sqlite(&live, &copy).await.expect("a copy");
        assert!(matches!(copy_sqlite(&live, &copy).await, Err(BackupError::Exists(_))));
        let bytes = fs::read(&copy).expect("the copy");
        let before = fs::read(&live).expect("the database");
        for damaged in
            [&bytes[..bytes.len() / 2], b"no database at all, but long enough to be read as one".as_slice()]
        {
            fs::write(&copy, damaged).expect("written");
            assert!(matches!(restore_sqlite(&copy, &live).await, Err(BackupError::Damaged { .. })));
        }
        assert_eq!(fs::read(&live).expect("the database"), before);
    }

    #[tokio::test]
    async fn failed_copy_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("copy.db");
        assert!(copy_sqlite(&folder.path().join("missing.db"), &copy).await.is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
    }
}
