use super::*;

const ALICE: &str = "@alice:x";
const BOB: &str = "@bob:x";
const EVE: &str = "@eve:x";

/// Alice created the room (100), Bob is a moderator (50), Eve is a user; the room is public.
fn room(version: RoomVersion) -> Room {
    let mut room = Room::new(version);
    room.add("create", ALICE, "m.room.create", "", &json!({"creator": ALICE}), &[]);
    member(&mut room, "alice", ALICE, ALICE, "join", &[]);
    let mut users = json!({BOB: 50});
    if version < RoomVersion::V12 {
        users[ALICE] = json!(100);
    }
    let auth = auth(&room, &["alice"]);
    room.add("levels", ALICE, "m.room.power_levels", "", &json!({"users": users}), &auth);
    set(
        &mut room,
        "public",
        ALICE,
        "m.room.join_rules",
        &json!({"join_rule": "public"}),
        &["alice", "levels"],
    );
    member(&mut room, "bob", BOB, BOB, "join", &["levels", "public"]);
    member(&mut room, "eve", EVE, EVE, "join", &["levels", "public"]);
    room
}

/// The authority, with the create event where the version names it.
fn auth<'a>(room: &Room, names: &[&'a str]) -> Vec<&'a str> {
    let create: &[&str] = if room.rules.room_id_is_create_hash { &[] } else { &["create"] };
    [create, names].concat()
}

fn member(room: &mut Room, name: &str, sender: &str, target: &str, membership: &str, names: &[&str]) {
    let auth = auth(room, names);
    room.add(name, sender, "m.room.member", target, &json!({"membership": membership}), &auth);
}

fn set(room: &mut Room, name: &str, sender: &str, event_type: &str, content: &Json, names: &[&str]) {
    let auth = auth(room, names);
    room.add(name, sender, event_type, "", content, &auth);
}

const BASE: [&str; 6] = ["create", "alice", "levels", "public", "bob", "eve"];

fn state<'a>(changes: &[(&'a str, &'a str)]) -> Vec<&'a str> {
    let mut state = BASE.to_vec();
    for (old, new) in changes {
        state.retain(|name| name != old);
        state.push(new);
    }
    state
}

fn later() -> impl Iterator<Item = RoomVersion> {
    RoomVersion::ALL.into_iter().skip(1)
}

#[test]
fn a_ban_beats_what_the_banned_did_meanwhile() {
    for version in later() {
        let mut room = room(version);
        member(&mut room, "ban", ALICE, BOB, "ban", &["alice", "levels", "bob"]);
        set(&mut room, "topic", BOB, "m.room.topic", &json!({}), &["levels", "bob"]);
        let (left, right) = (state(&[("bob", "ban")]), state(&[("", "topic")]));
        let resolved = room.resolve(&[&left, &right]);
        assert!(resolved.contains("ban") && !resolved.contains("topic"), "version {version}");
    }
}

#[test]
fn the_more_powerful_wins_a_power_fight() {
    for version in later() {
        let mut room = room(version);
        let levels = |bob: i64, eve: i64| {
            let mut users = json!({BOB: bob, EVE: eve});
            if version < RoomVersion::V12 {
                users[ALICE] = json!(100);
            }
            json!({"users": users})
        };
        // Bob acts first, but Alice takes his power away on the other branch.
        set(&mut room, "bobs", BOB, "m.room.power_levels", &levels(50, 50), &["levels", "bob"]);
        set(&mut room, "alices", ALICE, "m.room.power_levels", &levels(0, 0), &["levels", "alice"]);
        let resolved = room.resolve(&[&state(&[("levels", "bobs")]), &state(&[("levels", "alices")])]);
        assert!(resolved.contains("alices") && !resolved.contains("bobs"), "version {version}");
    }
}

#[test]
fn the_later_of_two_equal_changes_stands() {
    for version in later() {
        let mut room = room(version);
        set(&mut room, "first", BOB, "m.room.name", &json!({"name": "1"}), &["levels", "bob"]);
        set(&mut room, "second", BOB, "m.room.name", &json!({"name": "2"}), &["levels", "bob"]);
        let resolved = room.resolve(&[&state(&[("", "second")]), &state(&[("", "first")])]);
        assert!(resolved.contains("second") && !resolved.contains("first"), "version {version}");
    }
}

#[test]
fn an_event_by_newer_power_levels_wins_whatever_its_clock_says() {
    for version in later() {
        let mut room = room(version);
        let users = if version < RoomVersion::V12 { json!({ALICE: 100, BOB: 50}) } else { json!({BOB: 50}) };
        let levels = json!({"users": users, "ban": 60});
        set(&mut room, "newer", ALICE, "m.room.power_levels", &levels, &["levels", "alice"]);
        let by_newer = auth(&room, &["newer", "bob"]);
        room.add_at("by_newer", BOB, "m.room.name", "", &json!({"name": "new"}), &by_newer, 1);
        let by_older = auth(&room, &["levels", "bob"]);
        room.add_at("by_older", BOB, "m.room.name", "", &json!({"name": "old"}), &by_older, 1_000_000);
        let left = state(&[("levels", "newer"), ("", "by_newer")]);
        let right = state(&[("levels", "newer"), ("", "by_older")]);
        // Version 12 starts without power levels, and nothing here brings any: there is no mainline, the clock counts.
        let expected = if version < RoomVersion::V12 { "by_newer" } else { "by_older" };
        assert!(room.resolve(&[&left, &right]).contains(expected), "version {version}");
    }
}

#[test]
fn a_join_falls_when_the_room_closed_meanwhile() {
    for version in later() {
        let mut room = room(version);
        let invite = json!({"join_rule": "invite"});
        set(&mut room, "closed", ALICE, "m.room.join_rules", &invite, &["levels", "alice"]);
        member(&mut room, "join", "@new:x", "@new:x", "join", &["levels", "public"]);
        let resolved = room.resolve(&[&state(&[("public", "closed")]), &state(&[("", "join")])]);
        assert!(resolved.contains("closed") && !resolved.contains("join"), "version {version}");
    }
}

/// Long lines of power levels, one of which was not chosen: events find the mainline from far away.
#[test]
fn the_mainline_is_found_over_long_lines_of_power_levels() {
    for version in [RoomVersion::V11, RoomVersion::V12] {
        let mut room = room(version);
        let mut lines = [Vec::new(), Vec::new()];
        for (line, names) in lines.iter_mut().enumerate() {
            let mut before = "levels".to_owned();
            for number in 0..100 {
                let name = format!("levels {line} {number}");
                let users =
                    if version < RoomVersion::V12 { json!({ALICE: 100, BOB: 50}) } else { json!({BOB: 50}) };
                let content = json!({"users": users, "notifications": {"room": number}});
                set(&mut room, &name, ALICE, "m.room.power_levels", &content, &[&before, "alice"]);
                names.push(name.clone());
                before = name;
            }
            let auth = auth(&room, &[&before, "bob"]);
            // The event of the line that loses has the later clock, but its place on the mainline is older.
            let ts = if line == 0 { 9_000_000 } else { 1 };
            room.add_at(&format!("name {line}"), BOB, "m.room.name", "", &json!({"name": line}), &auth, ts);
        }
        let left = state(&[("levels", "levels 0 99"), ("", "name 0")]);
        let right = state(&[("levels", "levels 1 99"), ("", "name 1")]);
        let resolved = room.resolve(&[&left, &right]);
        assert!(resolved.contains("levels 1 99") && resolved.contains("name 1"), "{resolved:?}");
    }
}

/// Room version 1: the event of the greatest depth that the state allows.
#[test]
fn version_1_takes_the_deepest_of_ordinary_events() {
    let mut room = room(RoomVersion::V1);
    set(&mut room, "first", BOB, "m.room.name", &json!({"name": "1"}), &["levels", "bob"]);
    set(&mut room, "second", BOB, "m.room.name", &json!({"name": "2"}), &["levels", "bob"]);
    set(&mut room, "forbidden", EVE, "m.room.name", &json!({"name": "3"}), &["levels", "eve"]);
    let states = [&state(&[("", "second")])[..], &state(&[("", "first")]), &state(&[("", "forbidden")])];
    assert!(room.resolve(&states).contains("second"));
}

#[test]
fn version_1_follows_power_levels_as_long_as_each_allows_the_next() {
    let mut room = room(RoomVersion::V1);
    let levels = |bob: i64| json!({"users": {ALICE: 100, BOB: bob}});
    set(&mut room, "demoted", ALICE, "m.room.power_levels", &levels(0), &["levels", "alice"]);
    set(&mut room, "bobs", BOB, "m.room.power_levels", &levels(49), &["levels", "bob"]);
    set(&mut room, "alices", ALICE, "m.room.power_levels", &levels(10), &["levels", "alice"]);
    let states = [
        &state(&[("levels", "demoted")])[..],
        &state(&[("levels", "bobs")]),
        &state(&[("levels", "alices")]),
    ];
    assert!(room.resolve(&states).contains("demoted"), "it does not allow the next one, so the line ends");
    assert!(room.resolve(&[states[0], states[2]]).contains("alices"));
}

#[test]
fn version_1_keeps_what_only_some_branches_have() {
    let mut room = room(RoomVersion::V1);
    set(&mut room, "forbidden", EVE, "m.room.name", &json!({}), &["levels", "eve"]);
    assert!(room.resolve(&[&BASE, &state(&[("", "forbidden")])]).contains("forbidden"));
    assert!(!self::room(RoomVersion::V2).resolve(&[&BASE, &BASE]).contains("forbidden"));
}

#[test]
fn version_2_drops_what_the_rules_forbid_even_where_nobody_contests_it() {
    for version in later() {
        let mut room = room(version);
        set(&mut room, "forbidden", EVE, "m.room.name", &json!({}), &["levels", "eve"]);
        assert!(
            !room.resolve(&[&BASE, &state(&[("", "forbidden")])]).contains("forbidden"),
            "version {version}"
        );
    }
}
