//! Small forms of images: <https://spec.matrix.org/v1.19/client-server-api/#thumbnails>.

use std::{io, io::Cursor, path::Path};

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder,
    imageops::FilterType,
};
use myelin_config::{ThumbnailMethod, ThumbnailSize};

use super::MediaError;

/// Pixels of a side at most.
const MAX_SIDE: u32 = 4_096;

/// Quality of a JPEG, as with Synapse.
const JPEG_QUALITY: u8 = 80;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThumbnailRequest {
    pub width: u32,
    pub height: u32,
    pub method: ThumbnailMethod,
}

pub(super) struct Thumbnail {
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Why there is no thumbnail.
#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// There is no file, or not for whoever asks.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// No image that this server can read.
    #[error("Cannot find any thumbnails for the requested media")]
    NotAnImage,
    /// More pixels than the configuration allows.
    #[error("The image has too many pixels")]
    TooLarge,
    /// No side may be zero or very long.
    #[error("Invalid size")]
    InvalidSize,
}

impl From<io::Error> for ThumbnailError {
    fn from(error: io::Error) -> Self {
        Self::Media(error.into())
    }
}

impl From<image::ImageError> for ThumbnailError {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::Limits(_) => Self::TooLarge,
            image::ImageError::IoError(error) if error.kind() == io::ErrorKind::NotFound => error.into(),
            _ => Self::NotAnImage,
        }
    }
}

impl ThumbnailRequest {
    /// A request within bounds.
    ///
    /// # Errors
    /// [`ThumbnailError::InvalidSize`].
    pub fn new(width: u64, height: u64, method: ThumbnailMethod) -> Result<Self, ThumbnailError> {
        let side = |side| u32::try_from(side).ok().filter(|side| (1..=MAX_SIDE).contains(side));
        let (Some(width), Some(height)) = (side(width), side(height)) else {
            return Err(ThumbnailError::InvalidSize);
        };
        Ok(Self { width, height, method })
    }

    /// The configured size that suits best: of those that are large enough the smallest, or else the largest. A cut
    /// should also have about the right proportions.
    pub(super) fn nearest(self, sizes: &[ThumbnailSize]) -> Result<Self, ThumbnailError> {
        let of_method = |method| sizes.iter().filter(move |size| size.method == method);
        let method = match of_method(self.method).next() {
            Some(_) => self.method,
            None => sizes.first().ok_or(ThumbnailError::NotAnImage)?.method,
        };
        let area = |size: &ThumbnailSize| u64::from(size.width) * u64::from(size.height);
        let skew = |size: &ThumbnailSize| match method {
            ThumbnailMethod::Crop => (u64::from(self.width) * u64::from(size.height))
                .abs_diff(u64::from(self.height) * u64::from(size.width)),
            ThumbnailMethod::Scale => 0,
        };
        let is_enough = |size: &&ThumbnailSize| size.width >= self.width && size.height >= self.height;
        let best = of_method(method)
            .filter(is_enough)
            .min_by_key(|size| (skew(size), area(size)))
            .or_else(|| of_method(method).max_by_key(|size| area(size)))
            .ok_or(ThumbnailError::NotAnImage)?;
        Ok(Self { width: best.width, height: best.height, method })
    }
}

/// Makes a thumbnail; takes time and memory for all pixels: call it on a blocking thread.
pub(super) fn make(
    source: &Path,
    request: ThumbnailRequest,
    max_pixels: u64,
) -> Result<Thumbnail, ThumbnailError> {
    let reader = ImageReader::open(source)?.with_guessed_format()?;
    let format = reader.format().ok_or(ThumbnailError::NotAnImage)?;
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(ThumbnailError::TooLarge);
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(max_pixels.saturating_mul(8).saturating_add(16 * 1024 * 1024));
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    // Nothing gets larger than it is.
    let (width, height) = (request.width.min(image.width()), request.height.min(image.height()));
    let small = match request.method {
        ThumbnailMethod::Crop => image.resize_to_fill(width, height, FilterType::Lanczos3),
        ThumbnailMethod::Scale => image.resize(width, height, FilterType::Lanczos3),
    };
    encode(&small, format)
}

fn encode(image: &DynamicImage, source: ImageFormat) -> Result<Thumbnail, ThumbnailError> {
    let mut bytes = Cursor::new(Vec::new());
    let is_photo = source == ImageFormat::Jpeg || source == ImageFormat::WebP && !image.color().has_alpha();
    let media_type = if is_photo {
        let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
        image.to_rgb8().write_with_encoder(encoder)?;
        "image/jpeg"
    } else {
        image.write_to(&mut bytes, ImageFormat::Png)?;
        "image/png"
    };
    Ok(Thumbnail { media_type, bytes: bytes.into_inner() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> Vec<ThumbnailSize> {
        [
            (32, 32, ThumbnailMethod::Crop),
            (96, 96, ThumbnailMethod::Crop),
            (320, 240, ThumbnailMethod::Scale),
            (800, 600, ThumbnailMethod::Scale),
        ]
        .map(|(width, height, method)| ThumbnailSize { width, height, method })
        .to_vec()
    }

    fn nearest(width: u64, height: u64, method: ThumbnailMethod) -> (u32, u32) {
        let found = ThumbnailRequest::new(width, height, method).unwrap().nearest(&sizes()).unwrap();
        (found.width, found.height)
    }

    #[test]
    fn smallest_size_that_is_large_enough_is_taken_or_else_the_largest() {
        assert_eq!(nearest(20, 20, ThumbnailMethod::Crop), (32, 32));
        assert_eq!(nearest(40, 40, ThumbnailMethod::Crop), (96, 96));
        assert_eq!(nearest(200, 200, ThumbnailMethod::Crop), (96, 96));
        assert_eq!(nearest(100, 100, ThumbnailMethod::Scale), (320, 240));
        assert_eq!(nearest(321, 10, ThumbnailMethod::Scale), (800, 600));
        assert_eq!(nearest(2000, 2000, ThumbnailMethod::Scale), (800, 600));
    }

    #[test]
    fn sides_have_bounds() {
        for (width, height) in [(0, 1), (1, 0), (5000, 1), (u64::MAX, 1)] {
            assert!(ThumbnailRequest::new(width, height, ThumbnailMethod::Crop).is_err());
        }
    }
}
