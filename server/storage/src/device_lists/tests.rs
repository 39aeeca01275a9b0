use ruma::{RoomId, RoomVersionId, UserId, room_id, user_id};

use super::*;
use crate::{
    RoomNid, events, memberships,
    rooms::{self, RoomSummary},
    testing::TestStore,
};

fn alice() -> &'static UserId {
    user_id!("@alice:myelin.test")
}

fn bob() -> &'static UserId {
    user_id!("@bob:myelin.test")
}

fn carol() -> &'static UserId {
    user_id!("@carol:myelin.test")
}

async fn room(txn: &mut WriteTxn, room_id: &RoomId, encrypted: bool) -> RoomNid {
    let room = rooms::insert(txn, room_id, &RoomVersionId::V11).await.unwrap();
    let encryption = encrypted.then(|| "m.megolm.v1.aes-sha2".to_owned());
    rooms::set_summary(txn, room, &RoomSummary { encryption, ..RoomSummary::default() }).await.unwrap();
    room
}

/// Gives a user a membership and tells where in the stream.
async fn set(txn: &mut WriteTxn, room: RoomNid, user_id: &UserId, membership: &str) -> Position {
    let position = txn.next_position().await.unwrap();
    let event = events::intern(txn, &[format!("${position}").as_str()]).await.unwrap()[0];
    memberships::set(txn, room, user_id, membership, event, position).await.unwrap();
    position
}

async fn change(txn: &mut WriteTxn, user_id: &UserId) -> Position {
    let position = txn.next_position().await.unwrap();
    record_change(txn, user_id, position).await.unwrap();
    position
}

async fn expect(
    txn: &mut WriteTxn,
    user_id: &UserId,
    after: Position,
    changed: &[&UserId],
    left: &[&UserId],
) {
    let owned = |users: &[&UserId]| users.iter().map(|user| (*user).to_owned()).collect();
    let expected = DeviceListChanges { changed: owned(changed), left: owned(left) };
    assert_eq!(list_changes(txn, user_id, after).await.unwrap(), expected);
}

#[tokio::test]
async fn changes_are_told_to_those_who_share_a_room_and_to_the_user() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let plain = room(&mut txn, room_id!("!plain:myelin.test"), false).await;
    set(&mut txn, plain, alice(), "join").await;
    let before = set(&mut txn, plain, bob(), "join").await;
    let at = change(&mut txn, alice()).await;
    for (user, changed) in [(alice(), &[alice()][..]), (bob(), &[alice()]), (carol(), &[])] {
        expect(&mut txn, user, before, changed, &[]).await;
        expect(&mut txn, user, at, &[], &[]).await;
    }
}

#[tokio::test]
async fn a_change_names_the_rooms_that_have_to_hear_of_it() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    for (room_id, membership) in
        [(room_id!("!in:myelin.test"), "join"), (room_id!("!out:myelin.test"), "leave")]
    {
        let room = room(&mut txn, room_id, true).await;
        set(&mut txn, room, alice(), membership).await;
    }
    let position = txn.next_position().await.unwrap();
    assert_eq!(record_change(&mut txn, alice(), position).await.unwrap(), [room_id!("!in:myelin.test")]);
}

#[tokio::test]
async fn joining_an_encrypted_room_makes_its_members_changed_for_each_other() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn, room_id!("!r:myelin.test"), true).await;
    let before_alice = Position(0);
    let joined = set(&mut txn, room, alice(), "join").await;
    set(&mut txn, room, carol(), "invite").await;
    let before_bob = set(&mut txn, room, alice(), "join").await;
    set(&mut txn, room, bob(), "join").await;
    expect(&mut txn, bob(), before_bob, &[alice(), bob(), carol()], &[]).await;
    // Alice's second event only changed her profile, so the others are not all new to her.
    expect(&mut txn, alice(), joined, &[bob(), carol()], &[]).await;
    expect(&mut txn, alice(), before_bob, &[bob()], &[]).await;
    expect(&mut txn, alice(), before_alice, &[alice(), bob(), carol()], &[]).await;
}

#[tokio::test]
async fn joining_a_room_without_encryption_changes_nothing() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let plain = room(&mut txn, room_id!("!plain:myelin.test"), false).await;
    let before = set(&mut txn, plain, alice(), "join").await;
    set(&mut txn, plain, bob(), "join").await;
    expect(&mut txn, alice(), before, &[], &[]).await;
    expect(&mut txn, bob(), before, &[], &[]).await;
}

#[tokio::test]
async fn who_leaves_the_last_encrypted_room_has_left_and_others_have_not() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let one = room(&mut txn, room_id!("!one:myelin.test"), true).await;
    let two = room(&mut txn, room_id!("!two:myelin.test"), true).await;
    let plain = room(&mut txn, room_id!("!plain:myelin.test"), false).await;
    for room in [one, two, plain] {
        set(&mut txn, room, alice(), "join").await;
    }
    let mut before = Position(0);
    for (room, user) in [(one, bob()), (plain, bob()), (one, carol()), (two, carol())] {
        before = set(&mut txn, room, user, "join").await;
    }
    set(&mut txn, one, bob(), "leave").await;
    set(&mut txn, one, carol(), "ban").await;
    expect(&mut txn, alice(), before, &[], &[bob()]).await;
    expect(&mut txn, bob(), before, &[], &[alice()]).await;
    // Alice leaves what she shares with Carol too.
    let before = set(&mut txn, plain, carol(), "join").await;
    set(&mut txn, two, alice(), "leave").await;
    expect(&mut txn, alice(), before, &[], &[carol()]).await;
}

#[tokio::test]
async fn signatures_on_others_are_told_to_the_signer_only() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn, room_id!("!r:myelin.test"), true).await;
    set(&mut txn, room, alice(), "join").await;
    let before = set(&mut txn, room, bob(), "join").await;
    let position = txn.next_position().await.unwrap();
    record_signed(&mut txn, alice(), bob(), position).await.unwrap();
    expect(&mut txn, alice(), before, &[bob()], &[]).await;
    expect(&mut txn, bob(), before, &[], &[]).await;
}
