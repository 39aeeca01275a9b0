use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::*;
use crate::testing::TestStore;

const ROOM: RoomNid = RoomNid(1);

/// As the services make it: a sorted JSON list, and something that tells it from others.
fn text(members: &BTreeSet<String>) -> (String, Digest) {
    let text = serde_json::json!(members).to_string();
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&hasher.finish().to_ne_bytes());
    (text, digest)
}

async fn notify(txn: &mut WriteTxn, members: &BTreeSet<String>, position: i64) {
    let (text, digest) = text(members);
    let audience = intern_audience(txn, ROOM, &digest, &text).await.unwrap();
    let new = NewNotification {
        room: ROOM,
        position: Position(position),
        event: EventNid(position),
        thread: MAIN,
        audience,
        highlight: false,
        actions: "[]",
        ts: 0,
    };
    insert(txn, new).await.unwrap();
}

/// The members of a set, whole, by its digest.
async fn read_back(txn: &mut ReadTxn, members: &BTreeSet<String>) -> BTreeSet<String> {
    let digest = text(members).1;
    let nids: Vec<AudienceNid> = txn.fetch_all(LIST_NIDS, args![]).await.unwrap();
    let all = list_audiences(txn, &nids).await.unwrap();
    let owned = |users: &[Box<str>]| users.iter().map(ToString::to_string).collect::<BTreeSet<String>>();
    let found = all.iter().find(|audience| audience.digest == digest).unwrap();
    match &found.members {
        Members::Whole(members) => owned(members),
        Members::Difference { base, base_digest, added, removed } => {
            let base = all.iter().find(|audience| audience.nid == *base).unwrap();
            assert_eq!(base.digest, *base_digest);
            let Members::Whole(of_base) = &base.members else { panic!("a base is whole") };
            &(&owned(of_base) - &owned(removed)) | &owned(added)
        }
    }
}

fn users(numbers: std::ops::Range<usize>) -> BTreeSet<String> {
    numbers.map(|number| format!("@user{number}:myelin.test")).collect()
}

#[tokio::test]
async fn coming_and_going_in_a_large_room_stores_little() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let mut members = users(0..5_000);
    let mut all = Vec::new();
    for change in 0..100 {
        match change % 2 {
            0 => members.insert(format!("@new{change}:myelin.test")),
            _ => members.remove(&format!("@user{}:myelin.test", change * 37)),
        };
        notify(&mut txn, &members, change).await;
        all.push(members.clone());
    }
    for members in all.iter().step_by(9) {
        assert_eq!(read_back(&mut txn, members).await, *members);
    }
    let (rows, bytes): (i64, i64) = txn.fetch_one(SIZE, args![]).await.unwrap();
    assert_eq!(rows, 100);
    // All of them whole would take 11,883,473.
    assert!(bytes < 250_000, "{bytes}");
}

#[tokio::test]
async fn sets_that_differ_much_and_small_ones_are_whole() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let sets =
        [users(0..1_000), users(500..1_500), users(0..10), users(0..11), users(500..1_499), users(1..1_000)];
    for (number, members) in (0..).zip(&sets) {
        notify(&mut txn, members, number).await;
    }
    for members in &sets {
        assert_eq!(read_back(&mut txn, members).await, *members);
    }
    let bases: Vec<i64> = txn.fetch_all(LIST_WHOLE, args![]).await.unwrap();
    assert_eq!(bases, [11, 10, 1_000, 1_000]);
}

#[tokio::test]
async fn base_stays_as_long_as_it_is_needed() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let (old, new) = (users(0..1_000), users(1..1_000));
    notify(&mut txn, &old, 1).await;
    notify(&mut txn, &new, 2).await;
    notify(&mut txn, &new, 3).await;
    prune(&mut txn, ROOM, 2).await.unwrap();
    assert_eq!(read_back(&mut txn, &new).await, new);
    notify(&mut txn, &users(0..10), 4).await;
    notify(&mut txn, &users(0..10), 5).await;
    for _ in 0..2 {
        prune(&mut txn, ROOM, 1).await.unwrap();
        notify(&mut txn, &users(0..10), 6).await;
        prune(&mut txn, ROOM, 1).await.unwrap();
        delete(&mut txn, ROOM, Position(6)).await.unwrap();
    }
    let left: Vec<AudienceNid> = txn.fetch_all(LIST_NIDS, args![]).await.unwrap();
    assert_eq!(left.len(), 1);
}

sql! {
    LIST_NIDS = "SELECT audience_nid FROM audiences ORDER BY audience_nid";
    LIST_WHOLE = "SELECT member_count FROM audiences WHERE base_nid IS NULL ORDER BY audience_nid DESC";
    SIZE = "SELECT COUNT(*), CAST(SUM(OCTET_LENGTH(members)) AS BIGINT) FROM audiences";
}
