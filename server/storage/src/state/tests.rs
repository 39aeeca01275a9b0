use ruma::{RoomVersionId, room_id};

use super::*;
use crate::{WriteTxn, events, rooms, testing::TestStore};

/// A repeatable generator, so that a failure can be looked at.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

async fn room(txn: &mut WriteTxn) -> RoomNid {
    rooms::insert(txn, room_id!("!r:myelin.test"), &RoomVersionId::V11).await.unwrap()
}

fn key(number: u64) -> StateKey {
    ("m.room.member".to_owned(), format!("@user{number}:myelin.test"))
}

async fn numbered_event(txn: &mut WriteTxn, number: usize) -> EventNid {
    events::intern(txn, &[format!("$event{number}").as_str()]).await.unwrap()[0]
}

/// Every operation against a model that keeps whole copies: forks from anywhere, nested deeper than the limit, and
/// resolved states that lack keys.
#[tokio::test]
async fn it_is_what_whole_copies_would_be() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let mut random = Random(7);
    let mut model: Vec<(StateId, StateMap)> = Vec::new();
    for number in 0..300 {
        let event = numbered_event(&mut txn, number).await;
        let before = match model.len() as u64 {
            0 => None,
            // Mostly the newest, so that lines grow; otherwise a fork from anywhere.
            count if random.below(3) > 0 => Some(model[count as usize - 1].clone()),
            count => Some(model[random.below(count) as usize].clone()),
        };
        let (id, mut map) = before.map_or((None, StateMap::new()), |(id, map)| (Some(id), map));
        let changed = key(random.below(20));
        map.insert(changed.clone(), event);
        let state = if let Some(id) = id.filter(|_| random.below(4) == 0) {
            let mut changes = BTreeMap::from([(changed.clone(), Some(event))]);
            let gone = key(random.below(20));
            if gone != changed && map.remove(&gone).is_some() {
                changes.insert(gone, None);
            }
            apply_all(&mut txn, id, &changes).await.unwrap()
        } else if random.below(4) == 0 {
            map.remove(&key(random.below(20)));
            insert(&mut txn, room, &map, id, Completeness::Complete).await.unwrap()
        } else {
            apply(&mut txn, room, id, &changed.0, &changed.1, event).await.unwrap()
        };
        model.push((state, map));
    }
    for (state, map) in &model {
        assert_eq!(full(&mut txn, *state).await.unwrap(), (map.clone(), Completeness::Complete));
    }
    for _ in 0..200 {
        let (one, one_map) = &model[random.below(300) as usize];
        let (other, other_map) = &model[random.below(300) as usize];
        let (found, _) = difference(&mut txn, *one, *other).await.unwrap();
        let expected: BTreeMap<StateKey, Change> = (0..20)
            .map(key)
            .map(|key| (key.clone(), (one_map.get(&key).copied(), other_map.get(&key).copied())))
            .filter(|(_, (one, other))| one != other)
            .collect();
        assert_eq!(found, expected);
        let wanted = key(random.below(25));
        let (found, _) = find(&mut txn, *one, &wanted.0, &wanted.1).await.unwrap();
        assert_eq!(found, one_map.get(&wanted).copied());
        let keys = [(wanted.0.as_str(), wanted.1.as_str()), ("m.unknown", "")];
        let (found, _) = list(&mut txn, *one, &keys).await.unwrap();
        assert_eq!(found.get(&wanted), one_map.get(&wanted));
    }
}

#[tokio::test]
async fn lines_do_not_nest_without_end() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let event = numbered_event(&mut txn, 0).await;
    let mut state = apply(&mut txn, room, None, "m.a", "", event).await.unwrap();
    for number in 1..50 {
        let event = numbered_event(&mut txn, number).await;
        // Somebody else takes the next version each time, so that this must fork.
        apply(&mut txn, room, Some(state), "m.other", "", event).await.unwrap();
        state = apply(&mut txn, room, Some(state), "m.a", &number.to_string(), event).await.unwrap();
        assert!(Path::of(&mut txn, state).await.unwrap().0.len() <= DEPTH_LIMIT as usize + 1);
    }
    assert_eq!(full(&mut txn, state).await.unwrap().0.len(), 50);
}

#[tokio::test]
async fn a_partial_state_stays_partial_until_it_is_replaced() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let event = numbered_event(&mut txn, 0).await;
    let part = StateMap::from([(("m.room.create".to_owned(), String::new()), event)]);
    let partial = insert(&mut txn, room, &part, None, Completeness::Partial).await.unwrap();
    let after = apply(&mut txn, room, Some(partial), "m.a", "", event).await.unwrap();
    let found = find(&mut txn, after, "m.room.member", "@a:myelin.test").await.unwrap();
    assert_eq!(found, (None, Completeness::Partial));
    let complete = insert(&mut txn, room, &part, Some(after), Completeness::Complete).await.unwrap();
    assert_eq!(full(&mut txn, complete).await.unwrap(), (part, Completeness::Complete));
}

#[tokio::test]
async fn a_purge_keeps_what_is_still_needed() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    let room = room(&mut txn).await;
    let mut states = Vec::new();
    let mut state = None;
    for number in 0..100 {
        let event = numbered_event(&mut txn, number).await;
        let next = apply(&mut txn, room, state, "m.a", &(number % 10).to_string(), event).await.unwrap();
        if number == 50 {
            // A fork that nobody needs.
            apply(&mut txn, room, state, "m.fork", "", event).await.unwrap();
        }
        states.push(next);
        state = Some(next);
    }
    let newest = *states.last().unwrap();
    rooms::set_state(&mut txn, room, newest).await.unwrap();
    let before = full(&mut txn, newest).await.unwrap();
    assert_eq!(purge(&mut txn, room).await.unwrap(), 91);
    assert_eq!(full(&mut txn, newest).await.unwrap(), before);
}
