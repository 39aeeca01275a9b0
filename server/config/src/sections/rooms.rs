//! Rooms and the lists that show them.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::reader::Reader;
use crate::sections::registration::RoomPreset;
use crate::setting::{Choice, LooseText};

/// Options about rooms. A field is the option of the same name.
#[derive(Clone, Debug)]
pub struct RoomsConfig {
    pub encryption_enabled_by_default_for_room_type: DefaultEncryption,
    pub user_directory: UserDirectoryConfig,
    pub user_consent: Option<UserConsentConfig>,
    pub stats_enabled: bool,
    pub server_notices: Option<ServerNoticesConfig>,
    pub enable_room_list_search: bool,
    /// The first rule that fits decides; none: everybody may.
    pub alias_creation_rules: Option<Vec<RoomRule>>,
    /// The first rule that fits decides; none: administrators only.
    pub room_list_publication_rules: Option<Vec<RoomRule>>,
    pub default_power_level_content_override: PowerLevelOverrides,
    pub forget_rooms_on_leave: bool,
    pub exclude_rooms_from_sync: Vec<String>,
    pub exclude_rooms_from_presence: Vec<String>,
}

/// Which new rooms are encrypted without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultEncryption {
    #[default]
    Off,
    /// Rooms that need an invite.
    Invite,
    All,
}

impl Choice for DefaultEncryption {
    const WORDS: &'static [(&'static str, Self)] =
        &[("all", Self::All), ("invite", Self::Invite), ("off", Self::Off)];
}

/// The `user_directory` block.
#[derive(Clone, Debug)]
pub struct UserDirectoryConfig {
    pub enabled: bool,
    pub search_all_users: bool,
    pub prefer_local_users: bool,
    pub exclude_remote_users: bool,
    pub show_locked_users: bool,
}

/// The `user_consent` block.
#[derive(Clone, Debug)]
pub struct UserConsentConfig {
    pub template_dir: PathBuf,
    pub version: String,
    pub server_notice_content: Option<Map<String, Value>>,
    pub send_server_notice_to_guests: bool,
    pub block_events_error: Option<String>,
    pub require_at_registration: bool,
    pub policy_name: String,
}

/// The `server_notices` block.
#[derive(Clone, Debug)]
pub struct ServerNoticesConfig {
    pub system_mxid_localpart: String,
    pub system_mxid_display_name: Option<String>,
    pub system_mxid_avatar_url: Option<String>,
    pub room_name: String,
    pub room_avatar_url: Option<String>,
    pub room_topic: Option<String>,
    pub auto_join: bool,
}

/// A rule about aliases and lists; the texts are globs.
#[derive(Clone, Debug)]
pub struct RoomRule {
    pub user_id: String,
    pub alias: String,
    pub room_id: String,
    pub action: RuleAction,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuleAction {
    #[default]
    Allow,
    Deny,
}

impl Choice for RuleAction {
    const WORDS: &'static [(&'static str, Self)] = &[("allow", Self::Allow), ("deny", Self::Deny)];
}

/// Members of the power levels event of new rooms, by preset; they replace the built-in ones.
#[derive(Clone, Debug)]
pub struct PowerLevelOverrides {
    pub private_chat: Option<Map<String, Value>>,
    pub trusted_private_chat: Option<Map<String, Value>>,
    pub public_chat: Option<Map<String, Value>>,
}

impl PowerLevelOverrides {
    /// What replaces the built-in power levels of rooms made with this preset.
    #[must_use]
    pub fn of(&self, preset: RoomPreset) -> Option<&Map<String, Value>> {
        match preset {
            RoomPreset::Public => self.public_chat.as_ref(),
            RoomPreset::Private => self.private_chat.as_ref(),
            RoomPreset::TrustedPrivate => self.trusted_private_chat.as_ref(),
        }
    }
}

const PRESENCE: &str = "presence makes no difference between rooms yet";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> RoomsConfig {
    RoomsConfig {
        encryption_enabled_by_default_for_room_type: r.get(
            "encryption_enabled_by_default_for_room_type",
            "\"off\"",
            "Which new rooms are encrypted without being asked: `all`, `invite` (those that need one) or `off`.",
        ),
        user_directory: user_directory(r),
        user_consent: user_consent(r),
        stats_enabled: r.not_yet("no statistics of rooms and users are kept").group(
            "stats",
            "Statistics of rooms and users.",
            |r| r.get("enabled", "true", "Whether they are kept."),
        ),
        server_notices: server_notices(r),
        enable_room_list_search: r.get(
            "enable_room_list_search",
            "true",
            "Whether the list of public rooms can be asked for.",
        ),
        alias_creation_rules: rules(r, "alias_creation_rules", "Who may make which aliases; all if not given."),
        room_list_publication_rules: rules(
            r,
            "room_list_publication_rules",
            "Who may put which rooms into the list of public rooms; administrators only if not given.",
        ),
        default_power_level_content_override: r.group(
            "default_power_level_content_override",
            "Members of a new room's power levels, by preset, in place of the built-in ones.",
            |r| PowerLevelOverrides {
                private_chat: r.get("private_chat", "null", "For `private_chat`."),
                trusted_private_chat: r.get("trusted_private_chat", "null", "For `trusted_private_chat`."),
                public_chat: r.get("public_chat", "null", "For `public_chat`."),
            },
        ),
        forget_rooms_on_leave: r.get(
            "forget_rooms_on_leave",
            "false",
            "Whether who leaves a room also forgets it.",
        ),
        exclude_rooms_from_sync: r.get("exclude_rooms_from_sync", "[]", "Rooms that no client is told of."),
        exclude_rooms_from_presence: r.not_yet(PRESENCE).get(
            "exclude_rooms_from_presence",
            "[]",
            "Rooms whose members do not see each other's presence through them.",
        ),
    }
}

fn user_directory(r: &mut Reader<'_, '_>) -> UserDirectoryConfig {
    r.group("user_directory", "Searching for users.", |r| UserDirectoryConfig {
        enabled: r.get("enabled", "true", "Whether it is possible."),
        search_all_users: r.get(
            "search_all_users",
            "false",
            "Whether all users of this server are found, not only those of shared and public rooms.",
        ),
        prefer_local_users: r.get("prefer_local_users", "false", "Whether users of this server come first."),
        exclude_remote_users: r.get(
            "exclude_remote_users",
            "false",
            "Whether users of other servers are left out.",
        ),
        show_locked_users: r.get("show_locked_users", "false", "Whether locked users are found."),
    })
}

fn user_consent(r: &mut Reader<'_, '_>) -> Option<UserConsentConfig> {
    r.not_yet("no consent is asked for").optional_group(
        "user_consent",
        "Terms that users have to agree to.",
        |r| UserConsentConfig {
            template_dir: r.require("template_dir", "Directory of the pages."),
            version: r.require::<LooseText>("version", "Version of the terms.").0,
            server_notice_content: r.get(
                "server_notice_content",
                "null",
                "Content of a notice to those who have not agreed.",
            ),
            send_server_notice_to_guests: r.get(
                "send_server_notice_to_guests",
                "false",
                "Whether guests get it too.",
            ),
            block_events_error: r.get(
                "block_events_error",
                "null",
                "What those are told who have not agreed and so may not send; they may if not given.",
            ),
            require_at_registration: r.get(
                "require_at_registration",
                "false",
                "Whether a new user has to agree at once.",
            ),
            policy_name: r.get("policy_name", "Privacy Policy", "What the terms are called."),
        },
    )
}

fn server_notices(r: &mut Reader<'_, '_>) -> Option<ServerNoticesConfig> {
    r.not_yet("notices are not sent").optional_group(
        "server_notices",
        "A room in which the server speaks to a user.",
        |r| ServerNoticesConfig {
            system_mxid_localpart: r.require("system_mxid_localpart", "The user who speaks."),
            system_mxid_display_name: r.get("system_mxid_display_name", "Notices", "That user's name."),
            system_mxid_avatar_url: r.get("system_mxid_avatar_url", "null", "That user's avatar."),
            room_name: r.get("room_name", "Server Notices", "The room's name."),
            room_avatar_url: r.get("room_avatar_url", "null", "The room's avatar."),
            room_topic: r.get("room_topic", "null", "The room's topic."),
            auto_join: r.get("auto_join", "false", "Whether the user is joined, not invited."),
        },
    )
}

fn rules(r: &mut Reader<'_, '_>, name: &'static str, documentation: &'static str) -> Option<Vec<RoomRule>> {
    let given = r.given(name).is_some_and(|node| !node.is_null());
    let glob = |pattern: Option<String>| pattern.unwrap_or_else(|| "*".to_owned());
    let rules = r.list(name, "null", documentation, |r| RoomRule {
        user_id: glob(r.get("user_id", "\"*\"", "Users it is about.")),
        alias: glob(r.get("alias", "\"*\"", "Aliases it is about.")),
        room_id: glob(r.get("room_id", "\"*\"", "Rooms it is about.")),
        action: r.get("action", "allow", "What it says."),
    });
    given.then_some(rules)
}
