//! Power levels: what a user may do in a room.
//!
//! Source: [`m.room.power_levels`](https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels). The
//! defaults count for every value that is not given, and for a room without the event.
//!
//! Versions differ in who the creator is (`creator` in the content before version 11, the sender after), in that
//! creators stand above all levels from version 12, and in that levels may be strings or floats before version 10.

mod level;

pub use level::PowerLevel;

use crate::{
    event::Event,
    json::{Object, Value},
    room_version::RoomVersionRules,
};

/// A level in `m.room.power_levels` is neither absent nor a number that its room version allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the room's power levels cannot be read")]
pub struct Unreadable;

/// What a level is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    Ban,
    Invite,
    Kick,
    /// Redacting what others sent. Redacting one's own events is a matter of [`Action::Message`].
    Redact,
    /// Sending a state event of that type.
    State(&'a str),
    /// Sending an event of that type that is no state event.
    Message(&'a str),
    /// Notifying as the key of `notifications` says, `room` being the only one specified.
    Notify(&'a str),
}

/// The power levels of a room at one point: its create event and its power level event, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct PowerLevels<'a> {
    rules: &'static RoomVersionRules,
    create: &'a Event,
    content: Option<&'a Object>,
}

impl<'a> PowerLevels<'a> {
    /// The power levels that follow from the two events of one state.
    pub fn new(rules: &'static RoomVersionRules, create: &'a Event, power_levels: Option<&'a Event>) -> Self {
        Self { rules, create, content: power_levels.map(Event::content) }
    }

    /// The level of a user, member of the room or not.
    ///
    /// A `null` in `users` or `users_default` is as if it were not there, which only versions before 10 allow.
    pub fn user(&self, user_id: &str) -> Result<PowerLevel, Unreadable> {
        if self.rules.auth.privileged_creators && is_creator(self.rules, self.create, user_id) {
            return Ok(PowerLevel::Infinite);
        }
        let Some(content) = self.content else {
            let creator =
                !self.rules.auth.privileged_creators && is_creator(self.rules, self.create, user_id);
            return Ok(PowerLevel::Finite(if creator { 100 } else { 0 }));
        };
        match member_of(content, "users", user_id)? {
            Some(level) => self.read(level),
            None => self.named(content, "users_default", 0),
        }
    }

    /// The level that an action asks for.
    ///
    /// A `null` in a list, for `ban`, `invite`, `kick` or `redact` is as if it were not there; for `state_default` and
    /// `events_default` it is no level, so that nothing is allowed that asks for it. Only versions before 10 allow
    /// one, and Synapse decides what it means.
    pub fn required(&self, action: Action<'_>) -> Result<PowerLevel, Unreadable> {
        let (list, key, default_name, default) = match action {
            Action::Ban => ("", "", "ban", 50),
            Action::Invite => ("", "", "invite", 0),
            Action::Kick => ("", "", "kick", 50),
            Action::Redact => ("", "", "redact", 50),
            Action::State(event_type) => ("events", event_type, "state_default", 50),
            Action::Message(event_type) => ("events", event_type, "events_default", 0),
            Action::Notify(key) => ("notifications", key, "", 50),
        };
        let Some(content) = self.content else {
            return Ok(PowerLevel::Finite(default));
        };
        if !list.is_empty()
            && let Some(level) = member_of(content, list, key)?
        {
            return self.read(level);
        }
        if matches!(action, Action::State(_) | Action::Message(_))
            && content.get(default_name) == Some(&Value::Null)
        {
            return Err(Unreadable);
        }
        self.named(content, default_name, default)
    }

    /// Whether the user has the level that the action asks for. Says nothing about membership.
    pub fn allows(&self, user_id: &str, action: Action<'_>) -> Result<bool, Unreadable> {
        Ok(self.user(user_id)? >= self.required(action)?)
    }

    fn named(&self, content: &Object, name: &str, default: i64) -> Result<PowerLevel, Unreadable> {
        match content.get(name) {
            None | Some(Value::Null) => Ok(PowerLevel::Finite(default)),
            Some(level) => self.read(level),
        }
    }

    fn read(&self, level: &Value) -> Result<PowerLevel, Unreadable> {
        PowerLevel::read(level, self.rules.auth.integer_power_levels).ok_or(Unreadable)
    }
}

/// Whether the user is a creator of the room: `creator` of the create event before version 11, its sender from
/// then on, and from version 12 also `additional_creators`.
pub fn is_creator(rules: &RoomVersionRules, create: &Event, user_id: &str) -> bool {
    creators(rules, create).any(|creator| creator == user_id)
}

/// The creators of the room, first the one who sent the create event. See [`is_creator`].
pub fn creators<'a>(rules: &RoomVersionRules, create: &'a Event) -> impl Iterator<Item = &'a str> {
    let first = if rules.auth.creator_in_content {
        create.content().get_str("creator")
    } else {
        Some(create.sender())
    };
    let others =
        if rules.auth.privileged_creators { create.content().get("additional_creators") } else { None };
    first.into_iter().chain(others.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str))
}

/// The entry of a map within the content; `null` counts as absent.
fn member_of<'a>(content: &'a Object, list: &str, key: &str) -> Result<Option<&'a Value>, Unreadable> {
    match content.get(list) {
        None => Ok(None),
        Some(Value::Object(levels)) => Ok(levels.get(key).filter(|level| **level != Value::Null)),
        Some(_) => Err(Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        auth::AuthState as _,
        fixture::{ADMIN, CREATOR, MOD, OTHER, Room, STRANGER, USER, versions},
        room_version::RoomVersion::{self, *},
    };

    fn levels(room: &Room) -> PowerLevels<'_> {
        let create = room.get("m.room.create", "").unwrap();
        PowerLevels::new(room.rules, create, room.get("m.room.power_levels", ""))
    }

    #[test]
    fn defaults_count_for_what_is_not_given() {
        for version in RoomVersion::ALL {
            let mut room = Room::public(version);
            room.set_levels(&json!({}));
            for with_event in [true, false] {
                if !with_event {
                    room.remove("m.room.power_levels", "");
                }
                let required = |action| levels(&room).required(action).unwrap().saturating();
                for (action, level) in [
                    (Action::Ban, 50),
                    (Action::Invite, 0),
                    (Action::Kick, 50),
                    (Action::Redact, 50),
                    (Action::State("m.room.name"), 50),
                    (Action::Message("m.room.message"), 0),
                    (Action::Notify("room"), 50),
                ] {
                    assert_eq!(required(action), level, "version {version}, {action:?}");
                }
                assert_eq!(levels(&room).user(USER), Ok(PowerLevel::Finite(0)));
            }
        }
    }

    #[test]
    fn given_levels_count() {
        let mut room = Room::public(V11);
        room.set_levels(&json!({
            "users": {MOD: 60}, "users_default": 5, "events": {"a": 7}, "state_default": 8, "events_default": 9,
            "notifications": {"room": 10},
        }));
        let levels = levels(&room);
        let required = |action| levels.required(action).unwrap().saturating();
        assert_eq!([required(Action::State("a")), required(Action::Message("a"))], [7, 7]);
        assert_eq!([required(Action::State("b")), required(Action::Message("b"))], [8, 9]);
        assert_eq!([required(Action::Notify("room")), required(Action::Notify("other"))], [10, 50]);
        assert_eq!([MOD, STRANGER].map(|user| levels.user(user).unwrap().saturating()), [60, 5]);
        assert_eq!(levels.allows(MOD, Action::Ban), Ok(true));
        assert_eq!(levels.allows(USER, Action::State("a")), Ok(false));
    }

    #[test]
    fn without_the_event_the_creator_has_100_and_from_version_12_all() {
        for version in RoomVersion::ALL {
            let room = Room::empty(version, &json!({"creator": CREATOR, "additional_creators": [OTHER]}));
            let expected = if version == V12 { PowerLevel::Infinite } else { PowerLevel::Finite(100) };
            assert_eq!(levels(&room).user(CREATOR), Ok(expected.clone()), "version {version}");
            let expected = if version == V12 { expected } else { PowerLevel::Finite(0) };
            assert_eq!(levels(&room).user(OTHER), Ok(expected));
            assert_eq!(levels(&room).user(ADMIN), Ok(PowerLevel::Finite(0)));
        }
    }

    #[test]
    fn null_as_the_default_of_events_allows_none_that_asks_for_it() {
        for version in [V1, V9] {
            let mut room = Room::public(version);
            room.set_levels(&json!({"events_default": null, "state_default": null, "events": {"a": 0}}));
            let required = |action| levels(&room).required(action);
            assert_eq!(required(Action::Message("m.room.message")), Err(Unreadable));
            assert_eq!(required(Action::State("m.room.name")), Err(Unreadable));
            assert_eq!(required(Action::Message("a")), Ok(PowerLevel::Finite(0)));
        }
    }

    #[test]
    fn null_counts_as_absent_before_version_10() {
        for version in versions(V1, V9) {
            let mut room = Room::public(version);
            room.set_levels(
                &json!({"ban": null, "users": {USER: null}, "users_default": 3, "events": {"a": null}}),
            );
            assert_eq!(levels(&room).required(Action::Ban), Ok(PowerLevel::Finite(50)));
            assert_eq!(levels(&room).required(Action::State("a")), Ok(PowerLevel::Finite(50)));
            assert_eq!(levels(&room).user(USER), Ok(PowerLevel::Finite(3)));
        }
    }
}
