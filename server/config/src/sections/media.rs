//! Files that users send, and previews of pages.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::IpRange;
use crate::reader::Reader;
use crate::setting::{Bytes, Choice};

/// The media store. A field is the option of the same name; sizes are bytes.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    pub enable_authenticated_media: bool,
    pub enable_media_repo: bool,
    pub media_store_path: PathBuf,
    pub max_pending_media_uploads: u32,
    pub unused_expiration_time: Duration,
    pub max_upload_size: u64,
    pub media_upload_limits: Vec<MediaUploadLimit>,
    /// Pixels.
    pub max_image_pixels: u64,
    pub prevent_media_downloads_from: Vec<String>,
    pub dynamic_thumbnails: bool,
    pub thumbnail_sizes: Vec<ThumbnailSize>,
    pub local_media_lifetime: Option<Duration>,
    pub remote_media_lifetime: Option<Duration>,
    pub url_previews: UrlPreviewConfig,
}

/// How much one user may upload in a time.
#[derive(Clone, Copy, Debug)]
pub struct MediaUploadLimit {
    pub time_period: Duration,
    pub max_size: u64,
}

/// A size that thumbnails are made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThumbnailSize {
    pub width: u32,
    pub height: u32,
    pub method: ThumbnailMethod,
}

/// How an image is fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThumbnailMethod {
    #[default]
    Crop,
    Scale,
}

impl Choice for ThumbnailMethod {
    const WORDS: &'static [(&'static str, Self)] = &[("crop", Self::Crop), ("scale", Self::Scale)];
}

/// Previews of web pages.
#[derive(Clone, Debug)]
pub struct UrlPreviewConfig {
    pub enabled: bool,
    pub ip_range_blacklist: Vec<IpRange>,
    pub ip_range_whitelist: Vec<IpRange>,
    /// Each: part of the URL → pattern; all parts of one entry have to match.
    pub url_blacklist: Vec<BTreeMap<String, String>>,
    pub max_spider_size: u64,
    pub accept_language: Vec<String>,
}

const PREVIEW: &str = "there are no URL previews yet";
const PYTHON: &str = "Python modules cannot run here";

const FEDERATION: &str = "there is no federation yet";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> MediaConfig {
    r.never("media is always kept in `media_store_path`").know::<bool>(
        "enable_local_media_storage",
        "true",
        "Whether media is kept on disk.",
    );
    let Bytes(max_upload_size) = r.get("max_upload_size", "50M", "Largest file that a user can send.");
    let Bytes(max_image_pixels) =
        r.get("max_image_pixels", "32M", "Largest image, in pixels, that gets thumbnails.");
    let (local_media_lifetime, remote_media_lifetime) = r.not_yet("media is kept").group(
        "media_retention",
        "How long media is kept that nobody looks at.",
        |r| {
            (
                r.get("local_media_lifetime", "null", "Media of this server's users."),
                r.get("remote_media_lifetime", "null", "Copies of other servers' media."),
            )
        },
    );
    storage_providers(r);
    MediaConfig {
        enable_authenticated_media: r.get(
            "enable_authenticated_media",
            "true",
            "Whether new media is shown only to those who are logged in.",
        ),
        enable_media_repo: r.not_yet("media is always served").get("enable_media_repo", "true", "Whether media is served at all."),
        media_store_path: r.get("media_store_path", "media_store", "Directory of the media."),
        max_pending_media_uploads: r.get(
            "max_pending_media_uploads",
            "5",
            "Media addresses that a user may have made and not yet filled.",
        ),
        unused_expiration_time: r.get("unused_expiration_time", "24h", "How long such an address can be filled."),
        max_upload_size,
        media_upload_limits: r.list(
            "media_upload_limits",
            "[]",
            "How much a user may upload in a time.",
            |r| MediaUploadLimit {
                time_period: r.require("time_period", "The time."),
                max_size: r.require::<Bytes>("max_size", "How much in it.").0,
            },
        ),
        max_image_pixels,
        prevent_media_downloads_from: r.not_yet(FEDERATION).get(
            "prevent_media_downloads_from",
            "[]",
            "Servers whose media is not fetched.",
        ),
        dynamic_thumbnails: r.get(
            "dynamic_thumbnails",
            "false",
            "Whether thumbnails are made in any size that a client asks for.",
        ),
        thumbnail_sizes: r.list(
            "thumbnail_sizes",
            r#"[{"width": 32, "height": 32, "method": "crop"}, {"width": 96, "height": 96, "method": "crop"}, {"width": 320, "height": 240, "method": "scale"}, {"width": 640, "height": 480, "method": "scale"}, {"width": 800, "height": 600, "method": "scale"}]"#,
            "Sizes of thumbnails.",
            |r| ThumbnailSize {
                width: r.require("width", "Pixels."),
                height: r.require("height", "Pixels."),
                method: r.require("method", "Cut to fit, or scale."),
            },
        ),
        local_media_lifetime,
        remote_media_lifetime,
        url_previews: url_previews(r),
    }
}

fn storage_providers(r: &mut Reader<'_, '_>) {
    r.never(PYTHON).list("media_storage_providers", "[]", "Further places for media.", |r| {
        r.know::<String>("module", "\"\"", "A Python module.");
        r.know::<bool>("store_local", "false", "Whether it gets media of this server's users.");
        r.know::<bool>("store_remote", "false", "Whether it gets media of other servers.");
        r.know::<bool>("store_synchronous", "false", "Whether an upload waits for it.");
        r.know::<Map<String, Value>>("config", "{}", "The module's settings.");
    });
    r.never(PYTHON).know::<Option<PathBuf>>(
        "backup_media_store_path",
        "null",
        "A copy of the media (old form).",
    );
    r.never(PYTHON).know::<bool>(
        "synchronous_backup_media_store",
        "false",
        "Whether uploads wait for it (old form).",
    );
    r.never(PREVIEW).group("oembed", "Sites that describe their own pages.", |r| {
        r.know::<bool>("disable_default_providers", "false", "Whether the built-in list is not used.");
        r.know::<Vec<PathBuf>>("additional_providers", "[]", "Files with more of them.");
    });
}

fn url_previews(r: &mut Reader<'_, '_>) -> UrlPreviewConfig {
    let ip_range_blacklist: Option<Vec<IpRange>> = r.not_yet(PREVIEW).get(
        "url_preview_ip_range_blacklist",
        "null",
        "Addresses that no preview is fetched from; has to be given for previews.",
    );
    let enabled = r.not_yet(PREVIEW).get("url_preview_enabled", "false", "Whether pages are previewed.");
    let proxied = r.given("http_proxy").is_some() || r.given("https_proxy").is_some();
    if enabled && ip_range_blacklist.is_none() && !proxied {
        r.conflict(
            "url_preview_enabled",
            "needs `url_preview_ip_range_blacklist`: which addresses are yours",
        );
    }
    let Bytes(max_spider_size) = r.not_yet(PREVIEW).get("max_spider_size", "10M", "Largest page.");
    UrlPreviewConfig {
        enabled,
        ip_range_blacklist: ip_range_blacklist.unwrap_or_default(),
        ip_range_whitelist: r.not_yet(PREVIEW).get(
            "url_preview_ip_range_whitelist",
            "[]",
            "Exceptions to `url_preview_ip_range_blacklist`.",
        ),
        url_blacklist: r.not_yet(PREVIEW).get(
            "url_preview_url_blacklist",
            "[]",
            "Patterns of URLs without preview.",
        ),
        max_spider_size,
        accept_language: r.not_yet(PREVIEW).get(
            "url_preview_accept_language",
            "[\"en\"]",
            "Languages to ask for.",
        ),
    }
}
