//! What an older program stored is there after a migration has changed its form.

use ruma::user_id;

use crate::{
    EngineKind, EventNid, Position, RoomNid, StateId, events, memberships, relations, state,
    testing::TestStore,
};

const EVERYWHERE: [EngineKind; 2] = [EngineKind::Sqlite, EngineKind::Postgres];

/// A room of two with a name, and an invitation to another room, whose invited user is in no state here.
const ROOMS: &str = "
    INSERT INTO rooms (room_nid, room_id, room_version, state_line, state_version, latest_position, bump_position,
        joined_members, invited_members)
    VALUES (1, '!a:x', '11', 1, 3, 3, 3, 2, 0), (2, '!b:x', '11', NULL, NULL, 4, 4, 0, 1);
    INSERT INTO state_keys (key_nid, type, state_key)
    VALUES (3, 'm.room.name', ''), (5, 'm.room.member', '@a:x'), (8, 'm.room.member', '@b:x'), (9, 'm.other', '@a:x');
    INSERT INTO state_lines (line_nid, room_nid, depth, newest_version, partial) VALUES (1, 1, 0, 3, FALSE);
    INSERT INTO state_changes (line_nid, version, key_nid, event_nid) VALUES (1, 1, 5, 11), (1, 2, 3, 12), (1, 3, 8, 13);
    INSERT INTO memberships (user_id, room_nid, membership, event_nid, position, since_position, forgotten)
    VALUES ('@a:x', 1, 'join', 11, 1, 1, FALSE), ('@b:x', 1, 'join', 13, 3, 2, FALSE),
        ('@c:x', 2, 'invite', 14, 4, 4, TRUE)";

#[tokio::test]
async fn memberships_and_states_are_kept_when_users_get_numbers() {
    for engine in EVERYWHERE {
        let store = TestStore::open_older(engine, 54, ROOMS).await;
        let mut txn = store.write("test").await.unwrap();
        let (room, state) = (RoomNid(1), StateId { line: 1, version: 3 });
        let (a, b, c) = (user_id!("@a:x"), user_id!("@b:x"), user_id!("@c:x"));
        assert_eq!(memberships::list_of_room(&mut txn, room, "join").await.unwrap(), [a, b]);
        let found = memberships::find(&mut txn, room, b).await.unwrap().unwrap();
        assert_eq!(
            (found.event.0, found.position.0, found.since_position.0, found.forgotten),
            (13, 3, 2, false)
        );
        let invited = memberships::list_of_user(&mut txn, c).await.unwrap().remove(0);
        assert_eq!(
            (invited.room, invited.membership.as_str(), invited.forgotten),
            (RoomNid(2), "invite", true)
        );
        let (full, _) = state::full(&mut txn, state).await.unwrap();
        let full: Vec<_> =
            full.iter().map(|((kind, key), event)| (kind.as_str(), key.as_str(), event.0)).collect();
        assert_eq!(
            full,
            [("m.room.member", "@a:x", 11), ("m.room.member", "@b:x", 13), ("m.room.name", "", 12)]
        );

        // Numbers that are given out from now on are new ones.
        let new = state::apply(&mut txn, room, Some(state), "m.new", "@a:x", found.event).await.unwrap();
        let (full, _) = state::full(&mut txn, new).await.unwrap();
        assert_eq!(full.len(), 4);
        memberships::set(&mut txn, room, user_id!("@d:x"), "join", found.event, Position(5)).await.unwrap();
        memberships::set(&mut txn, room, c, "join", found.event, Position(6)).await.unwrap();
        assert_eq!(memberships::list_of_room(&mut txn, room, "join").await.unwrap().len(), 4);
        txn.commit().await.unwrap();
    }
}

/// A membership that was invited by a message, each as it was before texts were packed.
const EVENTS: &str = r#"
    INSERT INTO rooms (room_nid, room_id, room_version, latest_position, bump_position, joined_members, invited_members)
    VALUES (1, '!a:x', '11', 2, 2, 1, 0);
    INSERT INTO event_ids (event_nid, event_id) VALUES (1, '$member'), (2, '$message'), (3, '$edit');
    INSERT INTO events (event_nid, room_nid, position, depth, flags, origin_server_ts, type, state_key, sender,
        prev_nids, auth_nids, json)
    VALUES (1, 1, 1, 1, 2, 5, 'm.room.member', '@a:x', '@a:x', '[]', '[]', CAST('{"type":"m.room.member"}' AS BYTEA)),
        (2, 1, 2, 2, 0, 6, 'm.room.message', NULL, '@a:x', '[1]', '[1]', CAST('{"type":"m.room.message"}' AS BYTEA));
    INSERT INTO event_relations (event_nid, room_nid, target_nid, relation, type, sender, position)
    VALUES (3, 1, 1, 'm.replace', 'm.room.member', '@a:x', 3), (4, 1, 2, 'm.replace', 'm.room.message', '@a:x', 4)"#;

#[tokio::test]
async fn events_are_kept_when_their_texts_get_packed() {
    for engine in EVERYWHERE {
        let store = TestStore::open_older(engine, 55, EVENTS).await;
        let mut txn = store.read().await.unwrap();
        let found = events::list(&mut txn, &[EventNid(1), EventNid(2)]).await.unwrap();
        let mut found: Vec<_> = found
            .into_iter()
            .map(|event| (event.nid.0, event.flags.rejected, String::from_utf8(event.json).unwrap()))
            .collect();
        found.sort();
        let texts = [r#"{"type":"m.room.member"}"#, r#"{"type":"m.room.message"}"#];
        assert_eq!(found, [(1, true, texts[0].to_owned()), (2, false, texts[1].to_owned())]);
        // An event with a state key has no edits.
        let edits = relations::list_edits(&mut txn, RoomNid(1), &[EventNid(1), EventNid(2)], Position(9))
            .await
            .unwrap();
        assert_eq!(edits, [(EventNid(2), EventNid(4))]);
    }
}
