//! What the database says about itself.

use ruma::ServerName;

use crate::{
    ReadTxn, StorageError,
    engine::{args, sql},
};

/// Remembers whose database it is at the first start, and refuses another name later: every event and user in it
/// carries the name.
pub(crate) async fn check_server_name(
    txn: &mut ReadTxn,
    server_name: &ServerName,
) -> Result<(), StorageError> {
    let stored = get_or_set(txn, "server_name", server_name.as_str()).await?;
    if stored == server_name.as_str() {
        return Ok(());
    }
    Err(StorageError::ServerName { stored, configured: server_name.to_string() })
}

/// Which life of the database this is; `fresh` becomes it at the first start.
pub(crate) async fn incarnation(txn: &mut ReadTxn, fresh: u32) -> Result<u32, StorageError> {
    let stored = get_or_set(txn, "incarnation", &fresh.to_string()).await?;
    stored.parse().map_err(|_| StorageError::Inconsistent(format!("the incarnation is {stored}")))
}

/// Starts a new life, after a restore: tokens of the old one are not understood any more.
pub(crate) async fn renew_incarnation(txn: &mut ReadTxn, fresh: u32) -> Result<(), StorageError> {
    txn.execute(SET, args!["incarnation", fresh.to_string()]).await?;
    Ok(())
}

/// Reads something that is always there.
pub(crate) async fn ping(txn: &mut ReadTxn) -> Result<(), StorageError> {
    txn.fetch_one::<String>(GET, args!["incarnation"]).await.map(drop)
}

async fn get_or_set(txn: &mut ReadTxn, name: &str, value: &str) -> Result<String, StorageError> {
    txn.execute(INSERT, args![name, value]).await?;
    txn.fetch_one(GET, args![name]).await
}

sql! {
    GET = "SELECT value FROM meta WHERE name = $1";
    INSERT = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    SET = "
        INSERT INTO meta (name, value) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
}
