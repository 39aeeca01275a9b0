//! Every setting of Myelin: what it is called, what it means, what is in force and why.
//!
//! The files are Synapse's: the same options, the same merging of `-c` paths, the same YAML. [`load()`] reads them;
//! [`Loaded`] can be checked, shown, or turned into the typed [`Config`]. The options are defined in the files of
//! `sections/`, each once, by the call that reads it. The crate reads files at start and knows no other crate; it
//! never prints.

mod check;
mod definition;
mod environment;
mod fault;
mod files;
mod generate;
mod ip_range;
mod json;
mod load;
mod nearest;
mod overlay;
mod reader;
mod redact;
mod reference;
mod secret;
mod sections;
mod server_name;
mod setting;
mod show;
mod yaml;

pub use check::{Check, NOT_CONFIGURED, Verdict};
pub use definition::{Definition, Effect, Kind};
pub use environment::Environment;
pub use fault::{Fault, FaultKind, Place};
pub use generate::{GENERATED_SECRET_BYTES, GenerateOptions, generate};
pub use ip_range::IpRange;
pub use load::{Loaded, Sources, definitions, load};
pub use reference::{json_schema, manual_page, markdown_reference};
pub use secret::{REDACTED, Secret};
pub use sections::Config;
pub use sections::api::{ApiConfig, StateSelector};
pub use sections::blocking::{
    BlockingConfig, LimitRemoteRoomsConfig, PurgeJob, ReservedThreepid, RetentionConfig,
};
pub use sections::caching::CachesConfig;
pub use sections::captcha::CaptchaConfig;
pub use sections::database::{DatabaseConfig, PostgresConfig, SqliteConfig};
pub use sections::federation::FederationConfig;
pub use sections::listeners::{Listener, ListenerAddress, ListenerKind, ListenerResource};
pub use sections::logging::{LogFile, LogLevel, LogOutput, LogRotation, LogSettings};
pub use sections::media::{MediaConfig, MediaUploadLimit, ThumbnailMethod, ThumbnailSize, UrlPreviewConfig};
pub use sections::metrics::MetricsConfig;
pub use sections::password::{PasswordConfig, PasswordMode, PasswordPolicy};
pub use sections::presence::{PresenceConfig, PresenceMode};
pub use sections::proxy::ProxyConfig;
pub use sections::push::PushConfig;
pub use sections::ratelimiting::{FederationRateLimit, RateLimit, RateLimitsConfig};
pub use sections::registration::{RegistrationConfig, RoomPreset, ThreepidMedium, ThreepidPattern};
pub use sections::rooms::{
    DefaultEncryption, PowerLevelOverrides, RoomRule, RoomsConfig, RuleAction, ServerNoticesConfig,
    UserConsentConfig, UserDirectoryConfig,
};
pub use sections::server::{ServerConfig, UserTypesConfig};
pub use sections::session::{LoginViaExistingSessionConfig, SessionConfig};
pub use sections::signing_keys::{OldSigningKey, SigningKeysConfig, TrustedKeyServer};
pub use sections::tls::{TlsConfig, TlsVersion};
pub use sections::turn::TurnConfig;
pub use server_name::is_server_name;
pub use show::{ShowError, ShowFormat, ShowOptions};
