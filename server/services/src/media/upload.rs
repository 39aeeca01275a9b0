//! Addresses and the files that are sent to them.

use std::{
    collections::HashSet,
    sync::{MutexGuard, PoisonError},
};

use myelin_storage::{WriteTxn, media};
use ruma::{OwnedUserId, ServerName, UserId};

use super::{Media, MediaError, files::Upload};
use crate::ratelimit::LimitExceeded;

/// An address is removed so long after it expired: somebody may have begun to send to it before.
const UNUSED_GRACE_MS: i64 = 60 * 60 * 1000;

/// Characters of a file's name and of its type at most.
const MAX_TEXT: usize = 255;

/// What a client says of the file that it sends.
#[derive(Clone, Debug, Default)]
pub struct Description {
    pub media_type: Option<String>,
    pub name: Option<String>,
}

/// An address to which one client may send.
pub struct Reservation {
    media: Media,
    media_id: String,
    user_id: OwnedUserId,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.media.filling().remove(&self.media_id);
    }
}

impl Media {
    /// Makes an address to which the user can send later. Gives its id, and until when.
    ///
    /// # Errors
    /// [`MediaError::LimitExceeded`].
    pub async fn create(&self, user_id: &UserId) -> Result<(String, i64), MediaError> {
        self.0.creations.record(user_id.to_owned())?;
        let now_ts = self.0.clock.now_ts();
        let limit = self.0.settings.max_pending_media_uploads;
        let mut txn = self.0.store.write("media::create").await?;
        media::delete_unused(&mut txn, now_ts - self.lifetime_ms() - UNUSED_GRACE_MS).await?;
        let pending =
            media::list_pending(&mut txn, user_id, now_ts - self.lifetime_ms(), limit.max(1)).await?;
        if u32::try_from(pending.len()).is_ok_and(|pending| pending >= limit) {
            let oldest_ts = pending.first().copied().unwrap_or(now_ts);
            let retry_after_ms = (oldest_ts + self.lifetime_ms() - now_ts).max(1);
            return Err(LimitExceeded { retry_after_ms }.into());
        }
        let media_id = self.0.random.letters(24);
        media::insert(&mut txn, &media_id, &self.new_media(user_id, now_ts, None)).await?;
        txn.commit().await?;
        Ok((media_id, now_ts + self.lifetime_ms()))
    }

    /// Begins to take a file. Dropping the upload leaves nothing behind.
    ///
    /// # Errors
    /// [`MediaError::File`].
    pub async fn begin_upload(&self) -> Result<Upload, MediaError> {
        self.0.files.begin(&self.0.random.letters(24), self.0.settings.max_upload_size).await
    }

    /// Keeps a file that was taken whole. Gives its id.
    ///
    /// # Errors
    /// [`MediaError`]; nothing was kept then.
    pub async fn keep(
        &self,
        upload: Upload,
        user_id: &UserId,
        description: Description,
    ) -> Result<String, MediaError> {
        let (media, user_id) = (self.clone(), user_id.to_owned());
        // A file and its row belong together, so a client that is gone does not stop the work between them.
        let kept = self.0.tasks.complete(async move {
            let media_id = media.0.random.letters(24);
            media
                .place(upload, &media_id, description, async |mut txn, content| {
                    media.check_quotas(&mut txn, &user_id, &content).await?;
                    let row = media.new_media(&user_id, content.uploaded_ts, Some(content));
                    media::insert(&mut txn, &media_id, &row).await?;
                    Ok(txn)
                })
                .await?;
            Ok(media_id)
        });
        kept.await?
    }

    /// Whether the user may send to an address now; nobody else may until the answer is dropped.
    ///
    /// # Errors
    /// [`MediaError`] if the user may not.
    pub async fn reserve(
        &self,
        server_name: &ServerName,
        media_id: &str,
        user_id: &UserId,
    ) -> Result<Reservation, MediaError> {
        if server_name != self.0.server_name {
            return Err(MediaError::NotFound);
        }
        if !self.filling().insert(media_id.to_owned()) {
            return Err(MediaError::Exists);
        }
        let reservation =
            Reservation { media: self.clone(), media_id: media_id.to_owned(), user_id: user_id.to_owned() };
        let found = self.find(media_id).await?;
        if found.user_id != user_id {
            return Err(MediaError::OtherUser);
        }
        if found.content.is_some() {
            return Err(MediaError::Exists);
        }
        if found.created_ts + self.lifetime_ms() <= self.0.clock.now_ts() {
            return Err(MediaError::NotFound);
        }
        Ok(reservation)
    }

    /// Keeps a file at an address that was made before.
    ///
    /// # Errors
    /// [`MediaError`]; nothing was kept then.
    pub async fn fill(
        &self,
        reservation: Reservation,
        upload: Upload,
        description: Description,
    ) -> Result<(), MediaError> {
        let media = self.clone();
        let filled = self.0.tasks.complete(async move {
            let Reservation { media_id, user_id, .. } = &reservation;
            let authenticated = media.0.settings.enable_authenticated_media;
            media
                .place(upload, media_id, description, async |mut txn, content| {
                    media.check_quotas(&mut txn, user_id, &content).await?;
                    let filled = media::fill(&mut txn, media_id, &content, authenticated).await?;
                    if filled { Ok(txn) } else { Err(MediaError::NotFound) }
                })
                .await?;
            media.0.filled.send_modify(|count| *count += 1);
            Ok(())
        });
        filled.await?
    }

    /// Puts a file to its place and stores what is known of it. Without the one there is not the other.
    async fn place(
        &self,
        upload: Upload,
        media_id: &str,
        description: Description,
        store: impl AsyncFnOnce(WriteTxn, media::MediaContent) -> Result<WriteTxn, MediaError>,
    ) -> Result<(), MediaError> {
        let (size_bytes, sha256) = self.0.files.place(upload, media_id).await?;
        let short = |text: String| text.chars().take(MAX_TEXT).collect::<String>();
        let media_type = description.media_type.filter(|media_type| !media_type.is_empty());
        let content = media::MediaContent {
            media_type: media_type.map_or_else(|| "application/octet-stream".to_owned(), short),
            size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
            upload_name: description.name.filter(|name| !name.is_empty()).map(short),
            sha256,
            uploaded_ts: self.0.clock.now_ts(),
        };
        let stored = async {
            let txn = self.0.store.write("media::place").await?;
            Ok(store(txn, content).await?.commit().await?)
        };
        match stored.await {
            Ok(_) => Ok(()),
            Err(error) => {
                self.0.files.remove(media_id).await;
                Err(error)
            }
        }
    }

    /// `media_upload_limits`: how much a user may send in a time.
    async fn check_quotas(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
        content: &media::MediaContent,
    ) -> Result<(), MediaError> {
        for quota in &self.0.settings.media_upload_limits {
            let period_ms = i64::try_from(quota.time_period.as_millis()).unwrap_or(i64::MAX);
            let after_ts = content.uploaded_ts.saturating_sub(period_ms);
            let sent = media::sum_size_bytes(txn, user_id, after_ts).await?;
            let sent = u64::try_from(sent.saturating_add(content.size_bytes)).unwrap_or_default();
            if sent > quota.max_size {
                return Err(MediaError::QuotaExceeded);
            }
        }
        Ok(())
    }

    fn new_media(
        &self,
        user_id: &UserId,
        created_ts: i64,
        content: Option<media::MediaContent>,
    ) -> media::Media {
        media::Media {
            user_id: user_id.to_owned(),
            created_ts,
            content,
            authenticated: self.0.settings.enable_authenticated_media,
            is_quarantined: false,
        }
    }

    fn filling(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
