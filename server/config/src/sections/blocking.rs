//! Limits on who and what the server takes, and how long it keeps things.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::reader::Reader;
use crate::setting::Bytes;

/// The section "Homeserver blocking" of Synapse's manual. A field is the option of the same name.
#[derive(Clone, Debug)]
pub struct BlockingConfig {
    pub admin_contact: Option<String>,
    pub hs_disabled: bool,
    pub hs_disabled_message: String,
    pub limit_usage_by_mau: bool,
    pub max_mau_value: u64,
    pub mau_trial_days: u32,
    pub mau_appservice_trial_days: BTreeMap<String, u32>,
    pub mau_limit_alerting: bool,
    pub mau_stats_only: bool,
    pub mau_limit_reserved_threepids: Vec<ReservedThreepid>,
    pub limit_remote_rooms: LimitRemoteRoomsConfig,
    pub require_membership_for_aliases: bool,
    pub allow_per_room_profiles: bool,
    /// Bytes.
    pub max_avatar_size: Option<u64>,
    pub allowed_avatar_mimetypes: Option<Vec<String>>,
    /// `None`: the original of a redacted event is kept for ever.
    pub redaction_retention_period: Option<Duration>,
    pub forgotten_room_retention_period: Option<Duration>,
    pub user_ips_max_age: Option<Duration>,
    pub request_token_inhibit_3pid_errors: bool,
    pub next_link_domain_whitelist: Option<Vec<String>>,
    pub custom_template_directory: Option<PathBuf>,
    pub retention: RetentionConfig,
}

/// An account that the limit of active users never blocks.
#[derive(Clone, Debug)]
pub struct ReservedThreepid {
    pub medium: String,
    pub address: String,
}

/// The `limit_remote_rooms` block.
#[derive(Clone, Debug)]
pub struct LimitRemoteRoomsConfig {
    pub enabled: bool,
    pub complexity: f64,
    pub complexity_error: String,
    pub admins_can_join: bool,
}

/// The `retention` block.
#[derive(Clone, Debug)]
pub struct RetentionConfig {
    pub enabled: bool,
    pub default_min_lifetime: Option<Duration>,
    pub default_max_lifetime: Option<Duration>,
    pub allowed_lifetime_min: Option<Duration>,
    pub allowed_lifetime_max: Option<Duration>,
    pub purge_jobs: Vec<PurgeJob>,
}

/// When events of which lifetimes are looked for.
#[derive(Clone, Debug)]
pub struct PurgeJob {
    pub shortest_max_lifetime: Option<Duration>,
    pub longest_max_lifetime: Option<Duration>,
    pub interval: Duration,
}

const MAU: &str = "active users are not counted";
const THREEPID: &str = "e-mail addresses and phone numbers are not handled";

const BLOCKING: &str = "nobody is turned away yet";

const ADDRESSES: &str = "addresses are kept with the device only";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> BlockingConfig {
    BlockingConfig {
        admin_contact: r.not_yet(BLOCKING).get(
            "admin_contact",
            "null",
            "How users reach the administrator, told with limits.",
        ),
        hs_disabled: r.not_yet(BLOCKING).get("hs_disabled", "false", "Whether all clients are turned away."),
        hs_disabled_message: r.not_yet(BLOCKING).get(
            "hs_disabled_message",
            "Homeserver is currently blocked",
            "What they are told.",
        ),
        limit_usage_by_mau: r.not_yet(MAU).get(
            "limit_usage_by_mau",
            "false",
            "Whether the number of users active in a month is limited.",
        ),
        max_mau_value: r.not_yet(MAU).get("max_mau_value", "0", "Most users active in a month."),
        mau_trial_days: r.not_yet(MAU).get("mau_trial_days", "0", "Days after which a new user counts."),
        mau_appservice_trial_days: r.not_yet(MAU).get(
            "mau_appservice_trial_days",
            "{}",
            "The same for users of an application service, by its id.",
        ),
        mau_limit_alerting: r.not_yet(MAU).get(
            "mau_limit_alerting",
            "true",
            "Whether users are told of the limit.",
        ),
        mau_stats_only: r.not_yet(MAU).get(
            "mau_stats_only",
            "false",
            "Whether to count only, and block nobody.",
        ),
        mau_limit_reserved_threepids: r.not_yet(MAU).list(
            "mau_limit_reserved_threepids",
            "[]",
            "Accounts that the limit never blocks.",
            |r| ReservedThreepid {
                medium: r.require("medium", "`email` or `msisdn`."),
                address: r.require("address", "The address or number."),
            },
        ),
        limit_remote_rooms: limit_remote_rooms(r),
        require_membership_for_aliases: r.not_yet("whoever makes an alias has to be in the room").get(
            "require_membership_for_aliases",
            "true",
            "Whether only members may give a room an alias.",
        ),
        allow_per_room_profiles: r.not_yet("rooms can always have profiles of their own").get(
            "allow_per_room_profiles",
            "true",
            "Whether a user may have another name in a room.",
        ),
        max_avatar_size: r
            .not_yet("avatars are not looked at")
            .get::<Option<Bytes>>("max_avatar_size", "null", "Largest avatar.")
            .map(|bytes| bytes.0),
        allowed_avatar_mimetypes: r.not_yet("avatars are not looked at").get(
            "allowed_avatar_mimetypes",
            "null",
            "Types that an avatar may have.",
        ),
        redaction_retention_period: r.not_yet("what was redacted is kept, and shown to nobody").get(
            "redaction_retention_period",
            "7d",
            "How long the original of a redacted event is kept; nothing for ever.",
        ),
        forgotten_room_retention_period: r.not_yet("rooms are not purged by themselves").get(
            "forgotten_room_retention_period",
            "null",
            "When to purge a room that all local users have forgotten.",
        ),
        user_ips_max_age: r.not_yet(ADDRESSES).get(
            "user_ips_max_age",
            "28d",
            "How long addresses of users are kept.",
        ),
        request_token_inhibit_3pid_errors: r.not_yet(THREEPID).get(
            "request_token_inhibit_3pid_errors",
            "false",
            "Whether to hide that an e-mail address is in use.",
        ),
        next_link_domain_whitelist: r.not_yet(THREEPID).get(
            "next_link_domain_whitelist",
            "null",
            "Domains that a link in a validation mail may lead to.",
        ),
        custom_template_directory: r.not_yet("pages and mails come without templates").group(
            "templates",
            "Templates of pages and mails.",
            |r| {
                r.get(
                    "custom_template_directory",
                    "null",
                    "A directory whose templates go before the built-in ones.",
                )
            },
        ),
        retention: retention(r),
    }
}

fn limit_remote_rooms(r: &mut Reader<'_, '_>) -> LimitRemoteRoomsConfig {
    r.not_yet("remote rooms of any size are joined").group(
        "limit_remote_rooms",
        "Refusing to join large rooms of other servers.",
        |r| LimitRemoteRoomsConfig {
            enabled: r.get("enabled", "false", "Whether to refuse."),
            complexity: r.get("complexity", "1.0", "Largest complexity; 1.0 is about 500 state events."),
            complexity_error: r.get(
                "complexity_error",
                "Your homeserver is unable to join rooms this large or complex. Please speak to your server \
                 administrator, or upgrade your instance to join this room.",
                "What the user is told.",
            ),
            admins_can_join: r.get(
                "admins_can_join",
                "false",
                "Whether administrators may join all the same.",
            ),
        },
    )
}

fn retention(r: &mut Reader<'_, '_>) -> RetentionConfig {
    r.not_yet("messages are kept").group("retention", "How long messages are kept.", |r| {
        let enabled = r.get("enabled", "false", "Whether old messages are purged.");
        let (default_min_lifetime, default_max_lifetime) =
            r.group("default_policy", "The policy of rooms that have none.", |r| {
                (
                    r.get("min_lifetime", "null", "How long a message is kept at least."),
                    r.get("max_lifetime", "null", "How long a message is kept at most."),
                )
            });
        let config = RetentionConfig {
            enabled,
            default_min_lifetime,
            default_max_lifetime,
            allowed_lifetime_min: r.get("allowed_lifetime_min", "null", "Shortest lifetime that counts."),
            allowed_lifetime_max: r.get("allowed_lifetime_max", "null", "Longest lifetime that counts."),
            purge_jobs: r.list("purge_jobs", "null", "When old messages are looked for.", |r| PurgeJob {
                shortest_max_lifetime: r.get("shortest_max_lifetime", "null", "Rooms above this lifetime."),
                longest_max_lifetime: r.get("longest_max_lifetime", "null", "Rooms up to this lifetime."),
                interval: r.require("interval", "How often to look."),
            }),
        };
        let wrong = |low: Option<Duration>, high: Option<Duration>| matches!((low, high), (Some(l), Some(h)) if l > h);
        if wrong(config.default_min_lifetime, config.default_max_lifetime) {
            r.conflict("default_policy", "`min_lifetime` is above `max_lifetime`");
        }
        if wrong(config.allowed_lifetime_min, config.allowed_lifetime_max) {
            r.conflict("allowed_lifetime_min", "above `allowed_lifetime_max`");
        }
        config
    })
}
