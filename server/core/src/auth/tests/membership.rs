use super::*;

/// A room in which a test sets the join rule and the membership of [`STRANGER`].
fn room(version: RoomVersion, join_rule: &str, membership: &str) -> Room {
    let mut room = Room::public(version);
    room.set_join_rule(join_rule);
    room.set_membership(STRANGER, membership);
    room
}

#[test]
fn a_membership_needs_a_user_and_a_known_value() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        let check = |state_key, content| room.judge(&room.make(ADMIN, "m.room.member", state_key, &content));
        assert_eq!(check(None, json!({"membership": "join"})), Err(Rule::MemberStateKey));
        assert_eq!(check(Some("nobody"), json!({"membership": "ban"})), Err(Rule::MemberStateKey));
        assert_eq!(check(Some(USER), json!({})), Err(Rule::MembershipMissing));
        assert_eq!(check(Some(USER), json!({"membership": "guest"})), Err(Rule::MembershipUnknown));
        assert_eq!(check(Some(USER), json!({"membership": 1})), Err(Rule::MembershipUnknown));
    }
}

#[test]
fn the_creator_joins_right_after_the_create_event() {
    for version in RoomVersion::ALL {
        let content = json!({"creator": CREATOR, "additional_creators": [ADMIN]});
        let room = Room::empty(version, &content);
        let create = room.get("m.room.create", "").unwrap().event_id();
        let reference = if version <= V2 { json!([create, {}]) } else { json!(create) };
        let first = |user| {
            let members = json!({"prev_events": [reference]});
            room.make_with(user, "m.room.member", Some(user), &json!({"membership": "join"}), &members)
        };
        assert_eq!(room.judge(&first(CREATOR)), Ok(()), "version {version}");
        // An additional creator has to be invited.
        assert_eq!(room.judge(&first(ADMIN)), Err(Rule::JoinNotInvited));
        assert_eq!(
            room.member(CREATOR, CREATOR, "join"),
            Err(Rule::JoinNotInvited),
            "later, the rule counts"
        );
    }
}

#[test]
fn the_creator_is_in_the_content_before_version_11_and_the_sender_after() {
    for version in RoomVersion::ALL {
        let room = Room::empty(version, &json!({"creator": OTHER}));
        let create = room.get("m.room.create", "").unwrap().event_id();
        let reference = if version <= V2 { json!([create, {}]) } else { json!(create) };
        for user in [OTHER, CREATOR] {
            let members = json!({"prev_events": [reference]});
            let content = json!({"membership": "join"});
            let event = room.make_with(user, "m.room.member", Some(user), &content, &members);
            assert_eq!(room.judge(&event).is_ok(), (user == OTHER) == (version < V11), "version {version}");
        }
    }
}

#[test]
fn nobody_joins_for_another() {
    for version in RoomVersion::ALL {
        assert_eq!(Room::public(version).member(ADMIN, STRANGER, "join"), Err(Rule::JoinForAnother));
    }
}

#[test]
fn banned_user_cannot_join() {
    for version in RoomVersion::ALL {
        assert_eq!(room(version, "public", "ban").member(STRANGER, STRANGER, "join"), Err(Rule::JoinBanned));
    }
}

#[test]
fn anyone_else_joins_a_public_room() {
    for version in RoomVersion::ALL {
        for membership in ["leave", "invite", "join"] {
            assert_eq!(room(version, "public", membership).member(STRANGER, STRANGER, "join"), Ok(()));
        }
    }
}

#[test]
fn an_invite_room_lets_in_the_invited() {
    for version in RoomVersion::ALL {
        let mut room = room(version, "invite", "leave");
        assert_eq!(room.member(STRANGER, STRANGER, "join"), Err(Rule::JoinNotInvited));
        room.set_membership(STRANGER, "invite");
        assert_eq!(room.member(STRANGER, STRANGER, "join"), Ok(()));
        room.remove("m.room.join_rules", "");
        assert_eq!(room.member(STRANGER, STRANGER, "join"), Ok(()), "the default is invite");
        room.put(CREATOR, "m.room.join_rules", "", &json!({"join_rule": ["invite"]}));
        assert_eq!(room.member(STRANGER, STRANGER, "join"), Err(Rule::JoinRuleUnknown));
    }
}

#[test]
fn a_join_rule_that_the_version_lacks_lets_nobody_in() {
    for (join_rule, first) in [("knock", V7), ("restricted", V8), ("knock_restricted", V10)] {
        for version in RoomVersion::ALL {
            let expected = if version >= first { Ok(()) } else { Err(Rule::JoinRuleUnknown) };
            assert_eq!(
                room(version, join_rule, "invite").member(STRANGER, STRANGER, "join"),
                expected,
                "version {version}, {join_rule}"
            );
        }
    }
    assert_eq!(room(V12, "private", "invite").member(STRANGER, STRANGER, "join"), Err(Rule::JoinRuleUnknown));
}

#[test]
fn a_restricted_join_needs_a_member_who_may_invite() {
    for (join_rule, first) in [("restricted", V8), ("knock_restricted", V10)] {
        for version in versions(first, V12) {
            let mut room = room(version, join_rule, "leave");
            room.set_levels(&json!({"invite": 50, "users": {MOD: 50}}));
            let join = |authoriser: &serde_json::Value| {
                let content = json!({"membership": "join", "join_authorised_via_users_server": authoriser});
                room.state(STRANGER, "m.room.member", STRANGER, &content)
            };
            assert_eq!(join(&json!(MOD)), Ok(()), "version {version}");
            assert_eq!(join(&json!(USER)), Err(Rule::JoinAuthoriserLevel));
            assert_eq!(join(&json!("@gone:one.example")), Err(Rule::JoinAuthoriserNotJoined));
            assert_eq!(join(&json!(7)), Err(Rule::JoinAuthoriserMissing));
            assert_eq!(room.member(STRANGER, STRANGER, "join"), Err(Rule::JoinAuthoriserMissing));
        }
    }
}

#[test]
fn an_invite_is_for_a_member_with_the_level_and_a_target_outside() {
    for version in RoomVersion::ALL {
        let mut room = room(version, "invite", "leave");
        room.set_levels(&json!({"invite": 50, "users": {MOD: 50}}));
        assert_eq!(room.member(MOD, STRANGER, "invite"), Ok(()));
        assert_eq!(room.member(USER, STRANGER, "invite"), Err(Rule::InviteLevel));
        assert_eq!(room.member(STRANGER, "@new:one.example", "invite"), Err(Rule::InviteSenderNotJoined));
        assert_eq!(room.member(MOD, USER, "invite"), Err(Rule::InviteTargetJoined));
        room.set_membership(STRANGER, "ban");
        assert_eq!(room.member(MOD, STRANGER, "invite"), Err(Rule::InviteTargetBanned));
    }
}

#[test]
fn a_user_leaves_from_a_join_an_invite_or_from_version_7_a_knock() {
    for version in RoomVersion::ALL {
        for (membership, leaves) in
            [("join", true), ("invite", true), ("knock", version >= V7), ("leave", false), ("ban", false)]
        {
            let expected = if leaves { Ok(()) } else { Err(Rule::LeaveNotMember) };
            assert_eq!(room(version, "invite", membership).member(STRANGER, STRANGER, "leave"), expected);
        }
    }
}

#[test]
fn a_kick_needs_the_level_and_a_lower_target() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        assert_eq!(room.member(MOD, USER, "leave"), Ok(()));
        assert_eq!(room.member(USER, OTHER, "leave"), Err(Rule::KickLevel));
        assert_eq!(room.member(MOD, ADMIN, "leave"), Err(Rule::KickTargetLevel));
        assert_eq!(room.member(MOD, CREATOR, "leave"), Err(Rule::KickTargetLevel));
        assert_eq!(room.member(STRANGER, USER, "leave"), Err(Rule::KickSenderNotJoined));
    }
}

#[test]
fn an_unban_needs_the_ban_and_the_kick_level() {
    for version in RoomVersion::ALL {
        let mut room = room(version, "invite", "ban");
        assert_eq!(room.member(MOD, STRANGER, "leave"), Ok(()));
        room.set_levels(&json!({"ban": 100, "kick": 50, "users": {MOD: 50}}));
        assert_eq!(room.member(MOD, STRANGER, "leave"), Err(Rule::UnbanLevel));
        room.set_levels(&json!({"ban": 50, "kick": 100, "users": {MOD: 50}}));
        assert_eq!(room.member(MOD, STRANGER, "leave"), Err(Rule::KickLevel));
    }
}

#[test]
fn a_ban_needs_the_level_and_a_lower_target() {
    for version in RoomVersion::ALL {
        let room = Room::public(version);
        assert_eq!(room.member(MOD, USER, "ban"), Ok(()));
        assert_eq!(room.member(MOD, STRANGER, "ban"), Ok(()));
        assert_eq!(room.member(USER, OTHER, "ban"), Err(Rule::BanLevel));
        assert_eq!(room.member(MOD, ADMIN, "ban"), Err(Rule::BanTargetLevel));
        assert_eq!(room.member(MOD, MOD, "ban"), Err(Rule::BanTargetLevel));
        assert_eq!(room.member(STRANGER, USER, "ban"), Err(Rule::BanSenderNotJoined));
    }
}

#[test]
fn a_knock_needs_version_7_a_join_rule_and_someone_outside() {
    for version in versions(V1, V6) {
        assert_eq!(
            room(version, "knock", "leave").member(STRANGER, STRANGER, "knock"),
            Err(Rule::MembershipUnknown)
        );
    }
    for version in versions(V7, V12) {
        let knock =
            |join_rule, membership| room(version, join_rule, membership).member(STRANGER, STRANGER, "knock");
        assert_eq!(knock("knock", "leave"), Ok(()));
        assert_eq!(knock("knock", "knock"), Ok(()));
        assert_eq!(knock("knock", "ban"), Err(Rule::KnockBanned));
        assert_eq!(knock("knock", "invite"), Err(Rule::KnockInvited));
        assert_eq!(knock("knock", "join"), Err(Rule::KnockJoined));
        assert_eq!(knock("public", "leave"), Err(Rule::KnockNotOffered));
        let expected = if version >= V10 { Ok(()) } else { Err(Rule::KnockNotOffered) };
        assert_eq!(knock("knock_restricted", "leave"), expected);
        assert_eq!(
            room(version, "knock", "leave").member(USER, STRANGER, "knock"),
            Err(Rule::KnockForAnother)
        );
    }
}
