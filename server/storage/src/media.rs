//! Files that users of this server sent.

use ruma::{OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, args, sql},
};

/// What is known of a file.
#[derive(Clone, Debug)]
pub struct Media {
    pub user_id: OwnedUserId,
    pub created_ts: i64,
    /// `None` while nothing was sent to the address.
    pub content: Option<MediaContent>,
    /// Whether only those who are logged in may see it.
    pub authenticated: bool,
    pub is_quarantined: bool,
}

/// What is known of the content of a file.
#[derive(Clone, Debug)]
pub struct MediaContent {
    pub media_type: String,
    pub size_bytes: i64,
    pub upload_name: Option<String>,
    /// In hexadecimal digits.
    pub sha256: String,
    /// When it was there whole.
    pub uploaded_ts: i64,
}

impl FromRow for Media {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        let media_type: Option<String> = row.get(2)?;
        let size_bytes: Option<i64> = row.get(3)?;
        let upload_name = row.get(4)?;
        let sha256: Option<String> = row.get(5)?;
        let uploaded_ts: Option<i64> = row.get(8)?;
        let content = media_type.zip(size_bytes).map(|(media_type, size_bytes)| MediaContent {
            media_type,
            size_bytes,
            upload_name,
            sha256: sha256.unwrap_or_default(),
            uploaded_ts: uploaded_ts.unwrap_or_default(),
        });
        Ok(Self {
            user_id: row.get(0)?,
            created_ts: row.get(1)?,
            content,
            authenticated: row.get(6)?,
            is_quarantined: row.get(7)?,
        })
    }
}

/// Adds a file, or the address of one to come.
pub async fn insert(txn: &mut WriteTxn, media_id: &str, media: &Media) -> Result<(), StorageError> {
    let content = media.content.as_ref();
    txn.execute(
        INSERT,
        args![
            media_id,
            &media.user_id,
            media.created_ts,
            content.map(|content| content.media_type.as_str()),
            content.map(|content| content.size_bytes),
            content.and_then(|content| content.upload_name.as_deref()),
            content.map(|content| content.sha256.as_str()),
            media.authenticated,
            content.map(|content| content.uploaded_ts),
        ],
    )
    .await?;
    Ok(())
}

/// Fills an address; `false` if it is not there or is filled already.
pub async fn fill(
    txn: &mut WriteTxn,
    media_id: &str,
    content: &MediaContent,
    authenticated: bool,
) -> Result<bool, StorageError> {
    let MediaContent { media_type, size_bytes, upload_name, sha256, uploaded_ts } = content;
    let upload_name = upload_name.as_deref();
    let args = args![media_id, media_type, *size_bytes, upload_name, sha256, authenticated, *uploaded_ts];
    Ok(txn.execute(FILL, args).await? == 1)
}

/// What is known of a file.
pub async fn find(txn: &mut ReadTxn, media_id: &str) -> Result<Option<Media>, StorageError> {
    txn.fetch_optional(FIND, args![media_id]).await
}

/// When the addresses of a user were made, after a time, that nothing was sent to; the oldest first, `limit` at most.
pub async fn list_pending(
    txn: &mut ReadTxn,
    user_id: &UserId,
    after_ts: i64,
    limit: u32,
) -> Result<Vec<i64>, StorageError> {
    txn.fetch_all(LIST_PENDING, args![user_id, after_ts, limit]).await
}

/// Removes some of the addresses made before a time to which nothing was sent.
pub async fn delete_unused(txn: &mut WriteTxn, before_ts: i64) -> Result<u64, StorageError> {
    txn.execute(DELETE_UNUSED, args![before_ts]).await
}

/// Bytes that a user has sent after a time.
pub async fn sum_size_bytes(txn: &mut ReadTxn, user_id: &UserId, after_ts: i64) -> Result<i64, StorageError> {
    txn.fetch_one(SUM_SIZE_BYTES, args![user_id, after_ts]).await
}

sql! {
    INSERT = "
        INSERT INTO media (
            media_id, user_id, created_ts, media_type, size_bytes, upload_name, sha256, authenticated, uploaded_ts,
            quarantined_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)";
    FILL = "
        UPDATE media
        SET media_type = $2, size_bytes = $3, upload_name = $4, sha256 = $5, authenticated = $6, uploaded_ts = $7
        WHERE media_id = $1 AND size_bytes IS NULL";
    FIND = "
        SELECT user_id, created_ts, media_type, size_bytes, upload_name, sha256, authenticated,
            quarantined_by IS NOT NULL, uploaded_ts
        FROM media
        WHERE media_id = $1";
    DELETE_UNUSED = "
        DELETE FROM media
        WHERE media_id IN (
            SELECT media_id FROM media
            WHERE size_bytes IS NULL AND created_ts < $1
            ORDER BY created_ts
            LIMIT 100
        )";
    SUM_SIZE_BYTES = "
        SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM media
        WHERE user_id = $1 AND uploaded_ts > $2";
    LIST_PENDING = "
        SELECT created_ts FROM media
        WHERE user_id = $1 AND created_ts > $2 AND size_bytes IS NULL
        ORDER BY created_ts
        LIMIT $3";
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;
    use crate::testing::TestStore;

    fn media(created_ts: i64, content: Option<MediaContent>) -> Media {
        let user_id = user_id!("@alice:myelin.test").to_owned();
        Media { user_id, created_ts, content, authenticated: true, is_quarantined: false }
    }

    fn content(uploaded_ts: i64) -> MediaContent {
        let (media_type, sha256) = ("a/b".to_owned(), String::new());
        MediaContent { media_type, size_bytes: 10, upload_name: None, sha256, uploaded_ts }
    }

    #[tokio::test]
    async fn only_old_addresses_without_a_file_are_removed() {
        let store = TestStore::open().await;
        let mut txn = store.write("test").await.unwrap();
        insert(&mut txn, "old", &media(1, None)).await.unwrap();
        insert(&mut txn, "new", &media(2, None)).await.unwrap();
        insert(&mut txn, "used", &media(1, Some(content(1)))).await.unwrap();
        assert_eq!(delete_unused(&mut txn, 2).await.unwrap(), 1);
        assert!(find(&mut txn, "old").await.unwrap().is_none());
        assert!(find(&mut txn, "new").await.unwrap().is_some());
        assert!(find(&mut txn, "used").await.unwrap().is_some());
    }
}
