//! New accounts.

use crate::reader::Reader;
use crate::secret::Secret;
use crate::setting::{Choice, LooseBoolean};

/// Who may make an account, and what a new one gets.
#[derive(Clone, Debug)]
pub struct RegistrationConfig {
    pub enable_registration: bool,
    pub enable_registration_without_verification: bool,
    pub registrations_require_3pid: Vec<ThreepidMedium>,
    pub disable_msisdn_registration: bool,
    pub allowed_local_3pids: Vec<ThreepidPattern>,
    pub enable_3pid_lookup: bool,
    pub registration_requires_token: bool,
    pub registration_shared_secret: Option<Secret>,
    pub bcrypt_rounds: u32,
    pub allow_guest_access: bool,
    pub default_identity_server: Option<String>,
    pub account_threepid_delegate_msisdn: Option<String>,
    pub enable_set_displayname: bool,
    pub enable_set_avatar_url: bool,
    pub enable_3pid_changes: bool,
    pub auto_join_rooms: Vec<String>,
    pub autocreate_auto_join_rooms: bool,
    pub autocreate_auto_join_rooms_federated: bool,
    pub autocreate_auto_join_room_preset: RoomPreset,
    pub auto_join_mxid_localpart: Option<String>,
    pub auto_join_rooms_for_guests: bool,
    pub inhibit_user_in_use_error: bool,
    pub allow_underscore_prefixed_registration: bool,
}

/// What a third-party identifier is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThreepidMedium {
    #[default]
    Email,
    Msisdn,
}

impl Choice for ThreepidMedium {
    const WORDS: &'static [(&'static str, Self)] = &[("email", Self::Email), ("msisdn", Self::Msisdn)];
}

/// Third-party identifiers that may be used.
#[derive(Clone, Debug)]
pub struct ThreepidPattern {
    pub medium: ThreepidMedium,
    /// A regular expression.
    pub pattern: String,
}

/// How a room is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoomPreset {
    #[default]
    Public,
    Private,
    TrustedPrivate,
}

impl Choice for RoomPreset {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("public_chat", Self::Public),
        ("private_chat", Self::Private),
        ("trusted_private_chat", Self::TrustedPrivate),
    ];
}

const THREEPID: &str = "e-mail addresses and phone numbers are not handled";
const IDENTITY: &str = "identity servers are not asked";

const TOKENS: &str = "registration tokens are not handled yet";

const GUESTS: &str = "there are no guests yet";

const JOINS: &str = "new users join no room by themselves yet";

const NAMES: &str = "a taken name is always told";

const NOTICES: &str = "everybody concerned is told of a new device";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> RegistrationConfig {
    let LooseBoolean(mut enabled) = r.get(
        "enable_registration",
        "false",
        "Whether anybody may make an account; without a check it needs \
         `enable_registration_without_verification` too.",
    );
    let LooseBoolean(without_verification) = r.get(
        "enable_registration_without_verification",
        "false",
        "Whether accounts can be made without any check. Bots will find out.",
    );
    let disabled: Option<LooseBoolean> =
        r.get("disable_registration", "null", "The opposite of `enable_registration` (old form).");
    if let Some(LooseBoolean(disabled)) = disabled {
        enabled = !disabled;
    }
    let config = RegistrationConfig {
        enable_registration: enabled,
        enable_registration_without_verification: without_verification,
        registrations_require_3pid: r.not_yet(THREEPID).get(
            "registrations_require_3pid",
            "[]",
            "Which of `email` and `msisdn` a new account needs.",
        ),
        disable_msisdn_registration: r.not_yet(THREEPID).get(
            "disable_msisdn_registration",
            "false",
            "Whether phone numbers are not asked for at registration.",
        ),
        allowed_local_3pids: r.not_yet(THREEPID).list(
            "allowed_local_3pids",
            "null",
            "Third-party identifiers that accounts may have; all if not given.",
            |r| ThreepidPattern {
                medium: r.require("medium", "`email` or `msisdn`."),
                pattern: r.require("pattern", "A regular expression that the identifier has to match."),
            },
        ),
        enable_3pid_lookup: r.not_yet(IDENTITY).get(
            "enable_3pid_lookup",
            "true",
            "Whether identity servers may be asked for users.",
        ),
        registration_requires_token: r.not_yet(TOKENS).get(
            "registration_requires_token",
            "false",
            "Whether a new account needs a registration token.",
        ),
        registration_shared_secret: r.secret(
            "registration_shared_secret",
            "registration_shared_secret_path",
            "Whoever knows it can make accounts, administrators too, reset passwords and close accounts.",
        ),
        bcrypt_rounds: bcrypt_rounds(r),
        allow_guest_access: r.not_yet(GUESTS).get(
            "allow_guest_access",
            "false",
            "Whether guests may come in without an account.",
        ),
        default_identity_server: r.not_yet(IDENTITY).get(
            "default_identity_server",
            "null",
            "Identity server that clients are told to use.",
        ),
        account_threepid_delegate_msisdn: delegates(r),
        enable_set_displayname: r.get(
            "enable_set_displayname",
            "true",
            "Whether users may change their name.",
        ),
        enable_set_avatar_url: r.get(
            "enable_set_avatar_url",
            "true",
            "Whether users may change their avatar.",
        ),
        enable_3pid_changes: r.not_yet(THREEPID).get(
            "enable_3pid_changes",
            "true",
            "Whether users may change their e-mail addresses and phone numbers.",
        ),
        auto_join_rooms: r.not_yet(JOINS).get(
            "auto_join_rooms",
            "[]",
            "Aliases of rooms that a new user joins.",
        ),
        autocreate_auto_join_rooms: r.not_yet(JOINS).get(
            "autocreate_auto_join_rooms",
            "true",
            "Whether `auto_join_rooms` of this server are made when they are missing.",
        ),
        autocreate_auto_join_rooms_federated: r.not_yet(JOINS).get(
            "autocreate_auto_join_rooms_federated",
            "true",
            "Whether users of other servers can join rooms that were made so.",
        ),
        autocreate_auto_join_room_preset: r.not_yet(JOINS).get(
            "autocreate_auto_join_room_preset",
            "public_chat",
            "Preset of rooms that were made so.",
        ),
        auto_join_mxid_localpart: r.not_yet(JOINS).get(
            "auto_join_mxid_localpart",
            "null",
            "The user who makes these rooms and invites to them.",
        ),
        auto_join_rooms_for_guests: r.not_yet(GUESTS).get(
            "auto_join_rooms_for_guests",
            "true",
            "Whether guests join them too.",
        ),
        inhibit_user_in_use_error: r.not_yet(NAMES).get(
            "inhibit_user_in_use_error",
            "false",
            "Whether to hide until the end of a registration that a name is taken.",
        ),
        allow_underscore_prefixed_registration: underscores(r),
    };
    r.not_yet(NOTICES).know::<Vec<String>>(
        "dont_notify_new_devices_for",
        "[]",
        "Users whose new devices nobody is told about.",
    );
    check(r, &config);
    config
}

fn bcrypt_rounds(r: &mut Reader<'_, '_>) -> u32 {
    let rounds = r.get("bcrypt_rounds", "12", "Cost of a password's hash: 2 to the power of it rounds.");
    if !(4..=31).contains(&rounds) {
        r.refuse("bcrypt_rounds", "expected a number from 4 to 31");
    }
    rounds
}

/// The manual has the one name, the code of Synapse reads the other.
fn underscores(r: &mut Reader<'_, '_>) -> bool {
    let documented: bool = r.get(
        "allow_underscore_prefixed_registration",
        "false",
        "Whether a name may start with an underscore, as those of bridged users do.",
    );
    let read_by_synapse: bool = r.get(
        "allow_underscore_prefixed_localpart",
        "false",
        "The name under which Synapse itself reads `allow_underscore_prefixed_registration`.",
    );
    documented || read_by_synapse
}

fn delegates(r: &mut Reader<'_, '_>) -> Option<String> {
    r.not_yet(IDENTITY).group(
        "account_threepid_delegates",
        "Servers that check phone numbers for this one.",
        |r| {
            r.know::<Option<String>>("email", "null", "No longer possible: use `email`.");
            if r.given("email").is_some() {
                r.conflict("email", "no longer possible: have this server send the mail (option `email`)");
            }
            r.get("msisdn", "null", "URL of the server that checks phone numbers.")
        },
    )
}

fn check(r: &mut Reader<'_, '_>, config: &RegistrationConfig) {
    for alias in &config.auto_join_rooms {
        if !(alias.starts_with('#') && alias.contains(':')) {
            r.refuse("auto_join_rooms", "expected aliases like #welcome:example.org");
        }
    }
    if config.autocreate_auto_join_rooms
        && config.autocreate_auto_join_room_preset != RoomPreset::Public
        && config.auto_join_mxid_localpart.is_none()
    {
        r.conflict(
            "autocreate_auto_join_room_preset",
            "rooms that need an invite need someone to invite: set `auto_join_mxid_localpart`",
        );
    }
}

/// Registration must not be open to everybody by accident, as in Synapse; nor may it go on without a check that was
/// asked for and that we do not make.
pub(crate) fn check_open(r: &mut Reader<'_, '_>, config: &RegistrationConfig, captcha: bool) {
    if !config.enable_registration {
        return;
    }
    for (name, asked) in [
        ("enable_registration_captcha", captcha),
        ("registration_requires_token", config.registration_requires_token),
        ("registrations_require_3pid", !config.registrations_require_3pid.is_empty()),
    ] {
        if asked {
            r.conflict(name, "not possible yet: accounts would be made without this check");
        }
    }
    if !config.enable_registration_without_verification {
        r.conflict(
            "enable_registration",
            "anybody could make accounts without a check: say that you mean it with \
             `enable_registration_without_verification: true`",
        );
    }
}
