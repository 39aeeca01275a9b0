//! Files that users send: <https://spec.matrix.org/v1.19/client-server-api/#content-repository>.
//!
//! A file lies where Synapse would put it ([`files`]); the database knows what it is. Thumbnails are made when somebody
//! asks for one, and kept ([`thumbnail`]).

mod files;
mod thumbnail;

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use myelin_config::{MediaConfig, RateLimit};
use myelin_storage::{StorageError, Store, media};
use ruma::{OwnedUserId, ServerName, UserId};
use tokio::sync::{Semaphore, oneshot, watch};

use self::files::Files;
pub use self::{
    files::Upload,
    thumbnail::{ThumbnailError, ThumbnailRequest},
};
use crate::{
    clock::Clock,
    random::Random,
    ratelimit::{LimitExceeded, RateLimiter},
    tasks::Tasks,
};

pub use myelin_config::ThumbnailMethod;

/// How long a client can have us wait for a file at most.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Images that are worked on at once: each takes memory for its pixels.
const MAX_IMAGES: usize = 2;

/// Characters of a file's name and of its type at most.
const MAX_TEXT: usize = 255;

/// What the media store is made of.
pub struct MediaParts {
    pub store: Store,
    pub clock: Clock,
    pub random: Random,
    pub server_name: ruma::OwnedServerName,
    pub settings: MediaConfig,
    pub create_limit: RateLimit,
    pub tasks: Tasks,
}

/// The media store. Cheap to clone.
#[derive(Clone)]
pub struct Media(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    random: Random,
    server_name: ruma::OwnedServerName,
    settings: MediaConfig,
    files: Files,
    creations: RateLimiter<OwnedUserId>,
    /// Addresses to which somebody is sending.
    filling: Mutex<HashSet<String>>,
    /// Counts the addresses that were filled, for those who wait for one.
    filled: watch::Sender<u64>,
    images: Semaphore,
    tasks: Tasks,
}

/// Why there is no file, or none can be sent.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// There is no such file, or not for whoever asks.
    #[error("Not found")]
    NotFound,
    /// It is on another server, which cannot be asked.
    #[error("Media of other servers cannot be fetched: this server does not federate")]
    OtherServer,
    /// The address was made, and nothing has been sent to it.
    #[error("Media has not been uploaded yet")]
    NotYetUploaded,
    /// Only the user who made an address may send to it.
    #[error("Only the creator of the media ID can upload to it")]
    OtherUser,
    /// There is something already.
    #[error("Media ID already has content")]
    Exists,
    /// More bytes than a file may have.
    #[error("Upload request body is too large")]
    TooLarge,
    /// The user has sent too much of late.
    #[error("Media upload limit exceeded")]
    QuotaExceeded,
    /// Too many addresses were made, or too fast.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The file system failed.
    #[error("media store: {0}")]
    File(#[from] io::Error),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// What a client says of the file that it sends.
#[derive(Clone, Debug, Default)]
pub struct Description {
    pub media_type: Option<String>,
    pub name: Option<String>,
}

/// A file to be read.
#[derive(Debug)]
pub struct StoredFile {
    pub path: PathBuf,
    pub media_type: String,
    pub size_bytes: u64,
    pub name: Option<String>,
}

/// Who wants a file, and which.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub server_name: &'a ServerName,
    pub media_id: &'a str,
    /// How long to wait for a file that is still to be sent.
    pub wait: Duration,
    /// Whether whoever asks has an account.
    pub is_authenticated: bool,
}

impl<'a> Wanted<'a> {
    /// A file that somebody with an account asks for.
    pub fn by_user(server_name: &'a ServerName, media_id: &'a str, wait: Duration) -> Self {
        Self { server_name, media_id, wait, is_authenticated: true }
    }

    /// A file that anybody asks for.
    pub fn by_anybody(server_name: &'a ServerName, media_id: &'a str, wait: Duration) -> Self {
        Self { server_name, media_id, wait, is_authenticated: false }
    }
}

impl Media {
    /// The media store of the settings.
    pub fn new(parts: MediaParts) -> Self {
        let MediaParts { store, clock, random, server_name, settings, create_limit, tasks } = parts;
        Self(Arc::new(Shared {
            store,
            creations: RateLimiter::new(create_limit, clock.clone()),
            clock,
            random,
            server_name,
            files: Files::new(settings.media_store_path.clone()),
            settings,
            filling: Mutex::default(),
            filled: watch::Sender::new(0),
            images: Semaphore::new(MAX_IMAGES),
            tasks,
        }))
    }

    /// Bytes that a file can have.
    pub fn max_upload_bytes(&self) -> u64 {
        self.0.settings.max_upload_size
    }

    /// The `mxc` address of a file of this server.
    pub fn address(&self, media_id: &str) -> String {
        format!("mxc://{}/{media_id}", self.0.server_name)
    }

    /// Makes an address to which the user can send later. Gives its id, and until when.
    ///
    /// # Errors
    /// [`MediaError::LimitExceeded`].
    pub async fn create(&self, user_id: &UserId) -> Result<(String, i64), MediaError> {
        self.0.creations.record(user_id.to_owned())?;
        let now_ts = self.0.clock.now_ts();
        let limit = self.0.settings.max_pending_media_uploads;
        let mut txn = self.0.store.write("media::create").await?;
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
        self.check_quotas(user_id, upload.written_bytes()).await?;
        let (media, user_id) = (self.clone(), user_id.to_owned());
        self.to_the_end(async move {
            let media_id = media.0.random.letters(24);
            let content = media.place(upload, &media_id, description).await?;
            let row = media.new_media(&user_id, media.0.clock.now_ts(), Some(content));
            let stored = async {
                let mut txn = media.0.store.write("media::keep").await?;
                media::insert(&mut txn, &media_id, &row).await?;
                txn.commit().await
            };
            if let Err(error) = stored.await {
                media.0.files.remove(&media_id).await;
                return Err(error.into());
            }
            Ok(media_id)
        })
        .await
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
        self.check_quotas(&reservation.user_id, upload.written_bytes()).await?;
        let media = self.clone();
        self.to_the_end(async move {
            let media_id = &reservation.media_id;
            let content = media.place(upload, media_id, description).await?;
            let stored = async {
                let mut txn = media.0.store.write("media::fill").await?;
                let authenticated = media.0.settings.enable_authenticated_media;
                if !media::fill(&mut txn, media_id, &content, authenticated).await? {
                    return Err(MediaError::NotFound);
                }
                Ok(txn.commit().await?)
            };
            if let Err(error) = stored.await {
                media.0.files.remove(media_id).await;
                return Err(error);
            }
            media.0.filled.send_modify(|count| *count += 1);
            Ok(())
        })
        .await
    }

    /// A file and its row belong together, so a client that is gone does not stop the work between them.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, MediaError>> + Send + 'static,
    ) -> Result<T, MediaError> {
        let (tell, told) = oneshot::channel();
        self.0.tasks.spawn(async move {
            // Nobody is there any more to be told.
            let _told = tell.send(work.await);
        });
        told.await.unwrap_or_else(|_| Err(io::Error::other("the work was given up").into()))
    }

    /// The file at an address, waiting for one that is still to be sent.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn get(&self, wanted: Wanted<'_>) -> Result<StoredFile, MediaError> {
        let content = self.wait_for(wanted).await?;
        Ok(StoredFile {
            path: self.0.files.path(wanted.media_id),
            media_type: content.media_type,
            size_bytes: u64::try_from(content.size_bytes).unwrap_or_default(),
            name: content.upload_name,
        })
    }

    /// A small form of an image.
    ///
    /// # Errors
    /// [`ThumbnailError`].
    pub async fn get_thumbnail(
        &self,
        wanted: Wanted<'_>,
        request: ThumbnailRequest,
    ) -> Result<StoredFile, ThumbnailError> {
        self.wait_for(wanted).await?;
        let settings = &self.0.settings;
        let request =
            if settings.dynamic_thumbnails { request } else { request.nearest(&settings.thumbnail_sizes)? };
        if let Some(found) = self.0.files.find_thumbnail(wanted.media_id, request).await? {
            return Ok(found);
        }
        let Ok(_permit) = self.0.images.acquire().await else { return Err(ThumbnailError::NotAnImage) };
        let (source, max_pixels) = (self.0.files.path(wanted.media_id), settings.max_image_pixels);
        let made = tokio::task::spawn_blocking(move || thumbnail::make(&source, request, max_pixels)).await;
        let made = match made {
            Ok(made) => made?,
            Err(error) => {
                tracing::error!(error = %error, "a thumbnail could not be made");
                return Err(ThumbnailError::NotAnImage);
            }
        };
        Ok(self.0.files.keep_thumbnail(wanted.media_id, request, made, &self.0.random.letters(24)).await?)
    }

    async fn wait_for(&self, wanted: Wanted<'_>) -> Result<media::MediaContent, MediaError> {
        if wanted.server_name != self.0.server_name {
            return Err(MediaError::OtherServer);
        }
        let until = tokio::time::Instant::now() + wanted.wait.min(MAX_WAIT);
        let mut filled = self.0.filled.subscribe();
        loop {
            let found = self.find(wanted.media_id).await?;
            let is_hidden =
                found.authenticated && self.0.settings.enable_authenticated_media && !wanted.is_authenticated;
            if is_hidden || found.is_quarantined {
                return Err(MediaError::NotFound);
            }
            if let Some(content) = found.content {
                return Ok(content);
            }
            if found.created_ts + self.lifetime_ms() <= self.0.clock.now_ts() {
                return Err(MediaError::NotFound);
            }
            if tokio::time::timeout_at(until, filled.changed()).await.is_err() {
                return Err(MediaError::NotYetUploaded);
            }
        }
    }

    /// `media_upload_limits`: how much a user may send in a time.
    async fn check_quotas(&self, user_id: &UserId, size_bytes: u64) -> Result<(), MediaError> {
        let mut txn = self.0.store.read().await?;
        for quota in &self.0.settings.media_upload_limits {
            let period_ms = i64::try_from(quota.time_period.as_millis()).unwrap_or(i64::MAX);
            let after_ts = self.0.clock.now_ts().saturating_sub(period_ms);
            let sent = media::sum_size_bytes(&mut txn, user_id, after_ts).await?;
            if u64::try_from(sent).unwrap_or_default().saturating_add(size_bytes) > quota.max_size {
                return Err(MediaError::QuotaExceeded);
            }
        }
        Ok(())
    }

    async fn find(&self, media_id: &str) -> Result<media::Media, MediaError> {
        let mut txn = self.0.store.read().await?;
        media::find(&mut txn, media_id).await?.ok_or(MediaError::NotFound)
    }

    async fn place(
        &self,
        upload: Upload,
        media_id: &str,
        description: Description,
    ) -> Result<media::MediaContent, MediaError> {
        let (size_bytes, sha256) = self.0.files.place(upload, media_id).await?;
        let short = |text: String| text.chars().take(MAX_TEXT).collect::<String>();
        let media_type = description.media_type.filter(|media_type| !media_type.is_empty());
        Ok(media::MediaContent {
            media_type: media_type.map_or_else(|| "application/octet-stream".to_owned(), short),
            size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
            upload_name: description.name.filter(|name| !name.is_empty()).map(short),
            sha256,
        })
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

    fn lifetime_ms(&self) -> i64 {
        i64::try_from(self.0.settings.unused_expiration_time.as_millis()).unwrap_or(i64::MAX / 4)
    }

    fn filling(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
