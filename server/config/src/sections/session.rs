//! How long logins last, and how they are made.

use std::time::Duration;

use crate::definition::Kind;
use crate::reader::Reader;
use crate::setting::{Setting, Sink};
use crate::yaml::{Content, Node};

/// Lifetimes of logins and tokens; `None` is for ever.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    pub session_lifetime: Option<Duration>,
    /// `None`: clients get no refresh tokens.
    pub refreshable_access_token_lifetime: Option<Duration>,
    pub refresh_token_lifetime: Option<Duration>,
    pub nonrefreshable_access_token_lifetime: Option<Duration>,
    /// How long a check of the user's identity counts for further requests of the same session; zero is once.
    pub ui_auth_session_timeout: Duration,
    pub login_via_existing_session: LoginViaExistingSessionConfig,
}

/// The `login_via_existing_session` block.
#[derive(Clone, Debug)]
pub struct LoginViaExistingSessionConfig {
    pub enabled: bool,
    pub require_ui_auth: bool,
    pub token_timeout: Duration,
}

/// `ui_auth`: a mapping; Synapse's manual also allows a bare 0.
#[derive(Default)]
struct UiAuth(Duration);

impl Setting for UiAuth {
    fn kind() -> Kind {
        Kind::Either(Box::new(Kind::Duration), Box::new(Kind::Opaque))
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            Content::Null => Some(Self::default()),
            Content::Mapping(mapping) => match mapping.find("session_timeout") {
                None => Some(Self::default()),
                Some(entry) => Duration::read(&entry.value, sink).map(Self),
            },
            _ => Duration::read(node, sink).map(Self),
        }
    }
}

/// A lifetime; nothing and `infinity` are for ever.
#[derive(Default)]
struct Lifetime(Option<Duration>);

impl Setting for Lifetime {
    fn kind() -> Kind {
        Kind::Either(Box::new(Kind::Duration), Box::new(Kind::Choice(vec!["infinity"])))
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            Content::Null => Some(Self(None)),
            Content::Text(text) if text == "infinity" => Some(Self(None)),
            _ => Duration::read(node, sink).map(|duration| Self(Some(duration))),
        }
    }
}

pub(crate) fn read(r: &mut Reader<'_, '_>) -> SessionConfig {
    let Lifetime(session_lifetime) = r.get("session_lifetime", "infinity", "How long a login lasts.");
    let Lifetime(refreshable_access_token_lifetime) = r.get(
        "refreshable_access_token_lifetime",
        "5m",
        "How long an access token lasts that a client can refresh.",
    );
    let Lifetime(refresh_token_lifetime) =
        r.get("refresh_token_lifetime", "infinity", "How long a refresh token lasts.");
    let Lifetime(nonrefreshable_access_token_lifetime) = r.get(
        "nonrefreshable_access_token_lifetime",
        "infinity",
        "How long an access token lasts that a client cannot refresh.",
    );
    let UiAuth(ui_auth_session_timeout) = r.get(
        "ui_auth",
        "0",
        "`session_timeout` in it: how long one check of the user's password counts for further such requests; at \
         most 5 minutes are sensible.",
    );
    let config = SessionConfig {
        session_lifetime,
        refreshable_access_token_lifetime,
        refresh_token_lifetime,
        nonrefreshable_access_token_lifetime,
        ui_auth_session_timeout,
        login_via_existing_session: r.group(
            "login_via_existing_session",
            "Logging in a further device with one that is logged in.",
            |r| LoginViaExistingSessionConfig {
                enabled: r.get("enabled", "false", "Whether it is possible."),
                require_ui_auth: r.get(
                    "require_ui_auth",
                    "true",
                    "Whether the user has to prove identity first.",
                ),
                token_timeout: r.get("token_timeout", "5m", "How long the login token is good."),
            },
        ),
    };
    check(r, &config);
    config
}

fn check(r: &mut Reader<'_, '_>, config: &SessionConfig) {
    let Some(session) = config.session_lifetime else { return };
    for (name, lifetime) in [
        ("refreshable_access_token_lifetime", config.refreshable_access_token_lifetime),
        ("refresh_token_lifetime", config.refresh_token_lifetime),
        ("nonrefreshable_access_token_lifetime", config.nonrefreshable_access_token_lifetime),
    ] {
        if r.given(name).is_some() && lifetime.is_some_and(|lifetime| lifetime > session) {
            r.conflict(name, "longer than `session_lifetime`");
        }
    }
}
