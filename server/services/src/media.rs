//! Files that users send: <https://spec.matrix.org/v1.19/client-server-api/#content-repository>.
//!
//! A file lies where Synapse would put it ([`files`]); the database knows what it is. Thumbnails are made when somebody
//! asks for one, and kept ([`thumbnail`]). [`upload`] takes files; this file gives them.

mod files;
mod images;
mod thumbnail;
mod upload;

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use myelin_config::{MediaConfig, RateLimit};
use myelin_storage::{StorageError, Store, media};
use ruma::{OwnedUserId, ServerName};
use tokio::sync::watch;

use self::{files::Files, images::Images};
pub use self::{
    files::Upload,
    thumbnail::{ThumbnailError, ThumbnailRequest},
    upload::{Description, Reservation},
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
    images: Images,
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
            images: Images::new(tasks.clone()),
            tasks,
        }))
    }

    /// Removes what a stop left of files that were being sent. To be called before anybody can send.
    pub fn discard_unfinished(&self) {
        if let Err(error) = self.0.files.discard_unfinished() {
            tracing::warn!(error = %error, "unfinished uploads stay in the media store");
        }
    }

    /// Bytes that a file can have.
    pub fn max_upload_bytes(&self) -> u64 {
        self.0.settings.max_upload_size
    }

    /// The `mxc` address of a file of this server.
    pub fn address(&self, media_id: &str) -> String {
        format!("mxc://{}/{media_id}", self.0.server_name)
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
        let find = || self.0.files.find_thumbnail(wanted.media_id, request);
        if let Some(found) = find().await? {
            return Ok(found);
        }
        let find = async { Ok(find().await?) };
        let make = self.clone().make_thumbnail(wanted.media_id.to_owned(), request);
        self.0.images.find_or_make(find, make).await
    }

    async fn make_thumbnail(
        self,
        media_id: String,
        request: ThumbnailRequest,
    ) -> Result<StoredFile, ThumbnailError> {
        let Shared { files, settings, random, .. } = &*self.0;
        let (source, max_pixels) = (files.path(&media_id), settings.max_image_pixels);
        let made = tokio::task::spawn_blocking(move || thumbnail::make(&source, request, max_pixels)).await;
        let made = match made {
            Ok(made) => made?,
            Err(error) => {
                tracing::error!(error = %error, "a thumbnail could not be made");
                return Err(ThumbnailError::NotAnImage);
            }
        };
        Ok(files.keep_thumbnail(&media_id, request, made, &random.letters(24)).await?)
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

    async fn find(&self, media_id: &str) -> Result<media::Media, MediaError> {
        let mut txn = self.0.store.read().await?;
        media::find(&mut txn, media_id).await?.ok_or(MediaError::NotFound)
    }

    fn lifetime_ms(&self) -> i64 {
        i64::try_from(self.0.settings.unused_expiration_time.as_millis()).unwrap_or(i64::MAX / 4)
    }
}
