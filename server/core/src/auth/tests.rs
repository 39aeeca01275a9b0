mod independent;
mod membership;
mod power_levels;
mod third_party_invite;

use serde_json::json;

use super::*;
use crate::{
    fixture::{ADMIN, CREATOR, MOD, OTHER, Room, STRANGER, USER, versions},
    room_version::RoomVersion::{self, *},
};

fn keys<'a>(rules: &RoomVersionRules, event: &'a Event) -> Vec<(&'a str, &'a str)> {
    select_auth_keys(rules, Subject::from(event)).to_vec()
}

#[test]
fn a_create_event_needs_no_authority() {
    for version in RoomVersion::ALL {
        let room = Room::empty(version, &json!({"creator": CREATOR}));
        let create = room.get("m.room.create", "").unwrap();
        assert!(keys(room.rules, create).is_empty());
    }
}

#[test]
fn a_message_needs_create_levels_and_sender_and_no_create_from_version_12() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        let message = room.make(USER, "m.room.message", None, &json!({}));
        let mut expected = vec![("m.room.power_levels", ""), ("m.room.member", USER)];
        if version < V12 {
            expected.insert(0, ("m.room.create", ""));
        }
        assert_eq!(keys(room.rules, &message), expected, "version {version}");
    }
}

#[test]
fn a_membership_needs_its_target_and_for_a_way_in_the_join_rules() {
    let room = Room::public(V11);
    for (membership, rules) in
        [("join", true), ("invite", true), ("knock", true), ("leave", false), ("ban", false)]
    {
        let event = room.make(ADMIN, "m.room.member", Some(USER), &json!({"membership": membership}));
        let keys = keys(room.rules, &event);
        assert!(keys.contains(&("m.room.member", USER)));
        assert_eq!(keys.contains(&("m.room.join_rules", "")), rules, "{membership}");
    }
}

#[test]
fn an_own_membership_is_needed_once() {
    let room = Room::public(V11);
    let event = room.make(USER, "m.room.member", Some(USER), &json!({"membership": "join"}));
    assert_eq!(keys(room.rules, &event).iter().filter(|key| **key == ("m.room.member", USER)).count(), 1);
}

#[test]
fn a_third_party_invite_needs_the_event_with_its_token() {
    let room = Room::public(V11);
    let content = json!({"membership": "invite", "third_party_invite": {"signed": {"token": "t"}}});
    let event = room.make(ADMIN, "m.room.member", Some(STRANGER), &content);
    assert!(keys(room.rules, &event).contains(&("m.room.third_party_invite", "t")));
}

#[test]
fn a_restricted_join_needs_its_authoriser_from_version_8() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        let content = json!({"membership": "join", "join_authorised_via_users_server": MOD});
        let event = room.make(STRANGER, "m.room.member", Some(STRANGER), &content);
        assert_eq!(
            keys(room.rules, &event).contains(&("m.room.member", MOD)),
            version >= V8,
            "version {version}"
        );
    }
}

#[test]
fn malformed_content_selects_nothing_more() {
    let room = Room::public(V11);
    for content in [
        json!({"membership": 5}),
        json!({"membership": "invite", "third_party_invite": null}),
        json!({"membership": "invite", "third_party_invite": {"signed": {"token": 7}}}),
        json!({"membership": "join", "join_authorised_via_users_server": {}}),
    ] {
        let event = room.make(USER, "m.room.member", Some(USER), &content);
        assert!(keys(room.rules, &event).len() <= 4, "{content}");
    }
}

#[test]
fn a_draft_names_what_the_state_has() {
    let room = Room::public(V10);
    let content = crate::json::Object::from_iter([("membership", "join")]);
    let subject = Subject {
        event_type: "m.room.member",
        sender: STRANGER,
        state_key: Some(STRANGER),
        content: &content,
    };
    let types: Vec<String> = select_auth_events(room.rules, subject, &room)
        .iter()
        .map(|event| event.event_type().to_owned())
        .collect();
    assert_eq!(types, ["m.room.create", "m.room.power_levels", "m.room.join_rules"]);
}

#[test]
fn without_a_create_event_nothing_is_allowed() {
    for version in RoomVersion::ALL {
        let mut room = Room::public(version);
        room.remove("m.room.create", "");
        assert_eq!(room.state(ADMIN, "m.room.topic", "", &json!({})), Err(Rule::StateWithoutCreate));
    }
}

#[test]
fn an_unfederated_room_is_for_the_creators_server() {
    for version in RoomVersion::ALL {
        for (federate, open) in [(json!(false), false), (json!("yes"), false), (json!(true), true)] {
            let mut room = Room::public(version);
            room.put(CREATOR, "m.room.create", "", &json!({"creator": CREATOR, "m.federate": federate}));
            assert_eq!(room.state(ADMIN, "m.room.topic", "", &json!({})), Ok(()));
            let foreign = room.state(MOD, "m.room.topic", "", &json!({}));
            assert_eq!(foreign, if open { Ok(()) } else { Err(Rule::RoomNotFederated) }, "version {version}");
        }
    }
}

#[test]
fn aliases_are_for_ones_own_server_before_version_6() {
    for version in versions(V1, V5) {
        let room = Room::public(version);
        assert_eq!(room.state(STRANGER, "m.room.aliases", "three.example", &json!({})), Ok(()));
        assert_eq!(
            room.state(ADMIN, "m.room.aliases", "three.example", &json!({})),
            Err(Rule::AliasesStateKey)
        );
        let no_state = room.make(USER, "m.room.aliases", None, &json!({}));
        assert_eq!(room.judge(&no_state), Err(Rule::AliasesStateKey));
    }
}

#[test]
fn aliases_are_ordinary_state_from_version_6() {
    for version in versions(V6, V12) {
        let room = Room::public(version);
        let aliases = |sender| room.state(sender, "m.room.aliases", "three.example", &json!({}));
        assert_eq!(aliases(STRANGER), Err(Rule::SenderNotJoined));
        assert_eq!(aliases(OTHER), Err(Rule::SendLevel));
        assert_eq!(aliases(MOD), Ok(()));
    }
}

#[test]
fn only_members_send() {
    for version in RoomVersion::ALL {
        let mut room = Room::public(version);
        for membership in ["invite", "knock", "leave", "ban"] {
            room.set_membership(OTHER, membership);
            let message = room.make(OTHER, "m.room.message", None, &json!({}));
            assert_eq!(room.judge(&message), Err(Rule::SenderNotJoined), "{membership}");
        }
        let message = room.make(STRANGER, "m.room.message", None, &json!({}));
        assert_eq!(room.judge(&message), Err(Rule::SenderNotJoined));
        assert_eq!(room.judge(&room.make(USER, "m.room.message", None, &json!({}))), Ok(()));
    }
}

#[test]
fn who_may_invite_may_send_third_party_invites() {
    for version in RoomVersion::ALL {
        let mut room = Room::public(version);
        room.set_levels(
            &json!({"invite": 50, "events": {"m.room.third_party_invite": 100}, "users": {MOD: 50}}),
        );
        assert_eq!(room.state(MOD, "m.room.third_party_invite", "token", &json!({})), Ok(()));
        assert_eq!(
            room.state(USER, "m.room.third_party_invite", "token", &json!({})),
            Err(Rule::ThirdPartyInviteLevel)
        );
    }
}

#[test]
fn an_event_type_asks_for_its_level() {
    for version in RoomVersion::ALL {
        let mut room = Room::public(version);
        room.set_levels(&json!({"events": {"a": 50, "b": 0}, "events_default": 1, "users": {MOD: 50}}));
        for (user, event_type, state_key, expected) in [
            (MOD, "a", None, Ok(())),
            (USER, "a", None, Err(Rule::SendLevel)),
            (USER, "b", Some(""), Ok(())),
            (USER, "c", None, Err(Rule::SendLevel)),
            (MOD, "c", Some(""), Ok(())),
            (USER, "c", Some(""), Err(Rule::SendLevel)),
        ] {
            let event = room.make(user, event_type, state_key, &json!({}));
            assert_eq!(room.judge(&event), expected, "version {version}, {user}, {event_type}");
        }
    }
}

#[test]
fn a_state_key_that_is_a_user_id_is_for_that_user() {
    for version in RoomVersion::ALL {
        let mut room = Room::public(version);
        room.set_levels(&json!({"state_default": 0, "users": {ADMIN: 100}}));
        assert_eq!(room.state(USER, "org.example.status", USER, &json!({})), Ok(()));
        assert_eq!(room.state(ADMIN, "org.example.status", USER, &json!({})), Err(Rule::StateKeyOfAnother));
        assert_eq!(room.state(USER, "org.example.status", "other", &json!({})), Ok(()));
    }
}

#[test]
fn redactions_need_the_redact_level_or_the_same_server_in_versions_1_and_2() {
    for version in [V1, V2] {
        let room = Room::public(version);
        for (sender, redacts, expected) in [
            (MOD, "$x:three.example", Ok(())),
            (USER, "$x:two.example", Ok(())),
            (USER, "$x:three.example", Err(Rule::RedactionOtherServer)),
        ] {
            let members = json!({"redacts": redacts});
            let event = room.make_with(sender, "m.room.redaction", None, &json!({}), &members);
            assert_eq!(room.judge(&event), expected);
        }
        let nothing = room.make(USER, "m.room.redaction", None, &json!({}));
        assert_eq!(room.judge(&nothing), Err(Rule::RedactionOtherServer));
    }
}

#[test]
fn redactions_are_ordinary_events_from_version_3() {
    for version in versions(V3, V12) {
        let room = Room::public(version);
        let content = json!({"redacts": "$x"});
        let event = room.make_with(USER, "m.room.redaction", None, &content, &json!({"redacts": "$x"}));
        assert_eq!(room.judge(&event), Ok(()), "version {version}");
    }
}

#[test]
fn unreadable_levels_let_nobody_act() {
    for version in RoomVersion::ALL {
        let mut room = Room::public(version);
        for content in [json!({"users": []}), json!({"users": {ADMIN: "many"}}), json!({"events": {"t": {}}})]
        {
            room.set_levels(&content);
            assert_eq!(room.state(ADMIN, "t", "", &json!({})), Err(Rule::PowerLevelsUnreadable), "{content}");
        }
    }
}

#[test]
fn a_reason_names_its_rule() {
    let room = Room::public(V11);
    let message = room.make(STRANGER, "m.room.message", None, &json!({}));
    let error = check_auth(room.rules, &message, &room).unwrap_err();
    assert_eq!(error.to_string(), "sender: the user is not in the room");
}
