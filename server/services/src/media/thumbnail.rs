//! Small forms of images: <https://spec.matrix.org/v1.19/client-server-api/#thumbnails>. They are made when somebody
//! asks for one, and kept.

use std::{
    io::{self, Cursor},
    path::{Path, PathBuf},
};

use image::{
    DynamicImage, GenericImageView, ImageDecoder, ImageError, ImageFormat, ImageReader, imageops::FilterType,
};
pub use myelin_config::ThumbnailMethod;
use ruma::ServerName;
use tokio::fs;

use super::{Media, MediaError, paths};

/// Pixels on each side of a thumbnail at most.
const MAX_SIDE: u32 = 1_600;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThumbnailRequest {
    pub width: u32,
    pub height: u32,
    pub method: ThumbnailMethod,
}

/// Why there is no thumbnail.
#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// The file is no image that can be read, or a too large one.
    #[error("Cannot find any thumbnails for the requested media")]
    NotAnImage,
    /// The thumbnail cannot be kept.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Media(#[from] MediaError),
}

impl Media {
    /// A thumbnail: its content type and its bytes.
    ///
    /// # Errors
    /// [`ThumbnailError`].
    pub async fn thumbnail(
        &self,
        server_name: &ServerName,
        media_id: &str,
        wanted: ThumbnailRequest,
    ) -> Result<(&'static str, Vec<u8>), ThumbnailError> {
        let media = self.find(server_name, media_id).await?;
        let form = form_of(&media.content_type).ok_or(ThumbnailError::NotAnImage)?;
        let size = self.choose(wanted);
        let method = match size.method {
            ThumbnailMethod::Crop => "crop",
            ThumbnailMethod::Scale => "scale",
        };
        let name = format!("{}-{}-{}-{method}", size.width, size.height, form.content_type.replace('/', "-"));
        let root = &self.0.settings.media_store_path;
        let source = paths::content(root, media_id).ok_or(MediaError::NotFound)?;
        let target = paths::thumbnail(root, media_id, &name).ok_or(MediaError::NotFound)?;
        if let Ok(bytes) = fs::read(&target).await {
            return Ok((form.content_type, bytes));
        }
        let permit = self.0.thumbnailers.acquire().await;
        let max_pixels = self.0.settings.max_image_pixels;
        let made = tokio::task::spawn_blocking(move || make(&source, form, size, max_pixels)).await;
        drop(permit);
        let bytes = made.unwrap_or(None).ok_or(ThumbnailError::NotAnImage)?;
        keep(&target, &bytes).await.map_err(|source| ThumbnailError::Write { path: target, source })?;
        Ok((form.content_type, bytes))
    }

    /// The size to make: any, or the smallest of the configured ones that is large enough, or the largest.
    fn choose(&self, wanted: ThumbnailRequest) -> ThumbnailRequest {
        let wanted = ThumbnailRequest {
            width: wanted.width.clamp(1, MAX_SIDE),
            height: wanted.height.clamp(1, MAX_SIDE),
            ..wanted
        };
        if self.0.settings.dynamic_thumbnails {
            return wanted;
        }
        let sizes = || self.0.settings.thumbnail_sizes.iter();
        let of_method = sizes().filter(|size| size.method == wanted.method);
        let large_enough = of_method
            .clone()
            .filter(|size| size.width >= wanted.width && size.height >= wanted.height)
            .min_by_key(|size| u64::from(size.width) * u64::from(size.height));
        let largest = || of_method.max_by_key(|size| u64::from(size.width) * u64::from(size.height));
        large_enough.or_else(largest).map_or(wanted, |size| ThumbnailRequest {
            width: size.width,
            height: size.height,
            method: size.method,
        })
    }
}

#[derive(Clone, Copy)]
struct Form {
    format: ImageFormat,
    content_type: &'static str,
}

/// Photographs stay JPEG; everything else becomes PNG, which can be transparent.
fn form_of(content_type: &str) -> Option<Form> {
    let plain = content_type.split(';').next().unwrap_or_default().trim();
    match plain {
        "image/jpeg" | "image/jpg" => Some(Form { format: ImageFormat::Jpeg, content_type: "image/jpeg" }),
        "image/png" | "image/gif" | "image/webp" => {
            Some(Form { format: ImageFormat::Png, content_type: "image/png" })
        }
        _ => None,
    }
}

/// Reads, shrinks and writes an image; of an animation, the first picture.
fn make(source: &Path, form: Form, size: ThumbnailRequest, max_pixels: u64) -> Option<Vec<u8>> {
    let image = read(source, max_pixels).ok()??;
    let image = match size.method {
        ThumbnailMethod::Scale => shrink(&image, size),
        ThumbnailMethod::Crop => {
            let (width, height) = image.dimensions();
            // Cut to the shape that is wanted, but never enlarged.
            let factor =
                (f64::from(width) / f64::from(size.width)).min(f64::from(height) / f64::from(size.height));
            if factor >= 1.0 {
                image.resize_to_fill(size.width, size.height, FilterType::Triangle)
            } else {
                image
            }
        }
    };
    let image =
        if form.format == ImageFormat::Jpeg { DynamicImage::ImageRgb8(image.to_rgb8()) } else { image };
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, form.format).ok()?;
    Some(bytes.into_inner())
}

fn shrink(image: &DynamicImage, size: ThumbnailRequest) -> DynamicImage {
    let (width, height) = image.dimensions();
    if width <= size.width && height <= size.height {
        return image.clone();
    }
    image.resize(size.width, size.height, FilterType::Triangle)
}

/// `None` for an image with more pixels than allowed: a small file can hold a very large one.
fn read(source: &Path, max_pixels: u64) -> Result<Option<DynamicImage>, ImageError> {
    let reader = ImageReader::open(source)?.with_guessed_format()?;
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > max_pixels {
        return Ok(None);
    }
    // Cameras turn the picture by a note beside it, which a thumbnail does not have.
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(Some(image))
}

/// Written beside its place and moved there, so that nobody reads half of it.
async fn keep(target: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).await?;
    }
    let half = target.with_extension("half");
    fs::write(&half, bytes).await?;
    fs::rename(&half, target).await
}
