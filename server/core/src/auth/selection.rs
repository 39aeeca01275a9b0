//! Which state an event needs as its authority.

use smallvec::SmallVec;

use super::AuthState;
use crate::{
    event::{Event, EventDraft},
    json::{Object, Value},
    room_version::RoomVersionRules,
};

/// Pairs of event type and state key, each once.
pub type StateKeys<'a> = SmallVec<[(&'a str, &'a str); 6]>;

/// The part of an event that decides which state it needs; an event that is still to be signed has no more.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub event_type: &'a str,
    pub sender: &'a str,
    pub state_key: Option<&'a str>,
    pub content: &'a Object,
}

impl<'a> From<&'a Event> for Subject<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            event_type: event.event_type(),
            sender: event.sender(),
            state_key: event.state_key(),
            content: event.content(),
        }
    }
}

impl<'a> From<&'a EventDraft> for Subject<'a> {
    fn from(draft: &'a EventDraft) -> Self {
        Self {
            event_type: &draft.event_type,
            sender: &draft.sender,
            state_key: draft.state_key.as_deref(),
            content: &draft.content,
        }
    }
}

/// The type and state key of each event that this one must name in `auth_events`, if the state has it.
///
/// Source: [auth events selection](https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection). From
/// version 8 a restricted join names its authorising user's membership; from version 12 nobody names the create
/// event, which the room id implies.
///
/// Content of the wrong form selects nothing; the rules refuse such an event.
pub fn select_auth_keys<'a>(rules: &RoomVersionRules, subject: Subject<'a>) -> StateKeys<'a> {
    let mut keys = StateKeys::new();
    if subject.event_type == "m.room.create" {
        return keys;
    }
    if !rules.room_id_is_create_hash {
        keys.push(("m.room.create", ""));
    }
    keys.push(("m.room.power_levels", ""));
    keys.push(("m.room.member", subject.sender));
    if subject.event_type != "m.room.member" {
        return keys;
    }
    let mut add = |event_type, state_key| {
        if !keys.contains(&(event_type, state_key)) {
            keys.push((event_type, state_key));
        }
    };
    if let Some(target) = subject.state_key {
        add("m.room.member", target);
    }
    let membership = subject.content.get_str("membership");
    if matches!(membership, Some("join" | "invite" | "knock")) {
        add("m.room.join_rules", "");
    }
    if membership == Some("invite") {
        let signed = subject.content.get("third_party_invite").and_then(|invite| invite.get("signed"));
        if let Some(token) = signed.and_then(|signed| signed.get("token")).and_then(Value::as_str) {
            add("m.room.third_party_invite", token);
        }
    }
    if membership == Some("join")
        && rules.auth.restricted
        && let Some(authoriser) = subject.content.get_str("join_authorised_via_users_server")
    {
        add("m.room.member", authoriser);
    }
    keys
}

/// The events that a local draft is to name in `auth_events`, out of the current state.
///
/// See [`select_auth_keys`]; a key that the state lacks is left out.
pub fn select_auth_events<S: AuthState + ?Sized>(
    rules: &RoomVersionRules,
    subject: Subject<'_>,
    state: &S,
) -> Vec<Event> {
    let keys = select_auth_keys(rules, subject);
    keys.into_iter().filter_map(|(event_type, state_key)| state.get(event_type, state_key).cloned()).collect()
}
