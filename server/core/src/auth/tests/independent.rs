use serde_json::Value as Json;

use super::*;

/// Judges an event by the events of the room that its `auth_events` name; those of `rejected` type are rejected.
fn judge(room: &Room, event: &Event, rejected: &str) -> Result<(), Rule> {
    let others = room.events();
    check_state_independent(room.rules, event, |id| {
        let event = others.iter().find(|event| event.event_id() == id)?;
        Some(AuthEvent { event, rejected: event.event_type() == rejected })
    })
    .map_err(AuthError::rule)
}

fn with_auth(room: &Room, keys: &[(&str, &str)]) -> Event {
    let auth_events: Vec<Json> = keys
        .iter()
        .map(|(event_type, state_key)| {
            let id = room.get(event_type, state_key).unwrap().event_id();
            if room.rules.version <= V2 { json!([id, {}]) } else { json!(id) }
        })
        .collect();
    room.make_with(USER, "m.room.message", None, &json!({}), &json!({"auth_events": auth_events}))
}

#[test]
fn the_selected_auth_events_pass() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        assert_eq!(judge(&room, &room.make(USER, "m.room.message", None, &json!({})), ""), Ok(()));
    }
}

#[test]
fn two_auth_events_for_one_key_are_refused() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        let levels = ("m.room.power_levels", "");
        let event = if version == V12 {
            with_auth(&room, &[levels, levels])
        } else {
            with_auth(&room, &[("m.room.create", ""), levels, levels])
        };
        assert_eq!(judge(&room, &event, ""), Err(Rule::AuthEventDuplicate), "version {version}");
    }
}

#[test]
fn an_auth_event_that_is_not_needed_is_refused() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        for key in [("m.room.join_rules", ""), ("m.room.member", MOD)] {
            let event = with_auth(&room, &[key]);
            assert_eq!(judge(&room, &event, ""), Err(Rule::AuthEventUnexpected), "version {version}");
        }
    }
}

#[test]
fn a_rejected_auth_event_is_refused() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        let event = room.make(USER, "m.room.message", None, &json!({}));
        assert_eq!(judge(&room, &event, "m.room.power_levels"), Err(Rule::AuthEventRejected));
    }
}

#[test]
fn the_create_event_is_named_before_version_12() {
    for version in versions(V1, V11) {
        let room = Room::public(version);
        let event = with_auth(&room, &[("m.room.power_levels", "")]);
        assert_eq!(judge(&room, &event, ""), Err(Rule::AuthEventCreateMissing));
    }
}

#[test]
fn the_room_id_names_an_accepted_create_event_in_version_12() {
    let room = Room::public(V12);
    let event = room.make(USER, "m.room.message", None, &json!({}));
    assert_eq!(judge(&room, &event, "m.room.create"), Err(Rule::RoomIdNotCreateEvent));
    for id in ["$nothing", room.get("m.room.join_rules", "").unwrap().event_id()] {
        let room_id = id.replace('$', "!");
        let content = json!({});
        let event = room.make_with(USER, "m.room.message", None, &content, &json!({"room_id": room_id}));
        assert_eq!(judge(&room, &event, ""), Err(Rule::RoomIdNotCreateEvent));
    }
}

#[test]
fn an_auth_event_of_another_room_is_refused() {
    for version in versions(V1, V11) {
        let room = Room::public(version);
        let event = room.make_with(
            USER,
            "m.room.message",
            None,
            &json!({}),
            &json!({"room_id": "!other:one.example"}),
        );
        assert_eq!(judge(&room, &event, ""), Err(Rule::AuthEventOtherRoom));
    }
}

#[test]
fn an_unknown_auth_event_is_told_apart() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        let id = "$unknown:one.example";
        let auth_events = if version <= V2 { json!([[id, {}]]) } else { json!([id]) };
        let members = json!({"auth_events": auth_events});
        let event = room.make_with(USER, "m.room.message", None, &json!({}), &members);
        assert_eq!(judge(&room, &event, ""), Err(Rule::AuthEventUnknown));
    }
}

fn create(version: RoomVersion, content: &Json, members: &Json) -> Result<(), Rule> {
    let room = Room::empty(version, &json!({"creator": CREATOR}));
    let mut members = members.clone();
    if version == V12 {
        members["room_id"] = Json::Null;
    }
    let event = room.make_with(CREATOR, "m.room.create", Some(""), content, &members);
    check_state_independent(room.rules, &event, |_| None).map_err(AuthError::rule)
}

#[test]
fn a_create_event_comes_first() {
    for version in RoomVersion::ALL {
        let content = json!({"creator": CREATOR});
        assert_eq!(create(version, &content, &json!({})), Ok(()));
        let before = if version <= V2 { json!([["$x:one.example", {}]]) } else { json!(["$x"]) };
        assert_eq!(
            create(version, &content, &json!({"prev_events": before})),
            Err(Rule::CreateHasPrevEvents)
        );
    }
}

#[test]
fn a_rooms_id_is_of_the_creators_server_before_version_12() {
    for version in versions(V1, V11) {
        for room_id in ["!room:two.example", "!room"] {
            let created = create(version, &json!({"creator": CREATOR}), &json!({"room_id": room_id}));
            assert_eq!(created, Err(Rule::CreateRoomIdServer));
        }
    }
}

#[test]
fn a_room_version_is_a_known_string() {
    for version in RoomVersion::ALL {
        let check = |value| create(version, &json!({"creator": CREATOR, "room_version": value}), &json!({}));
        assert_eq!(check(json!("5")), Ok(()));
        for value in [json!(5), json!("org.example"), json!(null)] {
            assert_eq!(check(value), Err(Rule::CreateRoomVersion));
        }
    }
}

#[test]
fn a_creator_is_named_before_version_11() {
    for version in RoomVersion::ALL {
        let expected = if version < V11 { Err(Rule::CreateCreatorMissing) } else { Ok(()) };
        assert_eq!(create(version, &json!({}), &json!({})), expected);
    }
}

#[test]
fn additional_creators_are_user_ids_in_version_12() {
    for (value, valid) in [
        (json!([]), true),
        (json!([OTHER, USER]), true),
        (json!(OTHER), false),
        (json!(null), false),
        (json!([7]), false),
        (json!(["other"]), false),
        (json!(["@other:"]), false),
    ] {
        let content = json!({"creator": CREATOR, "additional_creators": value});
        assert_eq!(create(V12, &content, &json!({})).is_ok(), valid, "{value}");
        assert_eq!(create(V11, &content, &json!({})), Ok(()));
    }
}
