//! Taking a file in, piece by piece: it has its name only when it is whole.

use std::{io, path::PathBuf};

use myelin_storage::{StorageError, local_media};
use ruma::{OwnedMxcUri, UserId};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
};

use super::{LocalMedia, Media, paths};

/// Letters of a new file's id, as in Synapse.
const ID_LETTERS: usize = 24;

/// Bytes of a file's name and of its type at most; longer ones are cut or replaced.
const MAX_NAME_BYTES: usize = 255;

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is larger than the configuration allows.
    #[error("Upload request body is too large")]
    TooLarge,
    /// The user has sent too much of late.
    #[error("Upload limit exceeded")]
    LimitExceeded,
    /// The disk refuses it.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// A file that is being sent. Dropped before its end, it leaves nothing behind.
#[derive(Debug)]
pub struct Upload {
    media: Media,
    file: File,
    path: PathBuf,
    size_bytes: u64,
    is_kept: bool,
}

impl std::fmt::Debug for Media {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Media").finish_non_exhaustive()
    }
}

impl Media {
    /// Begins to take a file in, of the length that the client announces.
    ///
    /// # Errors
    /// [`UploadError`].
    pub async fn begin_upload(
        &self,
        user_id: &UserId,
        announced_bytes: Option<u64>,
    ) -> Result<Upload, UploadError> {
        let announced_bytes = announced_bytes.unwrap_or_default();
        if announced_bytes > self.max_upload_size_bytes() {
            return Err(UploadError::TooLarge);
        }
        self.check_limits(user_id, announced_bytes).await?;
        let folder = self.0.settings.media_store_path.join("uploads");
        let path = folder.join(self.0.random.letters(ID_LETTERS));
        let created = async {
            fs::create_dir_all(&folder).await?;
            File::create_new(&path).await
        };
        let file = created.await.map_err(|source| UploadError::Write { path: path.clone(), source })?;
        Ok(Upload { media: self.clone(), file, path, size_bytes: 0, is_kept: false })
    }

    /// `media_upload_limits`: how much a user may send in a time.
    async fn check_limits(&self, user_id: &UserId, size_bytes: u64) -> Result<(), UploadError> {
        let limits = &self.0.settings.media_upload_limits;
        if limits.is_empty() {
            return Ok(());
        }
        let mut txn = self.0.store.read().await?;
        for limit in limits {
            let window_ms = i64::try_from(limit.time_period.as_millis()).unwrap_or(i64::MAX);
            let since_ts = self.0.clock.now_ts().saturating_sub(window_ms);
            let sent = local_media::sum_size_bytes(&mut txn, user_id, since_ts).await?;
            if u64::try_from(sent).unwrap_or_default().saturating_add(size_bytes) > limit.max_size {
                return Err(UploadError::LimitExceeded);
            }
        }
        Ok(())
    }
}

impl Upload {
    /// Adds a piece.
    ///
    /// # Errors
    /// [`UploadError`] if there is too much of it, or the disk is full.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), UploadError> {
        self.size_bytes += piece.len() as u64;
        if self.size_bytes > self.media.max_upload_size_bytes() {
            return Err(UploadError::TooLarge);
        }
        self.file.write_all(piece).await.map_err(|source| self.failed(source))
    }

    /// Ends the file and gives it its address.
    ///
    /// # Errors
    /// [`UploadError`].
    pub async fn finish(
        mut self,
        user_id: &UserId,
        content_type: Option<&str>,
        file_name: Option<&str>,
    ) -> Result<OwnedMxcUri, UploadError> {
        self.media.check_limits(user_id, self.size_bytes).await?;
        let shared = self.media.0.clone();
        let media_id = shared.random.letters(ID_LETTERS);
        let target = paths::content(&shared.settings.media_store_path, &media_id)
            .expect("letters are an id of a file");
        // On disk before anybody is told its address.
        let moved = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder).await?;
            }
            fs::rename(&self.path, &target).await
        };
        let moved = moved.await;
        moved.map_err(|source| self.failed(source))?;
        self.path.clone_from(&target);
        let media = LocalMedia {
            media_id: media_id.clone(),
            user_id: user_id.to_owned(),
            content_type: fitting(content_type).unwrap_or("application/octet-stream").to_owned(),
            file_name: file_name.map(|name| name[..name.floor_char_boundary(MAX_NAME_BYTES)].to_owned()),
            size_bytes: i64::try_from(self.size_bytes).unwrap_or(i64::MAX),
            created_ts: shared.clock.now_ts(),
        };
        let mut txn = shared.store.write("media::upload").await?;
        local_media::insert(&mut txn, &media).await?;
        txn.commit().await?;
        self.is_kept = true;
        Ok(OwnedMxcUri::from(format!("mxc://{}/{media_id}", shared.server_name)))
    }

    fn failed(&self, source: io::Error) -> UploadError {
        UploadError::Write { path: self.path.clone(), source }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), error = %error, "an unfinished upload stays on disk");
        }
    }
}

/// A type that can stand in a header again.
fn fitting(content_type: Option<&str>) -> Option<&str> {
    content_type.filter(|text| {
        !text.is_empty()
            && text.len() <= MAX_NAME_BYTES
            && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    })
}
