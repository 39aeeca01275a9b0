//! What is known of files that this server's users have sent.

use ruma::{OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, args, sql},
};

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// The part of its address after the server's name.
    pub media_id: String,
    /// Who sent it.
    pub user_id: OwnedUserId,
    /// What the sender says it is.
    pub content_type: String,
    /// The name that the sender gave it.
    pub file_name: Option<String>,
    /// How long it is.
    pub size_bytes: i64,
    /// When it was sent, in milliseconds since 1970.
    pub created_ts: i64,
}

impl FromRow for LocalMedia {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            media_id: row.get(0)?,
            user_id: row.get(1)?,
            content_type: row.get(2)?,
            file_name: row.get(3)?,
            size_bytes: row.get(4)?,
            created_ts: row.get(5)?,
        })
    }
}

/// Makes a file known, whose id nobody has.
pub async fn insert(txn: &mut WriteTxn, media: &LocalMedia) -> Result<(), StorageError> {
    let LocalMedia { media_id, user_id, content_type, file_name, size_bytes, created_ts } = media;
    let args = args![media_id, user_id, content_type, file_name.as_deref(), *size_bytes, *created_ts];
    txn.execute(INSERT, args).await?;
    Ok(())
}

/// The file of that id.
pub async fn find(txn: &mut ReadTxn, media_id: &str) -> Result<Option<LocalMedia>, StorageError> {
    txn.fetch_optional(FIND, args![media_id]).await
}

/// How many bytes a user has sent since then.
pub async fn sum_size_bytes(txn: &mut ReadTxn, user_id: &UserId, since_ts: i64) -> Result<i64, StorageError> {
    txn.fetch_one(SUM, args![user_id, since_ts]).await
}

sql! {
    INSERT = "
        INSERT INTO local_media (media_id, user_id, content_type, file_name, size_bytes, created_ts)
        VALUES ($1, $2, $3, $4, $5, $6)";
    FIND = "
        SELECT media_id, user_id, content_type, file_name, size_bytes, created_ts
        FROM local_media WHERE media_id = $1";
    SUM = "
        SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM local_media
        WHERE user_id = $1 AND created_ts > $2";
}
