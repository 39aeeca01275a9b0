//! What a new room starts with: presets, defaults, and what the request says instead.
//!
//! The specification leaves the power levels of presets open; they are Synapse's, since clients expect them.

use myelin_config::{DefaultEncryption, RoomPreset};
use myelin_core::{
    RoomVersionRules,
    json::{Object, Value},
};
use ruma::{RoomAliasId, UserId};
use serde_json::{Value as Json, json};

use super::{CreateError, NewRoom};
use crate::room::RoomSettings;

/// The events of a new room: the content of the first, and those that follow the creator's join, in their order.
pub(super) struct Blueprint {
    pub(super) create: Object,
    pub(super) after_join: Vec<(String, String, Object)>,
}

/// What a preset says: <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom>.
struct PresetRules {
    join_rule: &'static str,
    guest_access: &'static str,
    /// The level that inviting needs.
    invite: i64,
    /// Whether those invited have the creator's power.
    is_trusting: bool,
}

fn rules_of(preset: RoomPreset) -> PresetRules {
    let (join_rule, guest_access, invite) = match preset {
        RoomPreset::Private | RoomPreset::TrustedPrivate => ("invite", "can_join", 0),
        RoomPreset::Public => ("public", "forbidden", 50),
    };
    PresetRules { join_rule, guest_access, invite, is_trusting: preset == RoomPreset::TrustedPrivate }
}

impl Blueprint {
    /// Draws the events that a request asks for.
    pub(super) fn draw(
        new: &NewRoom,
        creator: &UserId,
        rules: &RoomVersionRules,
        alias: Option<&RoomAliasId>,
        settings: &RoomSettings,
    ) -> Result<Self, CreateError> {
        let fitting = if new.is_published { RoomPreset::Public } else { RoomPreset::Private };
        let chosen = new.preset.unwrap_or(fitting);
        let preset = rules_of(chosen);
        let create = create_content(new, creator, rules, &preset);
        let mut after_join = Vec::new();
        let mut add =
            |event_type: &str, content| after_join.push((event_type.to_owned(), String::new(), content));
        add(
            "m.room.power_levels",
            power_levels(new, creator, rules, &preset, settings.power_levels.of(chosen))?,
        );
        if let Some(alias) = alias {
            add("m.room.canonical_alias", object(&json!({ "alias": alias })));
        }
        let is_given = |event_type: &str| {
            new.initial_state.iter().any(|state| state.event_type == event_type && state.state_key.is_empty())
        };
        if !is_given("m.room.join_rules") {
            add("m.room.join_rules", object(&json!({ "join_rule": preset.join_rule })));
        }
        if !is_given("m.room.history_visibility") {
            add("m.room.history_visibility", object(&json!({ "history_visibility": "shared" })));
        }
        if !is_given("m.room.guest_access") {
            add("m.room.guest_access", object(&json!({ "guest_access": preset.guest_access })));
        }
        for state in &new.initial_state {
            let replaced = (state.event_type == "m.room.name" && new.name.is_some())
                || (state.event_type == "m.room.topic" && new.topic.is_some());
            if !replaced && state.event_type != "m.room.create" && state.event_type != "m.room.power_levels" {
                after_join.push((state.event_type.clone(), state.state_key.clone(), state.content.clone()));
            }
        }
        let mut add =
            |event_type: &str, content| after_join.push((event_type.to_owned(), String::new(), content));
        let is_encrypted = match settings.default_encryption {
            DefaultEncryption::Off => false,
            DefaultEncryption::Invite => preset.join_rule == "invite",
            DefaultEncryption::All => true,
        };
        if is_encrypted && !is_given("m.room.encryption") {
            add("m.room.encryption", object(&json!({ "algorithm": "m.megolm.v1.aes-sha2" })));
        }
        if let Some(name) = &new.name {
            add("m.room.name", object(&json!({ "name": name })));
        }
        if let Some(topic) = &new.topic {
            let rich = json!({ "m.text": [{ "mimetype": "text/plain", "body": topic }] });
            add("m.room.topic", object(&json!({ "topic": topic, "m.topic": rich })));
        }
        Ok(Self { create, after_join })
    }
}

fn create_content(new: &NewRoom, creator: &UserId, rules: &RoomVersionRules, preset: &PresetRules) -> Object {
    let mut content = new.creation_content.clone();
    content.insert("room_version", rules.version.as_str());
    content.remove("creator");
    if rules.auth.creator_in_content {
        content.insert("creator", creator.as_str());
    }
    if rules.auth.privileged_creators && preset.is_trusting && !new.invites.is_empty() {
        let given = content.get("additional_creators").and_then(Value::as_array).unwrap_or_default();
        let mut creators: Vec<Value> = given.to_vec();
        for invited in &new.invites {
            let invited = Value::from(invited.as_str());
            if !creators.contains(&invited) {
                creators.push(invited);
            }
        }
        content.insert("additional_creators", Value::Array(creators));
    }
    content
}

fn power_levels(
    new: &NewRoom,
    creator: &UserId,
    rules: &RoomVersionRules,
    preset: &PresetRules,
    configured: Option<&serde_json::Map<String, Json>>,
) -> Result<Object, CreateError> {
    let given = new
        .initial_state
        .iter()
        .find(|state| state.event_type == "m.room.power_levels" && state.state_key.is_empty());
    if let Some(given) = given {
        return Ok(given.content.clone());
    }
    let mut users = serde_json::Map::new();
    if !rules.auth.privileged_creators {
        users.insert(creator.to_string(), json!(100));
        if preset.is_trusting {
            users.extend(new.invites.iter().map(|invited| (invited.to_string(), json!(100))));
        }
    }
    let mut content = json!({
        "users": users,
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.canonical_alias": 50,
            "m.room.avatar": 50,
            "m.room.tombstone": if rules.auth.privileged_creators { 150 } else { 100 },
            "m.room.server_acl": 100,
            "m.room.encryption": 100,
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": preset.invite,
        "historical": 100,
    });
    if let (Some(configured), Some(content)) = (configured, content.as_object_mut()) {
        content.extend(configured.clone());
    }
    let mut content = object(&content);
    for (key, value) in new.power_levels.iter() {
        content.insert(key, value.clone());
    }
    let names_creator = content.get("users").is_some_and(|users| users.get(creator.as_str()).is_some());
    if !rules.auth.privileged_creators && !names_creator {
        return Err(CreateError::Invalid(format!(
            "Not a valid power_level_content_override: 'users' did not contain {creator}"
        )));
    }
    Ok(content)
}

/// Takes over an object of this file, which holds small numbers and little nesting.
fn object(json: &Json) -> Object {
    match Value::try_from(json) {
        Ok(Value::Object(object)) => object,
        _ => Object::new(),
    }
}
