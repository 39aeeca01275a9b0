use ruma::{device_id, user_id};

use super::*;
use crate::{testing::TestStore, tests::insert_user};

fn alice() -> &'static UserId {
    user_id!("@alice:myelin.test")
}

async fn with_device(store: &TestStore) -> WriteTxn {
    let mut txn = store.write("test").await.unwrap();
    insert_user(&mut txn, alice(), &[device_id!("ONE")]).await;
    txn
}

async fn send(txn: &mut WriteTxn, content: &str) -> Position {
    let position = txn.next_position().await.unwrap();
    let delivery = Delivery { user_id: alice().to_owned(), device_id: "ONE".into(), content };
    insert(txn, alice(), "m.test", &[delivery], position).await.unwrap();
    position
}

async fn waiting(txn: &mut WriteTxn, after: Position, until: Position) -> Vec<String> {
    let list = list(txn, alice(), device_id!("ONE"), after, until, 100).await.unwrap();
    list.into_iter().map(|message| message.content).collect()
}

#[tokio::test]
async fn messages_wait_in_order_until_they_are_deleted() {
    let store = TestStore::open().await;
    let mut txn = with_device(&store).await;
    let first = send(&mut txn, r#"{"text":"\u0000"}"#).await;
    let second = send(&mut txn, r#"{"number":1.0}"#).await;
    let third = send(&mut txn, "{}").await;
    assert_eq!(waiting(&mut txn, Position(0), second).await, [r#"{"text":"\u0000"}"#, r#"{"number":1.0}"#]);
    assert_eq!(waiting(&mut txn, second, third).await, ["{}"]);
    assert_eq!(delete_until(&mut txn, alice(), device_id!("ONE"), second).await.unwrap(), 2);
    assert_eq!(waiting(&mut txn, first, third).await, ["{}"]);
}

#[tokio::test]
async fn the_oldest_gives_way_when_too_many_wait() {
    let store = TestStore::open().await;
    let mut txn = with_device(&store).await;
    let first = send(&mut txn, "{}").await;
    let second = send(&mut txn, r#"{"number":2}"#).await;
    txn.execute(PRETEND_AGE, args![first, MAX_WAITING - 2]).await.unwrap();
    assert_eq!(waiting(&mut txn, Position(0), second).await.len(), 2);
    let third = send(&mut txn, r#"{"number":3}"#).await;
    assert_eq!(waiting(&mut txn, Position(0), third).await, [r#"{"number":2}"#, r#"{"number":3}"#]);
}

#[tokio::test]
async fn a_transaction_id_counts_once_until_it_expires() {
    let store = TestStore::open().await;
    let mut txn = with_device(&store).await;
    let device_id = Some(device_id!("ONE"));
    for (now_ts, expected) in [(0, true), (9, false), (10, true)] {
        let new = insert_transaction(&mut txn, alice(), device_id, "m.test", "t", now_ts, now_ts + 10).await;
        assert_eq!(new.unwrap(), expected, "{now_ts}");
    }
    assert!(insert_transaction(&mut txn, alice(), None, "m.test", "t", 11, 20).await.unwrap());
    assert!(insert_transaction(&mut txn, alice(), device_id, "m.other", "t", 11, 20).await.unwrap());
}

sql! {
    PRETEND_AGE = "UPDATE to_device_messages SET number = number - CAST($2 AS BIGINT) WHERE position = $1";
}
