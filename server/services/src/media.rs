//! Files that users send: <https://spec.matrix.org/v1.19/client-server-api/#content-repository>.
//!
//! They lie where Synapse would put them, so that a media folder can be taken over and given back.

mod paths;
mod thumbnail;
mod upload;

use std::{path::PathBuf, sync::Arc, time::Duration};

use myelin_config::MediaConfig;
use myelin_storage::{StorageError, Store, local_media};
use ruma::{OwnedServerName, ServerName};
use tokio::{fs::File, sync::Semaphore};

pub use self::{
    thumbnail::{ThumbnailError, ThumbnailMethod, ThumbnailRequest},
    upload::{Upload, UploadError},
};
use crate::{clock::Clock, random::Random};
pub use myelin_storage::local_media::LocalMedia;

/// Thumbnails made at the same time at most: each may hold a whole image in memory.
const MAX_THUMBNAILERS: usize = 2;

/// The media of this server. Cheap to clone.
#[derive(Clone)]
pub struct Media(Arc<Shared>);

struct Shared {
    store: Store,
    clock: Clock,
    random: Random,
    server_name: OwnedServerName,
    settings: MediaConfig,
    thumbnailers: Semaphore,
}

/// A file to be read.
#[derive(Debug)]
pub struct OpenMedia {
    pub media: LocalMedia,
    pub file: File,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Nobody has sent such a file.
    #[error("Not found")]
    NotFound,
    /// It is on another server, and this one does not federate.
    #[error("{0} cannot be asked: this server does not federate")]
    OtherServer(OwnedServerName),
    /// The file is known and cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl Media {
    /// Media in the folder of the settings.
    pub fn new(
        store: Store,
        clock: Clock,
        random: Random,
        server_name: OwnedServerName,
        settings: MediaConfig,
    ) -> Self {
        let thumbnailers = Semaphore::new(MAX_THUMBNAILERS);
        Self(Arc::new(Shared { store, clock, random, server_name, settings, thumbnailers }))
    }

    /// Bytes of a file at most.
    pub fn max_upload_size_bytes(&self) -> u64 {
        self.0.settings.max_upload_size
    }

    /// Whether only those who are logged in are shown files.
    pub fn needs_authentication(&self) -> bool {
        self.0.settings.enable_authenticated_media
    }

    /// Opens a file.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn open(&self, server_name: &ServerName, media_id: &str) -> Result<OpenMedia, MediaError> {
        let media = self.find(server_name, media_id).await?;
        let path = paths::content(&self.0.settings.media_store_path, media_id).ok_or(MediaError::NotFound)?;
        let file = File::open(&path).await.map_err(|source| MediaError::Read { path, source })?;
        Ok(OpenMedia { media, file })
    }

    async fn find(&self, server_name: &ServerName, media_id: &str) -> Result<LocalMedia, MediaError> {
        if server_name != self.0.server_name {
            return Err(MediaError::OtherServer(server_name.to_owned()));
        }
        let mut txn = self.0.store.read().await?;
        local_media::find(&mut txn, media_id).await?.ok_or(MediaError::NotFound)
    }
}

/// How long a browser may keep a file: it never changes.
pub const CACHE_TIME: Duration = Duration::from_secs(86_400);
