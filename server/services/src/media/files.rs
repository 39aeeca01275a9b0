//! The files of the media store, in Synapse's layout, so that a server can be taken over and given back.
//!
//! What is being sent lies in `tmp`, and is renamed to its place when it is whole and on disk.

use std::{
    io,
    path::{Path, PathBuf},
};

use myelin_config::ThumbnailMethod;
use sha2::{Digest, Sha256};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
};

use super::{
    MediaError, StoredFile,
    thumbnail::{Thumbnail, ThumbnailRequest},
};

pub(super) struct Files {
    root: PathBuf,
}

/// A file that is being sent. Dropping it removes what has come.
pub struct Upload {
    file: File,
    path: TemporaryPath,
    max_bytes: u64,
    written_bytes: u64,
    digest: Sha256,
}

/// Removes the file on drop unless it was renamed.
struct TemporaryPath(PathBuf);

impl Drop for TemporaryPath {
    fn drop(&mut self) {
        // It is not there if it was renamed.
        let _gone = std::fs::remove_file(&self.0);
    }
}

impl Upload {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`MediaError::TooLarge`], [`MediaError::File`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        self.written_bytes = self.written_bytes.saturating_add(bytes.len() as u64);
        if self.written_bytes > self.max_bytes {
            return Err(MediaError::TooLarge);
        }
        self.digest.update(bytes);
        Ok(self.file.write_all(bytes).await?)
    }
}

impl Files {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Removes what a stop left of files that were being sent. Nobody may be sending any yet.
    pub(super) fn discard_unfinished(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(self.temporary()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(super) fn path(&self, media_id: &str) -> PathBuf {
        split(&self.root.join("local_content"), media_id)
    }

    pub(super) async fn begin(&self, name: &str, max_bytes: u64) -> Result<Upload, MediaError> {
        let folder = self.temporary();
        fs::create_dir_all(&folder).await?;
        let path = TemporaryPath(folder.join(name));
        let file = File::create_new(&path.0).await?;
        Ok(Upload { file, path, max_bytes, written_bytes: 0, digest: Sha256::new() })
    }

    /// Puts a whole file to its place. Gives its size and its hash.
    pub(super) async fn place(&self, upload: Upload, media_id: &str) -> Result<(u64, String), MediaError> {
        let Upload { mut file, path, written_bytes, digest, .. } = upload;
        file.flush().await?;
        file.sync_all().await?;
        rename(&path.0, &self.path(media_id)).await?;
        let sha256 = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((written_bytes, sha256))
    }

    /// Removes a file that the database does not know.
    pub(super) async fn remove(&self, media_id: &str) {
        if let Err(error) = fs::remove_file(self.path(media_id)).await {
            tracing::warn!(error = %error, "a file that nobody knows stays in the media store");
        }
    }

    fn thumbnail_path(&self, media_id: &str, request: ThumbnailRequest, media_type: &str) -> PathBuf {
        let method = match request.method {
            ThumbnailMethod::Crop => "crop",
            ThumbnailMethod::Scale => "scale",
        };
        let media_type = media_type.replace('/', "-");
        split(&self.root.join("local_thumbnails"), media_id)
            .join(format!("{}-{}-{media_type}-{method}", request.width, request.height))
    }

    pub(super) async fn find_thumbnail(
        &self,
        media_id: &str,
        request: ThumbnailRequest,
    ) -> io::Result<Option<StoredFile>> {
        for media_type in ["image/png", "image/jpeg"] {
            let path = self.thumbnail_path(media_id, request, media_type);
            match fs::metadata(&path).await {
                Ok(metadata) => {
                    let media_type = media_type.to_owned();
                    return Ok(Some(StoredFile { path, media_type, size_bytes: metadata.len(), name: None }));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    pub(super) async fn keep_thumbnail(
        &self,
        media_id: &str,
        request: ThumbnailRequest,
        made: Thumbnail,
        name: &str,
    ) -> io::Result<StoredFile> {
        let folder = self.temporary();
        fs::create_dir_all(&folder).await?;
        let temporary = TemporaryPath(folder.join(name));
        fs::write(&temporary.0, &made.bytes).await?;
        let path = self.thumbnail_path(media_id, request, made.media_type);
        rename(&temporary.0, &path).await?;
        Ok(StoredFile {
            path,
            media_type: made.media_type.to_owned(),
            size_bytes: made.bytes.len() as u64,
            name: None,
        })
    }
}

/// `ab/cd/rest`, as Synapse has it. Ids are letters, made by the server.
fn split(folder: &Path, media_id: &str) -> PathBuf {
    let part = |from: usize, to: usize| media_id.get(from..to).unwrap_or_default();
    folder.join(part(0, 2)).join(part(2, 4)).join(media_id.get(4..).unwrap_or_default())
}

/// Renames, and waits until the folder knows it for good.
async fn rename(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).await?;
        fs::rename(from, to).await?;
        File::open(folder).await?.sync_all().await?;
    }
    Ok(())
}
