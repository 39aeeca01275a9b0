//! The rules that every user has, <https://spec.matrix.org/v1.19/client-server-api/#predefined-rules>.
//!
//! Their order, their conditions and the exact shape of their actions are Synapse's, which spells some defaults
//! out (`highlight: false`): clients compare with them.

use serde_json::{Value as Json, json};

use super::condition::Test;
use super::{Actions, Condition, PropertyPath, RuleKind};

/// Which rules there are besides those of the specification. The default is what Synapse does by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Mentions found in the text: `.m.rule.contains_display_name`, `.m.rule.contains_user_name` and
    /// `.m.rule.roomnotif`, as up to Matrix 1.16. They never match an event that has `m.mentions`.
    pub legacy_mentions: bool,
    /// The rules for polls of MSC3930.
    pub polls: bool,
    /// `.org.matrix.msc4028.encrypted_event`: every encrypted event notifies, so that clients can decide.
    pub encrypted_events: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self { legacy_mentions: true, polls: false, encrypted_events: false }
    }
}

/// The rules that the server gives everybody.
#[derive(Clone, Debug)]
pub struct DefaultRules {
    pub(super) rules: Vec<DefaultRule>,
}

#[derive(Clone, Debug)]
pub(super) struct DefaultRule {
    pub(super) kind: RuleKind,
    pub(super) rule_id: &'static str,
    pub(super) enabled: bool,
    pub(super) conditions: Vec<Condition>,
    pub(super) actions: Actions,
}

impl DefaultRule {
    /// Whether the rule goes before the user's own of its kind.
    pub(super) fn precedes_custom_rules(&self) -> bool {
        self.rule_id == MASTER
    }

    /// Whether `m.mentions` in an event switches the rule off.
    pub(super) fn is_legacy_mention(&self) -> bool {
        matches!(self.rule_id, CONTAINS_DISPLAY_NAME | CONTAINS_USER_NAME | ROOMNOTIF)
    }

    fn is_offered(&self, features: Features) -> bool {
        (features.legacy_mentions || !self.is_legacy_mention())
            && (features.polls || !self.rule_id.starts_with(".org.matrix.msc3930."))
            && (features.encrypted_events || self.rule_id != ENCRYPTED_EVENT)
    }
}

const MASTER: &str = ".m.rule.master";
const CONTAINS_DISPLAY_NAME: &str = ".m.rule.contains_display_name";
const CONTAINS_USER_NAME: &str = ".m.rule.contains_user_name";
const ROOMNOTIF: &str = ".m.rule.roomnotif";
const ENCRYPTED_EVENT: &str = ".org.matrix.msc4028.encrypted_event";

impl DefaultRules {
    /// The rules of the specification and those that `features` ask for.
    pub fn new(features: Features) -> Self {
        let rules = override_rules()
            .into_iter()
            .map(|rule| (RuleKind::Override, rule))
            .chain(content_rules().into_iter().map(|rule| (RuleKind::Content, rule)))
            .chain(underride_rules().into_iter().map(|rule| (RuleKind::Underride, rule)))
            .map(|(kind, (rule_id, conditions, actions))| DefaultRule {
                kind,
                rule_id,
                enabled: rule_id != MASTER,
                conditions,
                actions: Actions::from_known(actions),
            })
            .filter(|rule| rule.is_offered(features))
            .collect();
        Self { rules }
    }

    pub(super) fn find(&self, kind: RuleKind, rule_id: &str) -> Option<&DefaultRule> {
        self.rules.iter().find(|rule| rule.kind == kind && rule.rule_id == rule_id)
    }
}

type Definition = (&'static str, Vec<Condition>, Vec<Json>);

fn override_rules() -> Vec<Definition> {
    let is_state_key_empty = || event_match("state_key", "");
    vec![
        (MASTER, vec![], vec![]),
        (ENCRYPTED_EVENT, vec![is_type("m.room.encrypted")], vec![notify()]),
        (".m.rule.suppress_notices", vec![event_match("content.msgtype", "m.notice")], vec![]),
        (
            ".m.rule.invite_for_me",
            vec![
                is_type("m.room.member"),
                event_match("content.membership", "invite"),
                Condition::personal(
                    json!({"kind": "event_match", "key": "state_key"}),
                    Test::IsUserId { key: PropertyPath::parse("state_key") },
                ),
            ],
            vec![notify(), no_highlight(), sound("default")],
        ),
        (".m.rule.member_event", vec![is_type("m.room.member")], vec![]),
        (
            ".m.rule.is_user_mention",
            vec![Condition::personal(
                json!({"kind": "event_property_contains", "key": r"content.m\.mentions.user_ids"}),
                Test::MentionsUser,
            )],
            vec![notify(), highlight(), sound("default")],
        ),
        (
            CONTAINS_DISPLAY_NAME,
            vec![json!({"kind": "contains_display_name"}).into()],
            vec![notify(), highlight(), sound("default")],
        ),
        (
            ".m.rule.is_room_mention",
            vec![property_is(r"content.m\.mentions.room", true), may_notify_room()],
            vec![notify(), highlight()],
        ),
        (
            ROOMNOTIF,
            vec![may_notify_room(), event_match("content.body", "@room")],
            vec![notify(), highlight()],
        ),
        (
            ".m.rule.tombstone",
            vec![is_type("m.room.tombstone"), is_state_key_empty()],
            vec![notify(), highlight()],
        ),
        (".m.rule.reaction", vec![is_type("m.reaction")], vec![]),
        (".m.rule.room.server_acl", vec![is_type("m.room.server_acl"), is_state_key_empty()], vec![]),
        (".m.rule.suppress_edits", vec![property_is(r"content.m\.relates_to.rel_type", "m.replace")], vec![]),
        (".org.matrix.msc3930.rule.poll_response", vec![is_type("org.matrix.msc3381.poll.response")], vec![]),
    ]
}

fn content_rules() -> Vec<Definition> {
    vec![(
        CONTAINS_USER_NAME,
        vec![Condition::personal(
            json!({"kind": "event_match", "key": "content.body"}),
            Test::BodyHoldsLocalpart,
        )],
        vec![notify(), highlight(), sound("default")],
    )]
}

fn underride_rules() -> Vec<Definition> {
    let is_one_to_one = || json!({"kind": "room_member_count", "is": "2"}).into();
    vec![
        (".m.rule.call", vec![is_type("m.call.invite")], vec![notify(), sound("ring"), no_highlight()]),
        (
            ".m.rule.encrypted_room_one_to_one",
            vec![is_type("m.room.encrypted"), is_one_to_one()],
            vec![notify(), sound("default"), no_highlight()],
        ),
        (
            ".m.rule.room_one_to_one",
            vec![is_type("m.room.message"), is_one_to_one()],
            vec![notify(), sound("default"), no_highlight()],
        ),
        (".m.rule.message", vec![is_type("m.room.message")], vec![notify(), no_highlight()]),
        (".m.rule.encrypted", vec![is_type("m.room.encrypted")], vec![notify(), no_highlight()]),
        (
            ".im.vector.jitsi",
            vec![
                is_type("im.vector.modular.widgets"),
                event_match("content.type", "jitsi"),
                event_match("state_key", "*"),
            ],
            vec![notify(), no_highlight()],
        ),
        (
            ".org.matrix.msc3930.rule.poll_start_one_to_one",
            vec![is_one_to_one(), is_type("org.matrix.msc3381.poll.start")],
            vec![notify(), sound("default")],
        ),
        (
            ".org.matrix.msc3930.rule.poll_start",
            vec![is_type("org.matrix.msc3381.poll.start")],
            vec![notify()],
        ),
        (
            ".org.matrix.msc3930.rule.poll_end_one_to_one",
            vec![is_one_to_one(), is_type("org.matrix.msc3381.poll.end")],
            vec![notify(), sound("default")],
        ),
        (".org.matrix.msc3930.rule.poll_end", vec![is_type("org.matrix.msc3381.poll.end")], vec![notify()]),
    ]
}

fn event_match(key: &str, pattern: &str) -> Condition {
    json!({"kind": "event_match", "key": key, "pattern": pattern}).into()
}

fn is_type(event_type: &str) -> Condition {
    event_match("type", event_type)
}

fn property_is(key: &str, value: impl Into<Json>) -> Condition {
    json!({"kind": "event_property_is", "key": key, "value": value.into()}).into()
}

fn may_notify_room() -> Condition {
    json!({"kind": "sender_notification_permission", "key": "room"}).into()
}

fn notify() -> Json {
    json!("notify")
}

fn highlight() -> Json {
    json!({"set_tweak": "highlight"})
}

fn no_highlight() -> Json {
    json!({"set_tweak": "highlight", "value": false})
}

fn sound(name: &str) -> Json {
    json!({"set_tweak": "sound", "value": name})
}
