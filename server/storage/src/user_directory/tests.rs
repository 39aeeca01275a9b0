use ruma::{RoomVersionId, room_id, user_id};

use super::*;
use crate::{
    events, memberships,
    profiles::{self, Profile},
    rooms,
    testing::TestStore,
    users::{self, User},
};

fn query<'a>(searcher: &'a UserId, words: &'a [String]) -> UserQuery<'a> {
    UserQuery {
        searcher,
        words,
        everybody: true,
        only_local: false,
        local_first: false,
        with_locked: false,
        limit: 10,
    }
}

async fn found(txn: &mut WriteTxn, query: UserQuery<'_>) -> Vec<OwnedUserId> {
    search(txn, query).await.unwrap().into_iter().map(|found| found.user_id).collect()
}

async fn add_account(txn: &mut WriteTxn, user_id: &UserId, user_type: Option<&str>) {
    let user = User {
        user_id: user_id.to_owned(),
        password_hash: None,
        created_ts: 0,
        is_admin: false,
        is_guest: false,
        is_deactivated: false,
        is_locked: false,
        user_type: user_type.map(str::to_owned),
        appservice_id: None,
    };
    assert!(users::insert(txn, &user).await.unwrap());
    let profile = Profile { display_name: Some("Someone".to_owned()), ..Profile::default() };
    profiles::set(txn, user_id, &profile).await.unwrap();
}

#[tokio::test]
async fn users_of_other_servers_come_last_or_not_at_all_if_so_set() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let (alice, zoe) = (user_id!("@alice:example.org"), user_id!("@zoe:myelin.test"));
    add_account(&mut txn, zoe, None).await;
    set(&mut txn, alice, Some("Someone")).await.unwrap();
    let words = ["someone".to_owned()];
    let any = query(user_id!("@bob:myelin.test"), &words);
    assert_eq!(found(&mut txn, UserQuery { local_first: true, ..any }).await, [zoe, alice]);
    assert_eq!(found(&mut txn, UserQuery { only_local: true, ..any }).await, [zoe]);
}

#[tokio::test]
async fn users_of_other_servers_are_found_through_shared_rooms() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let (alice, bob) = (user_id!("@alice:example.org"), user_id!("@bob:myelin.test"));
    set(&mut txn, alice, None).await.unwrap();
    let words = ["alice".to_owned()];
    let shared = UserQuery { everybody: false, ..query(bob, &words) };
    assert_eq!(found(&mut txn, shared).await, Vec::<OwnedUserId>::new());
    let room = rooms::insert(&mut txn, room_id!("!room:example.org"), &RoomVersionId::V11).await.unwrap();
    for (user_id, event_id) in [(alice, "$one"), (bob, "$two")] {
        let position = txn.next_position().await.unwrap();
        let event = events::intern(&mut txn, &[event_id]).await.unwrap()[0];
        memberships::set(&mut txn, room, user_id, "join", event, position).await.unwrap();
    }
    assert_eq!(found(&mut txn, shared).await, [alice]);
}

#[tokio::test]
async fn accounts_of_the_support_are_not_found() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    add_account(&mut txn, user_id!("@help:myelin.test"), Some("support")).await;
    add_account(&mut txn, user_id!("@robot:myelin.test"), Some("bot")).await;
    let words = ["someone".to_owned()];
    let all = query(user_id!("@bob:myelin.test"), &words);
    assert_eq!(found(&mut txn, all).await, [user_id!("@robot:myelin.test")]);
}

#[tokio::test]
async fn percent_signs_and_underscores_stand_for_nothing_else() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    add_account(&mut txn, user_id!("@zoe:myelin.test"), None).await;
    for word in ["%", "_", "zo_", "z%", "'"] {
        let words = [word.to_owned()];
        let all = query(user_id!("@bob:myelin.test"), &words);
        assert_eq!(found(&mut txn, all).await, Vec::<OwnedUserId>::new(), "{word}");
    }
}
