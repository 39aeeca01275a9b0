//! Who is online.

use std::time::Duration;

use crate::definition::Kind;
use crate::reader::Reader;
use crate::setting::{Setting, Sink};
use crate::yaml::{Content, Node};

/// The `presence` block.
#[derive(Clone, Debug)]
pub struct PresenceConfig {
    pub enabled: PresenceMode,
    pub include_offline_users_on_sync: bool,
    pub last_active_granularity: Duration,
    pub sync_online_timeout: Duration,
    pub idle_timeout: Duration,
}

/// Whether presence is kept and shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PresenceMode {
    Off,
    #[default]
    On,
    /// Clients may set theirs and are told those that modules set; the server keeps none itself.
    Untracked,
}

impl Setting for PresenceMode {
    fn kind() -> Kind {
        Kind::Either(Box::new(Kind::Boolean), Box::new(Kind::Choice(vec!["untracked"])))
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.content {
            Content::Boolean(true) => Some(Self::On),
            Content::Boolean(false) => Some(Self::Off),
            Content::Text(text) if text == "untracked" => Some(Self::Untracked),
            _ => sink.expected(node, Self::kind()),
        }
    }
}

pub(crate) fn read(r: &mut Reader<'_, '_>) -> PresenceConfig {
    let old: bool = r.get("use_presence", "true", "Whether presence is on (old form).");
    let mut config = r.group("presence", "Whether and how users see who is online.", |r| {
        r.never("Python modules cannot run here").know::<Option<serde_json::Map<String, serde_json::Value>>>(
            "presence_router",
            "null",
            "A module that decides who sees whose presence (old form).",
        );
        let config = PresenceConfig {
            enabled: r.get(
                "enabled",
                "true",
                "`true`, `false`, or `untracked`: pass on what clients say, keep nothing.",
            ),
            include_offline_users_on_sync: r.get(
                "include_offline_users_on_sync",
                "false",
                "Whether a first sync lists users who are offline.",
            ),
            last_active_granularity: r.get(
                "last_active_granularity",
                "1m",
                "How long a user counts as currently active after a sign of life.",
            ),
            sync_online_timeout: r.get(
                "sync_online_timeout",
                "30s",
                "How long after the last sync a client counts as gone.",
            ),
            idle_timeout: r.get(
                "idle_timeout",
                "5m",
                "How long after the last sign of life a user counts as idle.",
            ),
        };
        if config.last_active_granularity.is_zero() {
            r.refuse("last_active_granularity", "expected more than zero");
        }
        if config.sync_online_timeout.is_zero() {
            r.refuse("sync_online_timeout", "expected more than zero");
        }
        if config.idle_timeout <= config.last_active_granularity {
            r.refuse("idle_timeout", "expected more than `presence.last_active_granularity`");
        }
        config
    });
    let said = r.given("presence").and_then(Node::as_mapping).and_then(|presence| presence.find("enabled"));
    if !old && said.is_none_or(|entry| entry.value.is_null()) {
        config.enabled = PresenceMode::Off;
    }
    config
}
