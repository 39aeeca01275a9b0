use ruma::{device_id, user_id};

use super::*;
use crate::{devices, testing::TestStore, tests::insert_user};

fn alice() -> &'static UserId {
    user_id!("@alice:myelin.test")
}

async fn with_devices(store: &TestStore) -> WriteTxn {
    let mut txn = store.write("test").await.unwrap();
    insert_user(&mut txn, alice(), &[device_id!("ONE"), device_id!("TWO")]).await;
    txn
}

fn key(algorithm: &str, key_id: &str) -> Key {
    let json = format!(r#"{{"key":"\u0000 of {key_id}"}}"#);
    Key { algorithm: algorithm.to_owned(), key_id: key_id.to_owned(), json }
}

async fn upload(txn: &mut WriteTxn, device_id: &DeviceId, keys: &[Key]) {
    let position = txn.next_position().await.unwrap();
    insert(txn, alice(), device_id, keys, position).await.unwrap();
}

fn claim(device_id: &str, algorithm: &str) -> Claim {
    Claim { user_id: alice().to_owned(), device_id: device_id.into(), algorithm: algorithm.to_owned() }
}

#[tokio::test]
async fn keys_are_given_out_once_and_the_oldest_first() {
    let store = TestStore::open().await;
    let mut txn = with_devices(&store).await;
    let device_id = device_id!("ONE");
    upload(&mut txn, device_id, &[key("a", "9")]).await;
    upload(&mut txn, device_id, &[key("a", "1"), key("b", "1")]).await;
    upload(&mut txn, device_id!("TWO"), &[key("a", "5")]).await;
    let mut given = Vec::new();
    for _ in 0..3 {
        let claimed = take(&mut txn, &[claim("ONE", "a"), claim("GONE", "a")]).await.unwrap();
        given.extend(claimed.into_iter().map(|claimed| (claimed.device_id.to_string(), claimed.key)));
    }
    assert_eq!(given, [("ONE".to_owned(), key("a", "9")), ("ONE".to_owned(), key("a", "1"))]);
    assert_eq!(count(&mut txn, alice(), device_id).await.unwrap(), [("b".to_owned(), 1)]);
    assert_eq!(take(&mut txn, &[claim("ONE", "b"), claim("TWO", "a")]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn fallback_keys_stay_and_are_marked_until_there_is_another() {
    let store = TestStore::open().await;
    let mut txn = with_devices(&store).await;
    let device_id = device_id!("ONE");
    set_fallback(&mut txn, alice(), device_id, &key("a", "1")).await.unwrap();
    assert_eq!(list_unused_fallback_algorithms(&mut txn, alice(), device_id).await.unwrap(), ["a"]);
    for _ in 0..2 {
        let claimed = use_fallback(&mut txn, &[claim("ONE", "a"), claim("TWO", "a")]).await.unwrap();
        assert_eq!(claimed.into_iter().map(|claimed| claimed.key).collect::<Vec<_>>(), [key("a", "1")]);
    }
    set_fallback(&mut txn, alice(), device_id, &key("a", "1")).await.unwrap();
    assert!(list_unused_fallback_algorithms(&mut txn, alice(), device_id).await.unwrap().is_empty());
    set_fallback(&mut txn, alice(), device_id, &key("a", "2")).await.unwrap();
    assert_eq!(list_unused_fallback_algorithms(&mut txn, alice(), device_id).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn keys_go_with_their_device() {
    let store = TestStore::open().await;
    let mut txn = with_devices(&store).await;
    for device_id in [device_id!("ONE"), device_id!("TWO")] {
        upload(&mut txn, device_id, &[key("a", "1")]).await;
        set_fallback(&mut txn, alice(), device_id, &key("a", "1")).await.unwrap();
    }
    devices::delete(&mut txn, alice(), device_id!("ONE")).await.unwrap();
    assert_eq!(count(&mut txn, alice(), device_id!("ONE")).await.unwrap(), []);
    assert_eq!(count(&mut txn, alice(), device_id!("TWO")).await.unwrap(), [("a".to_owned(), 1)]);
    assert_eq!(use_fallback(&mut txn, &[claim("ONE", "a"), claim("TWO", "a")]).await.unwrap().len(), 1);
}
