use serde_json::Value as Json;

use super::*;

/// The content of [`Room::public`]'s power levels with changes; `null` takes one out.
fn levels(room: &Room, changes: &Json) -> Json {
    let current = room.get("m.room.power_levels", "").unwrap();
    let event: Json = serde_json::from_slice(current.json()).unwrap();
    let mut content = event["content"].clone();
    for (name, value) in changes.as_object().unwrap() {
        match (value, content.get_mut(name)) {
            (Json::Null, _) => drop(content.as_object_mut().unwrap().remove(name)),
            (Json::Object(entries), Some(Json::Object(list))) => {
                for (key, level) in entries {
                    match level {
                        Json::Null => drop(list.remove(key)),
                        level => drop(list.insert(key.clone(), level.clone())),
                    }
                }
            }
            _ => content[name] = value.clone(),
        }
    }
    content
}

fn change(room: &Room, sender: &str, changes: &Json) -> Result<(), Rule> {
    room.state(sender, "m.room.power_levels", "", &levels(room, changes))
}

#[test]
fn the_first_power_levels_are_free_within_their_form() {
    for version in RoomVersion::ALL {
        let mut room = Room::public(version);
        room.remove("m.room.power_levels", "");
        let first = |content| room.state(CREATOR, "m.room.power_levels", "", &content);
        assert_eq!(first(json!({"users": {ADMIN: 1000}, "ban": 2000})), Ok(()), "version {version}");
        for users in [json!([]), json!(null), json!({"admin": 5}), json!({ADMIN: "x"}), json!({ADMIN: null})]
        {
            assert_eq!(
                first(json!({"users": users})),
                Err(Rule::PowerLevelsUsers),
                "version {version}, {users}"
            );
        }
    }
}

#[test]
fn strings_are_levels_before_version_10() {
    for version in RoomVersion::ALL {
        let mut room = Room::public(version);
        room.remove("m.room.power_levels", "");
        let first = |content| room.state(CREATOR, "m.room.power_levels", "", &content);
        let old = version < V10;
        assert_eq!(first(json!({"users": {ADMIN: " +100 "}})).is_ok(), old, "version {version}");
        for content in
            [json!({"ban": "50"}), json!({"events": {"a": "50"}}), json!({"notifications": {"room": "5"}})]
        {
            let expected = if old { Ok(()) } else { Err(Rule::PowerLevelsNotInteger) };
            assert_eq!(first(content.clone()), expected, "version {version}, {content}");
        }
    }
}

#[test]
fn floats_are_levels_before_version_6_where_json_has_none() {
    for version in versions(V1, V5) {
        let mut room = Room::public(version);
        room.set_levels(&json!({"users": {ADMIN: 100.9, MOD: 49.9}, "state_default": 50}));
        assert_eq!(room.state(ADMIN, "t", "", &json!({})), Ok(()));
        assert_eq!(room.state(MOD, "t", "", &json!({})), Err(Rule::SendLevel));
        assert_eq!(change(&room, ADMIN, &json!({"ban": 100.99})), Ok(()));
    }
}

#[test]
fn lists_of_levels_are_maps_from_version_10() {
    for version in versions(V10, V12) {
        let mut room = Room::public(version);
        room.remove("m.room.power_levels", "");
        for content in [json!({"events": []}), json!({"notifications": 5}), json!({"kick": true})] {
            let first = room.state(CREATOR, "m.room.power_levels", "", &content);
            assert_eq!(first, Err(Rule::PowerLevelsNotInteger), "version {version}, {content}");
        }
    }
}

#[test]
fn no_level_above_ones_own_is_given_or_taken() {
    for version in RoomVersion::ALL {
        let mut room = Room::public(version);
        room.set_levels(&levels(&room, &json!({"events": {"m.room.power_levels": 50, "a": 100}, "ban": 75})));
        for name in ["users_default", "events_default", "state_default", "redact", "kick", "invite"] {
            assert_eq!(change(&room, MOD, &json!({name: 51})), Err(Rule::PowerLevelsAboveOwn), "{name}");
            assert_eq!(change(&room, MOD, &json!({name: 50})), Ok(()), "{name}");
        }
        for changes in [
            json!({"ban": 50}),
            json!({"ban": null}),
            json!({"events": {"a": 50}}),
            json!({"events": {"a": null}}),
            json!({"events": {"b": 51}}),
            json!({"users": {USER: 51}}),
        ] {
            assert_eq!(
                change(&room, MOD, &changes),
                Err(Rule::PowerLevelsAboveOwn),
                "version {version}, {changes}"
            );
        }
        for changes in [json!({"events": {"b": 50}}), json!({"users": {USER: 50}})] {
            assert_eq!(change(&room, MOD, &changes), Ok(()), "version {version}, {changes}");
        }
    }
}

#[test]
fn an_equal_users_level_is_theirs_to_change() {
    for version in RoomVersion::ALL {
        let mut room = Room::public(version);
        room.set_levels(&levels(&room, &json!({"users": {USER: 50, OTHER: 49}, "state_default": 50})));
        assert_eq!(change(&room, MOD, &json!({"users": {USER: 0}})), Err(Rule::PowerLevelsEqualUser));
        assert_eq!(change(&room, MOD, &json!({"users": {USER: null}})), Err(Rule::PowerLevelsEqualUser));
        assert_eq!(change(&room, MOD, &json!({"users": {OTHER: null}})), Ok(()));
        assert_eq!(change(&room, MOD, &json!({"users": {MOD: 0}})), Ok(()), "one's own may go down");
        assert_eq!(change(&room, MOD, &json!({"users": {MOD: 51}})), Err(Rule::PowerLevelsAboveOwn));
    }
}

#[test]
fn notifications_are_guarded_from_version_6() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        let expected = if version >= V6 { Err(Rule::PowerLevelsAboveOwn) } else { Ok(()) };
        assert_eq!(
            change(&room, MOD, &json!({"notifications": {"room": 51}})),
            expected,
            "version {version}"
        );
    }
}

#[test]
fn the_same_number_in_another_form_is_no_change() {
    for version in versions(V1, V9) {
        let mut room = Room::public(version);
        room.set_levels(&json!({"users": {ADMIN: "100", MOD: 50}, "ban": " 100 "}));
        assert_eq!(change(&room, MOD, &json!({"users": {ADMIN: 100}, "ban": "+0100"})), Ok(()));
    }
}

#[test]
fn creators_are_above_all_and_not_listed_from_version_12() {
    let mut room = Room::public(V12);
    room.put(CREATOR, "m.room.create", "", &json!({"additional_creators": [OTHER]}));
    let top = (1_i64 << 53) - 1;
    assert_eq!(change(&room, CREATOR, &json!({"users": {ADMIN: top}})), Ok(()));
    assert_eq!(change(&room, OTHER, &json!({"users": {ADMIN: top}})), Ok(()));
    assert_eq!(change(&room, ADMIN, &json!({"users": {CREATOR: 0}})), Err(Rule::PowerLevelsListCreator));
    assert_eq!(change(&room, CREATOR, &json!({"users": {OTHER: 0}})), Err(Rule::PowerLevelsListCreator));
    room.set_levels(&json!({"users": {ADMIN: top}}));
    assert_eq!(room.member(ADMIN, OTHER, "ban"), Err(Rule::BanTargetLevel));
    assert_eq!(room.member(OTHER, CREATOR, "leave"), Err(Rule::KickTargetLevel), "creators are equals");
    assert_eq!(room.member(OTHER, ADMIN, "ban"), Ok(()));
}

#[test]
fn additional_creators_mean_nothing_before_version_12() {
    for version in versions(V1, V11) {
        let mut room = Room::public(version);
        room.put(CREATOR, "m.room.create", "", &json!({"creator": CREATOR, "additional_creators": [OTHER]}));
        assert_eq!(room.state(OTHER, "m.room.topic", "", &json!({})), Err(Rule::SendLevel));
    }
}

#[test]
fn another_state_key_has_no_predecessor() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        let content = json!({"ban": 1000});
        assert_eq!(room.state(MOD, "m.room.power_levels", "x", &content), Ok(()));
        let no_state = room.make(MOD, "m.room.power_levels", None, &content);
        assert_eq!(room.judge(&no_state), Err(Rule::PowerLevelsStateKey));
    }
}

#[test]
fn numbers_beyond_64_bits_count_in_full_before_version_6() {
    for version in versions(V1, V5) {
        let mut room = Room::public(version);
        room.set_levels(&json!({"users": {ADMIN: "100000000000000000001", MOD: "100000000000000000000"}}));
        assert_eq!(room.member(ADMIN, MOD, "ban"), Ok(()));
        assert_eq!(room.member(MOD, ADMIN, "ban"), Err(Rule::BanTargetLevel));
    }
}
