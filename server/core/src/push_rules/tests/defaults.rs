use super::*;

#[test]
fn a_message_notifies_without_sound() {
    let actions = Room::default().actions(None, &message(&json!({"body": "hello"})));
    assert_eq!(actions, Some(vec![json!("notify"), no_highlight()]));
}

#[test]
fn a_message_between_two_makes_a_sound() {
    let room = Room { member_count: 2, ..Room::default() };
    let actions = room.actions(None, &message(&json!({"body": "hello"})));
    assert_eq!(actions, Some(vec![json!("notify"), sound("default"), no_highlight()]));
}

#[test]
fn own_events_never_notify() {
    assert_eq!(Room::default().actions_for(BOB, None, &message(&json!({"body": "bob"}))), None);
}

#[test]
fn notices_membership_reactions_acls_and_edits_are_quiet() {
    let room = Room::default();
    assert_eq!(room.actions(None, &message(&json!({"msgtype": "m.notice", "body": "alice"}))), None);
    assert_eq!(
        room.actions(None, &message(&json!({"body": "* x", "m.relates_to": {"rel_type": "m.replace"}}))),
        None
    );
    for event_type in ["m.room.member", "m.reaction", "m.room.server_acl", "m.room.topic"] {
        let event = json!({"type": event_type, "sender": BOB, "state_key": "", "content": {}});
        assert_eq!(room.actions(None, &event), None, "{event_type}");
    }
}

#[test]
fn an_invitation_notifies_the_invited() {
    let event = json!({
        "type": "m.room.member", "sender": BOB, "state_key": ALICE, "content": {"membership": "invite"},
    });
    let room = Room::default();
    assert_eq!(room.actions(None, &event), Some(vec![json!("notify"), no_highlight(), sound("default")]));
    assert_eq!(room.actions_for("@carol:example.org", None, &event), None);
}

#[test]
fn a_mention_highlights_for_the_mentioned_alone() {
    let event = message(&json!({"body": "hi", "m.mentions": {"user_ids": [1, ALICE]}}));
    let room = Room::default();
    assert_eq!(room.actions(None, &event), Some(vec![json!("notify"), highlight(), sound("default")]));
    assert_eq!(
        room.actions_for("@carol:example.org", None, &event),
        Some(vec![json!("notify"), no_highlight()])
    );
}

#[test]
fn an_edit_that_mentions_notifies() {
    let content = json!({
        "body": "* hi", "m.mentions": {"user_ids": [ALICE]}, "m.relates_to": {"rel_type": "m.replace"},
    });
    assert!(Room::default().actions(None, &message(&content)).is_some());
}

#[test]
fn a_room_mention_takes_power() {
    let event = message(&json!({"body": "hi", "m.mentions": {"room": true}}));
    let highlights = |sender_power_level, level: Option<i64>| {
        let notification_levels = level.map(|level| ("room".to_owned(), level)).into_iter().collect();
        let room = Room { sender_power_level, notification_levels, ..Room::default() };
        room.actions(None, &event) == Some(vec![json!("notify"), highlight()])
    };
    assert!(highlights(Some(50), None));
    assert!(!highlights(Some(49), None));
    assert!(highlights(Some(10), Some(10)));
    assert!(!highlights(Some(99), Some(100)));
    assert!(!highlights(None, Some(-1)));
}

#[test]
fn names_in_the_text_highlight_only_without_mentions() {
    let expected = Some(vec![json!("notify"), highlight(), sound("default")]);
    let room = Room { display_name: Some("Alice in W*"), ..Room::default() };
    assert_eq!(room.actions(None, &message(&json!({"body": "see ALICE: hi"}))), expected);
    assert_eq!(room.actions(None, &message(&json!({"body": "ask alice in w*."}))), expected);
    assert_eq!(
        room.actions(None, &message(&json!({"body": "alice", "m.mentions": {}}))),
        Some(vec![json!("notify"), no_highlight()])
    );
    let room = Room { display_name: Some("W*"), ..Room::default() };
    assert_eq!(
        room.actions(None, &message(&json!({"body": "what"}))),
        Some(vec![json!("notify"), no_highlight()])
    );
}

#[test]
fn legacy_mentions_can_be_off() {
    let defaults = DefaultRules::new(Features { legacy_mentions: false, ..Features::default() });
    let room = Room { defaults, display_name: Some("Al"), sender_power_level: Some(100), ..Room::default() };
    for body in ["alice", "Al", "@room"] {
        let actions = room.actions(None, &message(&json!({"body": body})));
        assert_eq!(actions, Some(vec![json!("notify"), no_highlight()]), "{body}");
    }
}

#[test]
fn polls_and_encrypted_events_have_rules_when_asked() {
    let poll = json!({"type": "org.matrix.msc3381.poll.start", "sender": BOB, "content": {}});
    let encrypted = json!({"type": "m.room.encrypted", "sender": BOB, "content": {}});
    assert_eq!(Room::default().actions(None, &poll), None);
    let features = Features { polls: true, encrypted_events: true, ..Features::default() };
    let room = Room { defaults: DefaultRules::new(features), ..Room::default() };
    assert_eq!(room.actions(None, &poll), Some(vec![json!("notify")]));
    assert_eq!(room.actions(None, &encrypted), Some(vec![json!("notify")]));
}

#[test]
fn a_tombstone_highlights_only_as_the_rooms_state() {
    let room = Room::default();
    let tombstone = json!({"type": "m.room.tombstone", "sender": BOB, "state_key": "", "content": {}});
    assert_eq!(room.actions(None, &tombstone), Some(vec![json!("notify"), highlight()]));
    let message = json!({"type": "m.room.tombstone", "sender": BOB, "content": {}});
    assert_eq!(room.actions(None, &message), None);
}
