//! What each room version does, in one table.
//!
//! Source: <https://spec.matrix.org/v1.19/rooms/>. Whoever needs to know how a version behaves asks
//! [`RoomVersion::rules`]; no other file compares version numbers. A new version is one more row.

use std::{fmt, str::FromStr};

/// A room version of the specification. All twelve are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoomVersion {
    V1,
    V2,
    V3,
    V4,
    V5,
    V6,
    V7,
    V8,
    V9,
    V10,
    V11,
    V12,
}

/// The string names no room version that we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown room version")]
pub struct UnknownRoomVersion;

/// How the id of an event comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventIdFormat {
    /// Versions 1 and 2: `$opaque:server` stands in the event; `prev_events` and `auth_events` are pairs of
    /// id and hashes.
    InEvent,
    /// Version 3: `$` and the reference hash in standard unpadded base64.
    StandardBase64,
    /// From version 4: `$` and the reference hash in URL-safe unpadded base64.
    UrlSafeBase64,
}

/// Which state resolution a room version uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateResolutionVersion {
    /// Version 1: <https://spec.matrix.org/v1.19/rooms/v1/#state-resolution>.
    V1,
    /// Versions 2 to 11: <https://spec.matrix.org/v1.19/rooms/v2/#state-resolution>.
    V2,
    /// Version 12: starts from an empty state and replays the conflicted subgraph,
    /// <https://spec.matrix.org/v1.19/rooms/v12/#state-resolution>.
    V2_1,
}

/// What redaction keeps. See [`crate::redaction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedactionRules {
    /// Before version 11: keep the top-level keys `origin`, `membership` and `prev_state`.
    pub keeps_legacy_keys: bool,
    /// Before version 6: keep `aliases` of `m.room.aliases`.
    pub keeps_aliases: bool,
    /// From version 8: keep `allow` of `m.room.join_rules`.
    pub keeps_join_rule_allow: bool,
    /// From version 9: keep `join_authorised_via_users_server` of `m.room.member`.
    pub keeps_join_authoriser: bool,
    /// From version 11: keep the whole content of `m.room.create`; before, only `creator`.
    pub keeps_create_content: bool,
    /// From version 11: keep `invite` of `m.room.power_levels`.
    pub keeps_invite_level: bool,
    /// From version 11: keep `signed` of `third_party_invite` of `m.room.member`.
    pub keeps_third_party_signed: bool,
    /// From version 11: keep `redacts` in the content of `m.room.redaction`.
    pub keeps_redacts: bool,
    /// From version 11: `redacts` stands in the content; before, at the top level.
    pub redacts_in_content: bool,
}

/// What the authorization rules do differently. See <https://spec.matrix.org/v1.19/rooms/>, "Authorization rules".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthRules {
    /// Before version 6: `m.room.aliases` is allowed to a server for its own state key.
    pub special_cases_aliases: bool,
    /// Versions 1 and 2: a redaction needs the redact level or the same server.
    pub checks_redactions: bool,
    /// From version 6: `notifications` is checked when power levels change.
    pub checks_notification_levels: bool,
    /// From version 7: the join rule `knock` and the membership `knock`.
    pub knock: bool,
    /// From version 8: the join rule `restricted`.
    pub restricted: bool,
    /// From version 10: the join rule `knock_restricted`.
    pub knock_restricted: bool,
    /// From version 10: power levels are integers; before, also strings of integers (and floats, cut off).
    pub integer_power_levels: bool,
    /// Before version 11: `m.room.create` needs `creator`, who is the room's creator; after, the sender is.
    pub creator_in_content: bool,
    /// From version 12: creators (the sender and `additional_creators`) stand above all power levels and may not
    /// be listed in `users`.
    pub privileged_creators: bool,
}

/// What a room version does, beside its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomVersionRules {
    pub version: RoomVersion,
    pub event_id_format: EventIdFormat,
    pub state_resolution: StateResolutionVersion,
    /// From version 5: a signing key must have been valid at the event's `origin_server_ts`.
    pub enforces_key_validity: bool,
    /// From version 6: only integers in [-(2^53)+1, 2^53-1] and no floats.
    pub strict_canonical_json: bool,
    /// From version 11: an identifier above 255 bytes makes the event unacceptable; before, only one above 255
    /// codepoints does, and one in between makes it rejected (as Synapse does, which used to count codepoints).
    pub strict_identifier_bytes: bool,
    /// From version 12: the room id is `!` and the hash of the create event, which has no `room_id` and is in
    /// nobody's `auth_events`.
    pub room_id_is_create_hash: bool,
    pub redaction: RedactionRules,
    pub auth: AuthRules,
}

const V1: RoomVersionRules = RoomVersionRules {
    version: RoomVersion::V1,
    event_id_format: EventIdFormat::InEvent,
    state_resolution: StateResolutionVersion::V1,
    enforces_key_validity: false,
    strict_canonical_json: false,
    strict_identifier_bytes: false,
    room_id_is_create_hash: false,
    redaction: RedactionRules {
        keeps_legacy_keys: true,
        keeps_aliases: true,
        keeps_join_rule_allow: false,
        keeps_join_authoriser: false,
        keeps_create_content: false,
        keeps_invite_level: false,
        keeps_third_party_signed: false,
        keeps_redacts: false,
        redacts_in_content: false,
    },
    auth: AuthRules {
        special_cases_aliases: true,
        checks_redactions: true,
        checks_notification_levels: false,
        knock: false,
        restricted: false,
        knock_restricted: false,
        integer_power_levels: false,
        creator_in_content: true,
        privileged_creators: false,
    },
};

const V2: RoomVersionRules =
    RoomVersionRules { version: RoomVersion::V2, state_resolution: StateResolutionVersion::V2, ..V1 };

const V3: RoomVersionRules = RoomVersionRules {
    version: RoomVersion::V3,
    event_id_format: EventIdFormat::StandardBase64,
    auth: AuthRules { checks_redactions: false, ..V2.auth },
    ..V2
};

const V4: RoomVersionRules =
    RoomVersionRules { version: RoomVersion::V4, event_id_format: EventIdFormat::UrlSafeBase64, ..V3 };

const V5: RoomVersionRules = RoomVersionRules { version: RoomVersion::V5, enforces_key_validity: true, ..V4 };

const V6: RoomVersionRules = RoomVersionRules {
    version: RoomVersion::V6,
    strict_canonical_json: true,
    redaction: RedactionRules { keeps_aliases: false, ..V5.redaction },
    auth: AuthRules { special_cases_aliases: false, checks_notification_levels: true, ..V5.auth },
    ..V5
};

const V7: RoomVersionRules =
    RoomVersionRules { version: RoomVersion::V7, auth: AuthRules { knock: true, ..V6.auth }, ..V6 };

const V8: RoomVersionRules = RoomVersionRules {
    version: RoomVersion::V8,
    redaction: RedactionRules { keeps_join_rule_allow: true, ..V7.redaction },
    auth: AuthRules { restricted: true, ..V7.auth },
    ..V7
};

const V9: RoomVersionRules = RoomVersionRules {
    version: RoomVersion::V9,
    redaction: RedactionRules { keeps_join_authoriser: true, ..V8.redaction },
    ..V8
};

const V10: RoomVersionRules = RoomVersionRules {
    version: RoomVersion::V10,
    auth: AuthRules { knock_restricted: true, integer_power_levels: true, ..V9.auth },
    ..V9
};

const V11: RoomVersionRules = RoomVersionRules {
    version: RoomVersion::V11,
    strict_identifier_bytes: true,
    redaction: RedactionRules {
        keeps_legacy_keys: false,
        keeps_create_content: true,
        keeps_invite_level: true,
        keeps_third_party_signed: true,
        keeps_redacts: true,
        redacts_in_content: true,
        ..V10.redaction
    },
    auth: AuthRules { creator_in_content: false, ..V10.auth },
    ..V10
};

const V12: RoomVersionRules = RoomVersionRules {
    version: RoomVersion::V12,
    state_resolution: StateResolutionVersion::V2_1,
    room_id_is_create_hash: true,
    auth: AuthRules { privileged_creators: true, ..V11.auth },
    ..V11
};

impl RoomVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 12] = [
        Self::V1,
        Self::V2,
        Self::V3,
        Self::V4,
        Self::V5,
        Self::V6,
        Self::V7,
        Self::V8,
        Self::V9,
        Self::V10,
        Self::V11,
        Self::V12,
    ];

    /// The row of the table.
    pub const fn rules(self) -> &'static RoomVersionRules {
        match self {
            Self::V1 => &V1,
            Self::V2 => &V2,
            Self::V3 => &V3,
            Self::V4 => &V4,
            Self::V5 => &V5,
            Self::V6 => &V6,
            Self::V7 => &V7,
            Self::V8 => &V8,
            Self::V9 => &V9,
            Self::V10 => &V10,
            Self::V11 => &V11,
            Self::V12 => &V12,
        }
    }

    /// The identifier that stands in `m.room.create` and in requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1",
            Self::V2 => "2",
            Self::V3 => "3",
            Self::V4 => "4",
            Self::V5 => "5",
            Self::V6 => "6",
            Self::V7 => "7",
            Self::V8 => "8",
            Self::V9 => "9",
            Self::V10 => "10",
            Self::V11 => "11",
            Self::V12 => "12",
        }
    }
}

impl FromStr for RoomVersion {
    type Err = UnknownRoomVersion;

    /// Parses the identifier, exactly: `"01"` is not `"1"`.
    fn from_str(identifier: &str) -> Result<Self, UnknownRoomVersion> {
        Self::ALL.into_iter().find(|version| version.as_str() == identifier).ok_or(UnknownRoomVersion)
    }
}

impl fmt::Display for RoomVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
