//! Power levels of a room that is replaced, and of the one that replaces it.

use myelin_core::{
    RoomVersionRules,
    json::{Object, Value},
    power_levels::{PowerLevel, creators},
};
use myelin_storage::StorageError;
use ruma::{OwnedUserId, UserId};

use super::super::turn::Turn;

/// What a creator has at least where creators do not stand above all levels.
const CREATOR: i64 = 100;

/// What closing a room asks for where creators stand above all levels.
const TOMBSTONE_OF_CREATORS: i64 = 150;

/// The contents of a new room's power levels.
pub(super) struct NewLevels {
    /// While the room is filled: whoever fills it has the power for all of it.
    pub(super) at_first: Object,
    /// What they were in the old room, as far as the new one's version can have that.
    pub(super) at_last: Object,
}

impl NewLevels {
    /// The levels of a room that `user_id` makes in place of the old one.
    pub(super) async fn of(
        old: &mut Turn,
        user_id: &UserId,
        rules: &'static RoomVersionRules,
        additional_creators: &[OwnedUserId],
    ) -> Result<Self, StorageError> {
        let event = old.state("m.room.power_levels", "").await?;
        let mut content = event.map(|event| with_integers(event.content())).unwrap_or_default();
        let create = old.state("m.room.create", "").await?;
        let mut users = object(&content, "users");
        let stood_above = old.head().rules.auth.privileged_creators;
        if rules.auth.privileged_creators {
            users.remove(user_id.as_str());
            for creator in additional_creators {
                users.remove(creator.as_str());
            }
            if !stood_above {
                let mut events = object(&content, "events");
                let level = level_of(&events, "m.room.tombstone").unwrap_or(0).max(TOMBSTONE_OF_CREATORS);
                events.insert("m.room.tombstone", level);
                content.insert("events", Value::Object(events));
            }
        } else if let (true, Some(create)) = (stood_above || users.is_empty(), &create) {
            for creator in creators(old.head().rules, create) {
                users.insert(creator, highest(&content).max(CREATOR));
            }
        }
        content.insert("users", Value::Object(users.clone()));
        let at_last = content.clone();
        let own =
            level_of(&users, user_id.as_str()).or_else(|| level_of(&content, "users_default")).unwrap_or(0);
        let needed = highest(&content);
        if !rules.auth.privileged_creators && own < needed {
            users.insert(user_id.as_str(), needed);
            content.insert("users", Value::Object(users));
        }
        Ok(Self { at_first: content, at_last })
    }
}

/// What the power levels of a closed room should be, if they are not: only who can moderate speaks and invites.
pub(super) async fn of_closed(old: &mut Turn) -> Result<Option<Object>, StorageError> {
    let Some(event) = old.state("m.room.power_levels", "").await? else { return Ok(None) };
    let mut content = event.content().clone();
    let level = level_of(&content, "users_default").unwrap_or(0).saturating_add(1).max(50);
    let mut has_changed = false;
    for name in ["events_default", "invite"] {
        if level_of(&content, name).unwrap_or(0) < level {
            content.insert(name, level);
            has_changed = true;
        }
    }
    Ok(has_changed.then_some(content))
}

/// Levels that old versions let be texts, as the numbers that they are.
fn with_integers(content: &Object) -> Object {
    let number = |value: &Value| match PowerLevel::read(value, false) {
        Some(level) => Value::Integer(level.saturating()),
        None => value.clone(),
    };
    content
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::Object(levels) => {
                    Value::Object(levels.iter().map(|(key, level)| (key, number(level))).collect())
                }
                other => number(other),
            };
            (key, value)
        })
        .collect()
}

/// The highest level that filling a room with state asks for.
fn highest(content: &Object) -> i64 {
    let state_default = level_of(content, "state_default").unwrap_or(50);
    let ban = level_of(content, "ban").unwrap_or(50);
    let events = object(content, "events");
    events.iter().filter_map(|(_, level)| level.as_i64()).fold(state_default.max(ban), i64::max)
}

fn object(content: &Object, key: &str) -> Object {
    content.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn level_of(content: &Object, key: &str) -> Option<i64> {
    content.get(key).and_then(Value::as_i64)
}
