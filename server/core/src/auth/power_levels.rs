//! The rules for `m.room.power_levels`.

use std::collections::BTreeSet;

use super::{AuthError, AuthState, Room, Rule, user_id::is_user_id};
use crate::{
    event::Event,
    json::{Object, Value},
    power_levels::{PowerLevel, creators},
};

const LEVELS: [&str; 7] =
    ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"];

/// Checks a change of power levels.
///
/// Only an event with an empty state key replaces the room's power levels; another one has no predecessor, and one
/// without a state key is refused, as in Synapse.
pub(super) fn check<S: AuthState + ?Sized>(room: &Room<'_, S>, event: &Event) -> Result<(), AuthError> {
    let state_key = event.state_key().ok_or(Rule::PowerLevelsStateKey)?;
    let new = event.content();
    if room.rules.auth.integer_power_levels {
        check_integers(new)?;
    }
    check_users(room, new)?;
    let current = if state_key.is_empty() { room.state.get("m.room.power_levels", "") } else { None };
    let Some(old) = current.map(Event::content) else {
        return Ok(());
    };
    let change = Change {
        old,
        new,
        sender: event.sender(),
        own: room.levels.user(event.sender())?,
        integers_only: room.rules.auth.integer_power_levels,
    };
    for name in LEVELS {
        change.check_level(old, new, name)?;
    }
    change.check_list("events")?;
    if room.rules.auth.checks_notification_levels {
        change.check_list("notifications")?;
    }
    change.check_list("users")
}

/// From room version 10: whatever is a level is an integer.
fn check_integers(content: &Object) -> Result<(), AuthError> {
    let is_integer = |level: &Value| matches!(level, Value::Integer(_));
    let levels = LEVELS.iter().all(|name| content.get(name).is_none_or(is_integer));
    let lists = ["events", "notifications"].iter().all(|list| match content.get(list) {
        None => true,
        Some(Value::Object(levels)) => levels.iter().all(|(_, level)| is_integer(level)),
        Some(_) => false,
    });
    if levels && lists { Ok(()) } else { Err(Rule::PowerLevelsNotInteger.into()) }
}

/// `users` maps user ids to levels, none of a creator from version 12.
fn check_users<S: AuthState + ?Sized>(room: &Room<'_, S>, content: &Object) -> Result<(), AuthError> {
    let users = match content.get("users") {
        None => return Ok(()),
        Some(Value::Object(users)) => users,
        Some(_) => return Err(Rule::PowerLevelsUsers.into()),
    };
    let integers_only = room.rules.auth.integer_power_levels;
    for (user, level) in users.iter() {
        if !is_user_id(user) || PowerLevel::read(level, integers_only).is_none() {
            return Err(Rule::PowerLevelsUsers.into());
        }
    }
    let privileged = room.rules.auth.privileged_creators;
    if privileged && creators(room.rules, room.create).any(|creator| users.contains_key(creator)) {
        return Err(Rule::PowerLevelsListCreator.into());
    }
    Ok(())
}

/// The power levels before and after, and who changes them.
struct Change<'a> {
    old: &'a Object,
    new: &'a Object,
    sender: &'a str,
    own: PowerLevel,
    integers_only: bool,
}

impl Change<'_> {
    /// Each entry of a map of levels that is added, changed or removed.
    fn check_list(&self, list: &str) -> Result<(), AuthError> {
        let empty = Object::new();
        let [old, new] = [self.old, self.new].map(|content| match content.get(list) {
            None => Ok(&empty),
            Some(Value::Object(levels)) => Ok(levels),
            Some(Value::Array(levels)) if levels.is_empty() => Ok(&empty),
            Some(_) => Err(Rule::PowerLevelsUnreadable),
        });
        let (old, new) = (old?, new?);
        let names: BTreeSet<&str> = old.iter().chain(new.iter()).map(|(name, _)| name).collect();
        for name in names {
            let changed_from = self.check_level(old, new, name)?;
            if list == "users" && name != self.sender && changed_from.is_some_and(|level| level >= self.own) {
                return Err(Rule::PowerLevelsEqualUser.into());
            }
        }
        Ok(())
    }

    /// Whoever changes a level must be at or above both the old and the new. Gives the old level, if it changes.
    fn check_level(&self, old: &Object, new: &Object, name: &str) -> Result<Option<PowerLevel>, AuthError> {
        let (old, new) = (self.read(old, name)?, self.read(new, name)?);
        if old == new {
            return Ok(None);
        }
        if [&old, &new].into_iter().flatten().any(|level| *level > self.own) {
            return Err(Rule::PowerLevelsAboveOwn.into());
        }
        Ok(old)
    }

    fn read(&self, levels: &Object, name: &str) -> Result<Option<PowerLevel>, Rule> {
        let level = levels.get(name);
        level
            .map(|level| PowerLevel::read(level, self.integers_only).ok_or(Rule::PowerLevelsUnreadable))
            .transpose()
    }
}
