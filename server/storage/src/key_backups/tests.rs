use ruma::user_id;

use super::*;
use crate::{testing::TestStore, tests::insert_user};

fn alice() -> &'static UserId {
    user_id!("@alice:myelin.test")
}

fn key(room_id: &str, session_id: &str, first_message_index: i64) -> BackedUpKey {
    BackedUpKey {
        room_id: room_id.to_owned(),
        session_id: session_id.to_owned(),
        worth: KeyWorth { first_message_index, forwarded_count: 2, is_verified: first_message_index == 1 },
        session_data: r#"{"text":"\u0000"}"#.to_owned(),
    }
}

#[tokio::test]
async fn versions_rise_also_when_the_newest_is_deleted() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    insert_user(&mut txn, alice(), &[]).await;
    assert_eq!(insert(&mut txn, alice(), "a", "{}").await.unwrap(), 1);
    assert_eq!(insert(&mut txn, alice(), "b", "{}").await.unwrap(), 2);
    assert!(mark_deleted(&mut txn, alice(), 2).await.unwrap());
    assert_eq!(find_latest(&mut txn, alice()).await.unwrap().unwrap().version, 1);
    assert_eq!(find(&mut txn, alice(), 2).await.unwrap(), None);
    assert_eq!(insert(&mut txn, alice(), "c", "{}").await.unwrap(), 3);
    assert!(!mark_deleted(&mut txn, alice(), 4).await.unwrap());
}

#[tokio::test]
async fn keys_are_found_replaced_and_deleted_at_every_depth() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let keys = [key("!a:x", "1", 1), key("!a:x", "2", 2), key("!b:x", "1", 3)];
    set_keys(&mut txn, alice(), 1, &keys).await.unwrap();
    let replaced = key("!a:x", "2", 1);
    set_keys(&mut txn, alice(), 1, std::slice::from_ref(&replaced)).await.unwrap();
    let all = list_keys(&mut txn, alice(), 1, None, ("", ""), 9).await.unwrap();
    assert_eq!(all, [keys[0].clone(), replaced.clone(), keys[2].clone()]);
    assert_eq!(list_keys(&mut txn, alice(), 1, None, ("", ""), 2).await.unwrap(), all[..2]);
    assert_eq!(list_keys(&mut txn, alice(), 1, None, ("!a:x", "2"), 9).await.unwrap(), all[2..]);
    assert_eq!(list_keys(&mut txn, alice(), 1, Some("!a:x"), ("", ""), 9).await.unwrap(), all[..2]);
    assert_eq!(list_keys(&mut txn, alice(), 1, Some("!a:x"), ("!a:x", "1"), 9).await.unwrap(), all[1..2]);
    assert_eq!(find_key(&mut txn, alice(), 1, "!a:x", "2").await.unwrap(), Some(replaced));
    assert_eq!(find_key(&mut txn, alice(), 1, "!b:x", "2").await.unwrap(), None);
    assert_eq!(list_keys(&mut txn, alice(), 2, None, ("", ""), 9).await.unwrap(), []);
    let worths =
        list_worths(&mut txn, alice(), 1, &[key("!b:x", "1", 9), key("!c:x", "1", 9)]).await.unwrap();
    let found: Vec<_> = worths.iter().map(|stored| (stored.worth, stored.size_bytes)).collect();
    assert_eq!(found, [(keys[2].worth, keys[2].size_bytes())]);
    let one_less = KeyChange { keys: -1, size_bytes: -keys[0].size_bytes() };
    assert_eq!(delete_keys(&mut txn, alice(), 1, Some("!a:x"), Some("1"), 9).await.unwrap(), one_less);
    assert_eq!(delete_keys(&mut txn, alice(), 1, Some("!b:x"), None, 9).await.unwrap(), one_less);
    assert_eq!(delete_keys(&mut txn, alice(), 1, None, None, 9).await.unwrap(), one_less);
    assert_eq!(delete_keys(&mut txn, alice(), 1, None, None, 9).await.unwrap(), KeyChange::default());
}

#[tokio::test]
async fn key_counts_for_the_same_in_memory_and_when_it_is_stored() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let session_data = r#"{"text":"Schlüssel 🔑"}"#.to_owned();
    let keys = [key("!ä:x", "1", 1), BackedUpKey { session_data, ..key("!a:x", "日本", 1) }];
    set_keys(&mut txn, alice(), 1, &keys).await.unwrap();
    let worths = list_worths(&mut txn, alice(), 1, &keys).await.unwrap();
    assert_eq!(worths.len(), keys.len());
    for key in &keys {
        let stored = worths.iter().find(|stored| stored.room_id == key.room_id).unwrap();
        assert_eq!(stored.size_bytes, key.size_bytes());
        let deleted = delete_keys(&mut txn, alice(), 1, Some(&key.room_id), None, 9).await.unwrap();
        assert_eq!(deleted, KeyChange { keys: -1, size_bytes: -key.size_bytes() });
    }
}

#[tokio::test]
async fn changes_move_the_etag_and_the_totals() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    insert_user(&mut txn, alice(), &[]).await;
    insert(&mut txn, alice(), "a", "{}").await.unwrap();
    for (keys, etag, key_count) in [(3, 1, 3), (0, 2, 3), (-2, 3, 1)] {
        let change = KeyChange { keys, size_bytes: 10 * keys };
        let backup = record_change(&mut txn, alice(), 1, change).await.unwrap();
        assert_eq!((backup.etag, backup.key_count, backup.size_bytes), (etag, key_count, 10 * key_count));
    }
    insert(&mut txn, alice(), "a", "{}").await.unwrap();
    record_change(&mut txn, alice(), 2, KeyChange { keys: 1, size_bytes: 7 }).await.unwrap();
    assert_eq!(totals(&mut txn, alice()).await.unwrap(), BackupTotals { backups: 2, size_bytes: 17 });
    mark_deleted(&mut txn, alice(), 2).await.unwrap();
    assert_eq!(totals(&mut txn, alice()).await.unwrap(), BackupTotals { backups: 1, size_bytes: 17 });
}

#[tokio::test]
async fn only_deleted_backups_without_keys_are_forgotten() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    insert_user(&mut txn, alice(), &[]).await;
    for version in 1..=4 {
        assert_eq!(insert(&mut txn, alice(), "a", "{}").await.unwrap(), version);
    }
    record_change(&mut txn, alice(), 2, KeyChange { keys: 1, size_bytes: 7 }).await.unwrap();
    for version in [1, 2, 4] {
        mark_deleted(&mut txn, alice(), version).await.unwrap();
    }
    forget_deleted(&mut txn, alice(), 4).await.unwrap();
    assert!(!mark_deleted(&mut txn, alice(), 1).await.unwrap());
    assert!(mark_deleted(&mut txn, alice(), 2).await.unwrap());
    assert!(find(&mut txn, alice(), 3).await.unwrap().is_some());
    assert!(mark_deleted(&mut txn, alice(), 4).await.unwrap());
}
