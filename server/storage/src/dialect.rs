//! Where the engines differ: locks, sequences and what they say about themselves. Everything else has one text.

use crate::{
    StorageError,
    engine::{Conn, args, sql},
    transaction,
};

/// Refuses a database that sorts text by a language's rules: they differ between machines and change with updates,
/// which silently breaks indexes.
pub(crate) async fn check_collation(conn: &mut Conn) -> Result<(), StorageError> {
    let (collation, encoding): (String, String) = transaction::one(conn, COLLATION, args![]).await?;
    if !matches!(collation.as_str(), "C" | "C.UTF-8" | "POSIX") || encoding != "UTF8" {
        return Err(StorageError::Collation(format!("{collation} and encoding {encoding}")));
    }
    Ok(())
}

sql! {
    /// Begins a transaction that writes. SQLite would begin it as a reader otherwise, and fail when it writes.
    pub(crate) BEGIN = { sqlite: "BEGIN IMMEDIATE", postgres: "BEGIN" };
    pub(crate) SAVEPOINT = "SAVEPOINT unit";
    pub(crate) RELEASE_SAVEPOINT = "RELEASE SAVEPOINT unit";
    /// Waits for the lock that keeps a second process off. Such locks are per database, so a number without a meaning
    /// is enough. SQLite's is a file.
    pub(crate) LOCK = {
        sqlite: "SELECT TRUE",
        postgres: "SELECT TRUE FROM (SELECT pg_advisory_lock(7810778)) AS locked",
    };
    /// Makes commits of this session wait for the disk where the server's default is not to.
    pub(crate) WAIT_FOR_DISK = {
        sqlite: "SELECT TRUE",
        postgres: "
            SELECT set_config('synchronous_commit', 'on', FALSE) = 'on'
            WHERE current_setting('synchronous_commit') = 'off'",
    };
    COLLATION = {
        sqlite: "SELECT 'C', 'UTF8'",
        postgres: "
            SELECT CAST(datcollate AS TEXT), CAST(pg_encoding_to_char(encoding) AS TEXT)
            FROM pg_database WHERE datname = current_database()",
    };
    /// The epoch of a lease, which cannot change until the transaction ends.
    pub(crate) LEASE_EPOCH = {
        sqlite: "SELECT epoch FROM leases WHERE resource = $1",
        postgres: "SELECT epoch FROM leases WHERE resource = $1 FOR SHARE",
    };
    /// Reserves the next block of a sequence.
    pub(crate) RESERVE_BLOCK = {
        sqlite: "UPDATE sequences SET next_block = next_block + 1 WHERE name = $1 RETURNING next_block - 1",
        postgres: "SELECT nextval(CAST($1 AS REGCLASS))",
    };
    /// Numbers that no event has, as first and last ones. The only writer of a SQLite file owns all above the highest;
    /// PostgreSQL's sequence gives some.
    pub(crate) FREE_EVENT_NIDS = {
        sqlite: "SELECT COALESCE(MAX(event_nid), 0) + 1, 9223372036854775807 FROM event_ids",
        postgres: "
            SELECT number, number
            FROM (SELECT nextval('event_ids_event_nid_seq') AS number FROM generate_series(1, 32)) AS taken",
    };
    /// How many blocks of positions are reserved.
    pub(crate) RESERVED_BLOCKS = {
        sqlite: "SELECT next_block FROM sequences WHERE name = 'positions'",
        postgres: "SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM positions",
    };
}
