//! Authorisation: whether an event may stand in a room.
//!
//! Source: the section "Authorisation rules" of each [room version](https://spec.matrix.org/v1.19/rooms/) and the
//! [checks on receipt](https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu).
//!
//! The rules come in two parts. [`check_state_independent`] looks at the event and the events that it names as its
//! authority; it is needed once. [`check_auth`] looks at one state of the room; it is needed for each state that
//! the event has to stand in: that of its `auth_events`, that before it, and the current one.
//!
//! Neither checks signatures, hashes, sizes and formats. In particular a join that names a
//! `join_authorised_via_users_server` must have been found to be signed by that user's server.
//!
//! # Sending an event
//!
//! A local event is made in three steps: [`select_auth_events`] picks its authority from the current state, the
//! event is built with their ids, and [`check_auth`] judges it against the same state.

mod independent;
mod membership;
mod power_levels;
mod rule;
mod selection;
#[cfg(test)]
mod tests;
mod third_party_invite;
mod user_id;

use std::borrow::Borrow;

pub use independent::{AuthEvent, check_state_independent};
pub use rule::{AuthError, Rule};
pub use selection::{StateKeys, Subject, select_auth_events, select_auth_keys};

use crate::{
    event::Event,
    identifier::server_name,
    membership::Membership,
    power_levels::{Action, PowerLevels, Unreadable},
    room_version::RoomVersionRules,
};

/// The state that an event is judged by.
///
/// It need not be whole: the keys that [`select_auth_keys`] names and the create event are enough.
pub trait AuthState {
    /// The event that holds this type and state key, if there is one.
    fn get(&self, event_type: &str, state_key: &str) -> Option<&Event>;
}

/// A handful of events, of which at most one counts for a type and state key: the first.
impl<E: Borrow<Event>> AuthState for [E] {
    fn get(&self, event_type: &str, state_key: &str) -> Option<&Event> {
        self.iter().map(Borrow::borrow).find(|event: &&Event| event.is_state(event_type, state_key))
    }
}

impl From<Unreadable> for AuthError {
    fn from(_: Unreadable) -> Self {
        Rule::PowerLevelsUnreadable.into()
    }
}

/// What all rules need: the state and what it says about the room.
struct Room<'a, S: ?Sized> {
    rules: &'static RoomVersionRules,
    state: &'a S,
    create: &'a Event,
    levels: PowerLevels<'a>,
}

impl<'a, S: AuthState + ?Sized> Room<'a, S> {
    /// What a user is to the room, [`Membership::Leave`] if there never was anything.
    fn membership(&self, user_id: &str) -> Membership {
        let member = self.state.get("m.room.member", user_id);
        member.and_then(Event::membership).and_then(Membership::parse).unwrap_or(Membership::Leave)
    }

    fn is_joined(&self, user_id: &str) -> bool {
        self.membership(user_id) == Membership::Join
    }
}

/// Checks an event against one state of its room: the rules that need the state.
///
/// Versions differ as [`crate::room_version::AuthRules`] tells. Create events are allowed here; what they have to
/// satisfy does not depend on state. An `m.federate` that is neither `true` nor absent counts as `false`, as in
/// Synapse.
///
/// # Errors
///
/// The first rule that refuses the event.
pub fn check_auth<S: AuthState + ?Sized>(
    rules: &'static RoomVersionRules,
    event: &Event,
    state: &S,
) -> Result<(), AuthError> {
    let event_type = event.event_type();
    if event_type == "m.room.create" {
        return Ok(());
    }
    let create = state.get("m.room.create", "").ok_or(Rule::StateWithoutCreate)?;
    let sender = event.sender();
    let federated =
        create.content().get("m.federate").is_none_or(|federate| federate.as_bool() == Some(true));
    if !federated && event.sender_server() != create.sender_server() {
        return Err(Rule::RoomNotFederated.into());
    }
    if rules.auth.special_cases_aliases && event_type == "m.room.aliases" {
        let own =
            event.state_key().is_some_and(|server| !server.is_empty() && server == event.sender_server());
        return if own { Ok(()) } else { Err(Rule::AliasesStateKey.into()) };
    }
    let levels = PowerLevels::new(rules, create, state.get("m.room.power_levels", ""));
    let room = Room { rules, state, create, levels };
    if event_type == "m.room.member" {
        return membership::check(&room, event);
    }
    if !room.is_joined(sender) {
        return Err(Rule::SenderNotJoined.into());
    }
    if event_type == "m.room.third_party_invite" {
        let allowed = levels.allows(sender, Action::Invite)?;
        return if allowed { Ok(()) } else { Err(Rule::ThirdPartyInviteLevel.into()) };
    }
    let action = match event.state_key() {
        Some(_) => Action::State(event_type),
        None => Action::Message(event_type),
    };
    if !levels.allows(sender, action)? {
        return Err(Rule::SendLevel.into());
    }
    if event.state_key().is_some_and(|state_key| state_key.starts_with('@') && state_key != sender) {
        return Err(Rule::StateKeyOfAnother.into());
    }
    match event_type {
        "m.room.power_levels" => power_levels::check(&room, event),
        "m.room.redaction" if rules.auth.checks_redactions => check_redaction(&room, event),
        _ => Ok(()),
    }
}

/// Room versions 1 and 2: a redaction needs the redact level, or the redacted event is of the same server.
fn check_redaction<S: AuthState + ?Sized>(room: &Room<'_, S>, event: &Event) -> Result<(), AuthError> {
    let same_server = event.redacts().is_some_and(|redacts| {
        let server = server_name(redacts);
        server.is_some() && server == server_name(event.event_id())
    });
    if room.levels.allows(event.sender(), Action::Redact)? || same_server {
        Ok(())
    } else {
        Err(Rule::RedactionOtherServer.into())
    }
}
