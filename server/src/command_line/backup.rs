//! `myelin backup` and `myelin restore`, for a server on SQLite.
//!
//! A backup is a folder: the database as of one moment, the signing key, what it is a backup of, and a list of the
//! media files. Media never change once they are there, so the usual tools copy them; the list says which belong.

use std::fs::{self, DirBuilder, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use myelin_config::{Config, DatabaseConfig};
use myelin_services::clock::Clock;
use myelin_storage::{copy_sqlite, restore_sqlite};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::arguments::{BackupArguments, RestoreArguments};
use super::block_on;
use crate::process::private_file;
use crate::wiring;

const DATABASE: &str = "homeserver.db";
const SIGNING_KEY: &str = "signing.key";
const MEDIA: &str = "media.list";
const MANIFEST: &str = "backup.json";

const POSTGRES: &str =
    "the database is PostgreSQL, whose own tools do this: pg_dump and pg_restore (docs/backup.md says how)";

/// What a folder is a backup of. It is written last: a folder without it is no whole backup.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    server_name: String,
    created_ts: i64,
    program_version: String,
    media_files: u64,
    media_bytes: u64,
}

/// Makes a backup in a new folder. The server may run.
pub(super) fn backup(arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.paths.load()?;
    let database = sqlite_path(&config)?;
    let directory = &arguments.directory;
    DirBuilder::new()
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    block_on(async { Ok(copy_sqlite(database, &directory.join(DATABASE)).await?) })?;
    if config.signing_keys.signing_key.is_none() {
        let path = &config.signing_keys.signing_key_path;
        let key = fs::read_to_string(path)
            .with_context(|| format!("cannot read signing key {}", path.display()))?;
        private_file::create(&directory.join(SIGNING_KEY), &Zeroizing::new(key))?;
    }
    let media = &config.media.media_store_path;
    // After the database: every file that the database knows is in the list, and perhaps a few more.
    let (media_files, media_bytes) = list_media(media, &directory.join(MEDIA))
        .with_context(|| format!("cannot list the media in {}", media.display()))?;
    let manifest = Manifest {
        server_name: config.server.server_name,
        created_ts: Clock::system().now_ts(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        media_files,
        media_bytes,
    };
    private_file::create(&directory.join(MANIFEST), &serde_json::to_string_pretty(&manifest)?)?;
    println!("The database and the signing key are in {}.", directory.display());
    println!(
        "Copy {media_files} media files ({media_bytes} bytes) from {}, listed in {}, for example:\n  \
         rsync -a --files-from={} {} DESTINATION",
        media.display(),
        directory.join(MEDIA).display(),
        directory.join(MEDIA).display(),
        media.display(),
    );
    Ok(ExitCode::SUCCESS)
}

/// Puts a backup in force. The server must not run.
pub(super) fn restore(arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    let config = arguments.paths.load()?;
    let Some(directory) = &arguments.directory else {
        block_on(renew_incarnation(&config))?;
        return Ok(ExitCode::SUCCESS);
    };
    let database = sqlite_path(&config)?;
    let path = directory.join(MANIFEST);
    let text =
        fs::read_to_string(&path).with_context(|| format!("{} is no whole backup", directory.display()))?;
    let manifest: Manifest =
        serde_json::from_str(&text).with_context(|| format!("cannot read {}", path.display()))?;
    if manifest.server_name != config.server.server_name {
        bail!("it is a backup of {}, and this is {}", manifest.server_name, config.server.server_name);
    }
    restore_signing_key(&config, &directory.join(SIGNING_KEY))?;
    let aside = block_on(async {
        let aside = restore_sqlite(&directory.join(DATABASE), database).await?;
        renew_incarnation(&config).await?;
        anyhow::Ok(aside)
    })?;
    println!("Restored {}.", database.display());
    if let Some(aside) = aside {
        println!("The database that was there is now {}.", aside.display());
    }
    let missing = missing_media(&directory.join(MEDIA), &config.media.media_store_path)?;
    if missing > 0 {
        println!(
            "{missing} of {} media files are missing from {}: copy them from where you keep them.",
            manifest.media_files,
            config.media.media_store_path.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Whoever holds a position of the lost time must not go on from it.
async fn renew_incarnation(config: &Config) -> anyhow::Result<()> {
    let store = wiring::open_store(config).await?;
    let renewed = store.renew_incarnation(rand::random()).await;
    store.close().await;
    Ok(renewed?)
}

fn sqlite_path(config: &Config) -> anyhow::Result<&Path> {
    match &config.database {
        DatabaseConfig::Sqlite(sqlite) => Ok(&sqlite.path),
        DatabaseConfig::Postgres(_) => bail!(POSTGRES),
    }
}

/// The key that is there stays; another one than that of the backup is a reason to stop.
fn restore_signing_key(config: &Config, copy: &Path) -> anyhow::Result<()> {
    if config.signing_keys.signing_key.is_some() {
        return Ok(());
    }
    let path = &config.signing_keys.signing_key_path;
    let key = fs::read_to_string(copy).with_context(|| format!("cannot read {}", copy.display()))?;
    let key = Zeroizing::new(key);
    if !path.exists() {
        return private_file::create(path, &key).with_context(|| format!("cannot write {}", path.display()));
    }
    let present =
        Zeroizing::new(fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?);
    if present.trim() != key.trim() {
        bail!(
            "{} is another signing key than that of the backup: move it away, or replace the one in the backup",
            path.display()
        );
    }
    Ok(())
}

/// Writes the path of each file below `media`, relative to it; answers their number and bytes.
fn list_media(media: &Path, list: &Path) -> anyhow::Result<(u64, u64)> {
    let mut list = BufWriter::new(File::create_new(list)?);
    let (mut files, mut bytes) = (0, 0);
    let mut directories = if media.exists() { vec![media.to_owned()] } else { Vec::new() };
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() {
                writeln!(list, "{}", entry.path().strip_prefix(media)?.display())?;
                files += 1;
                // A file that is being removed right now has no size.
                bytes += entry.metadata().map_or(0, |metadata| metadata.len());
            }
        }
    }
    list.flush()?;
    list.get_ref().sync_all()?;
    Ok((files, bytes))
}

fn missing_media(list: &Path, media: &Path) -> anyhow::Result<usize> {
    let list = File::open(list).with_context(|| format!("cannot read {}", list.display()))?;
    let mut missing = 0;
    for line in BufReader::new(list).lines() {
        missing += usize::from(!media.join(PathBuf::from(line?)).exists());
    }
    Ok(missing)
}
