//! The rules that do not depend on the state of the room.

use smallvec::SmallVec;

use super::{AuthError, Rule, Subject, select_auth_keys, user_id::is_valid_user_id};
use crate::{
    event::Event,
    identifier::server_name,
    json::Value,
    room_version::{RoomVersion, RoomVersionRules},
};

/// An event that another one names as its authority.
#[derive(Clone, Copy, Debug)]
pub struct AuthEvent<'a> {
    pub event: &'a Event,
    /// Whether it was rejected when it was received.
    pub rejected: bool,
}

/// Checks an event's own form and the events that it names as its authority; needed once for each event.
///
/// `find` is asked for each id in `auth_events`, and from room version 12 for the create event that the room id
/// names. Versions differ in the create event: its room id (version 12), `creator` (before 11) and
/// `additional_creators` (from 12).
///
/// # Errors
///
/// The first rule that refuses the event. [`Rule::AuthEventUnknown`] says that `find` did not know an event: the
/// caller has to fetch it and try again.
pub fn check_state_independent<'a>(
    rules: &'static RoomVersionRules,
    event: &Event,
    mut find: impl FnMut(&str) -> Option<AuthEvent<'a>>,
) -> Result<(), AuthError> {
    if event.event_type() == "m.room.create" {
        return check_create(rules, event);
    }
    if rules.room_id_is_create_hash {
        let create = event.create_event_id().and_then(|id| find(&id)).ok_or(Rule::RoomIdNotCreateEvent)?;
        if create.rejected || create.event.event_type() != "m.room.create" {
            return Err(Rule::RoomIdNotCreateEvent.into());
        }
    }
    let expected = select_auth_keys(rules, Subject::from(event));
    let mut seen = SmallVec::<[(&str, &str); 6]>::new();
    for id in event.auth_events() {
        let AuthEvent { event: auth_event, rejected } = find(id).ok_or(Rule::AuthEventUnknown)?;
        if auth_event.room_id() != event.room_id() {
            return Err(Rule::AuthEventOtherRoom.into());
        }
        let state_key = auth_event.state_key().ok_or(Rule::AuthEventUnexpected)?;
        let key = (auth_event.event_type(), state_key);
        if seen.contains(&key) {
            return Err(Rule::AuthEventDuplicate.into());
        }
        if !expected.contains(&key) {
            return Err(Rule::AuthEventUnexpected.into());
        }
        if rejected {
            return Err(Rule::AuthEventRejected.into());
        }
        seen.push(key);
    }
    if !rules.room_id_is_create_hash && !seen.contains(&("m.room.create", "")) {
        return Err(Rule::AuthEventCreateMissing.into());
    }
    Ok(())
}

fn check_create(rules: &RoomVersionRules, event: &Event) -> Result<(), AuthError> {
    if event.prev_events().len() > 0 {
        return Err(Rule::CreateHasPrevEvents.into());
    }
    let content = event.content();
    // Where the room id is the hash of this event, the format has refused an event that has one.
    if !rules.room_id_is_create_hash && server_name(event.room_id()) != Some(event.sender_server()) {
        return Err(Rule::CreateRoomIdServer.into());
    }
    if let Some(version) = content.get("room_version") {
        let known = version.as_str().and_then(|version| version.parse::<RoomVersion>().ok());
        known.ok_or(Rule::CreateRoomVersion)?;
    }
    if rules.auth.creator_in_content && !content.contains_key("creator") {
        return Err(Rule::CreateCreatorMissing.into());
    }
    if rules.auth.privileged_creators
        && let Some(creators) = content.get("additional_creators")
    {
        let is_user = |creator: &Value| creator.as_str().is_some_and(is_valid_user_id);
        if !creators.as_array().is_some_and(|creators| creators.iter().all(is_user)) {
            return Err(Rule::CreateAdditionalCreators.into());
        }
    }
    Ok(())
}
