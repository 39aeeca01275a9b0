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

async fn send_by(txn: &mut WriteTxn, sender: &UserId, content: &str, max_waiting: i64) {
    let position = txn.next_position().await.unwrap();
    let delivery = Delivery { user_id: alice().to_owned(), device_id: "ONE".into(), content };
    insert_within(txn, sender, "m.test", &[delivery], position, max_waiting).await.unwrap();
}

/// How many messages wait from each of the senders.
async fn count_by<const N: usize>(txn: &mut WriteTxn, senders: [&UserId; N]) -> [usize; N] {
    let all =
        list(txn, alice(), device_id!("ONE"), Position(i64::MIN), Position(i64::MAX), 1000).await.unwrap();
    senders.map(|sender| all.iter().filter(|message| message.sender == sender).count())
}

#[tokio::test]
async fn who_sends_too_much_displaces_no_message_of_others() {
    let store = TestStore::open().await;
    let mut txn = with_device(&store).await;
    let [bob, mallory] = [user_id!("@bob:myelin.test"), user_id!("@mallory:myelin.test")];
    for number in 0..40 {
        if number % 10 == 0 {
            send_by(&mut txn, bob, "{}", 20).await;
        }
        send_by(&mut txn, mallory, "{}", 20).await;
    }
    let [of_bob, of_mallory] = count_by(&mut txn, [bob, mallory]).await;
    assert_eq!(of_bob, 4);
    assert!((8..=16).contains(&of_mallory), "{of_mallory}");
}

#[tokio::test]
async fn the_oldest_of_the_largest_sender_gives_way() {
    let store = TestStore::open().await;
    let mut txn = with_device(&store).await;
    for number in 0..5 {
        send_by(&mut txn, alice(), &format!(r#"{{"number":{number}}}"#), 4).await;
    }
    let left = waiting(&mut txn, Position(0), Position(i64::MAX)).await;
    assert_eq!(left, [2, 3, 4].map(|number| format!(r#"{{"number":{number}}}"#)));
}

#[tokio::test]
async fn long_messages_count_more() {
    let store = TestStore::open().await;
    let mut txn = with_device(&store).await;
    let [bob, mallory] = [user_id!("@bob:myelin.test"), user_id!("@mallory:myelin.test")];
    let long = json!({ "text": "x".repeat(5 * BYTES_OF_UNIT) }).to_string();
    assert_eq!((units("{}"), units(&long)), (1, 6));
    for _ in 0..5 {
        send_by(&mut txn, bob, "{}", 10).await;
        send_by(&mut txn, mallory, &long, 10).await;
    }
    assert_eq!(count_by(&mut txn, [bob, mallory]).await[0], 5);
}

#[tokio::test]
async fn count_stays_right_when_messages_went_from_the_middle_and_the_front() {
    let store = TestStore::open().await;
    let mut txn = with_device(&store).await;
    let [bob, mallory] = [user_id!("@bob:myelin.test"), user_id!("@mallory:myelin.test")];
    let first = txn.next_position().await.unwrap();
    for _ in 0..3 {
        send_by(&mut txn, bob, "{}", 8).await;
    }
    for _ in 0..12 {
        send_by(&mut txn, mallory, "{}", 8).await;
    }
    assert_eq!(delete_until(&mut txn, alice(), device_id!("ONE"), Position(first.0 + 2)).await.unwrap(), 2);
    let [_, before] = count_by(&mut txn, [bob, mallory]).await;
    let free = 8 - 1 - before;
    for _ in 0..free {
        send_by(&mut txn, bob, "{}", 8).await;
    }
    assert_eq!(count_by(&mut txn, [bob, mallory]).await, [1 + free, before]);
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
