use super::*;

/// A public room in which Bob set a topic on one branch and Alice on the other.
fn two_topics() -> (Room, [StateMap; 2]) {
    let mut room = Room::new(RoomVersion::V11);
    room.add("create", "@a:x", "m.room.create", "", &json!({}), &[]);
    room.add("alice", "@a:x", "m.room.member", "@a:x", &json!({"membership": "join"}), &["create"]);
    let levels = json!({"users": {"@a:x": 100}});
    room.add("levels", "@a:x", "m.room.power_levels", "", &levels, &["create", "alice"]);
    let auth = ["create", "alice", "levels"];
    room.add("one", "@a:x", "m.room.topic", "", &json!({"topic": "one"}), &auth);
    room.add("two", "@a:x", "m.room.topic", "", &json!({"topic": "two"}), &auth);
    let states = [&["create", "alice", "levels", "one"], &["create", "alice", "levels", "two"]];
    let states = states.map(|names| room.state(names));
    (room, states)
}

fn start(room: &Room, states: &[StateMap]) -> (StateMap, Resolution) {
    let (shared, conflict) = Conflict::split(states);
    (shared, Resolution::new(room.rules, conflict))
}

#[test]
fn nothing_that_the_branches_share_is_asked_for_but_what_authorises_the_conflict() {
    let (mut room, states) = two_topics();
    let mut states = states.to_vec();
    for number in 0..100 {
        let (name, user) = (format!("join{number}"), format!("@{number}:x"));
        room.add(&name, &user, "m.room.member", &user, &json!({"membership": "join"}), &["create", "levels"]);
        for state in &mut states {
            state.insert(key("m.room.member", &user), room.id(&name));
        }
    }
    let (shared, mut resolution) = start(&room, &states);
    let mut asked = BTreeSet::new();
    let mut answers = Vec::new();
    let resolved = loop {
        match resolution.step(std::mem::take(&mut answers)).unwrap() {
            Step::Need(queries) => {
                for query in &queries {
                    if let Query::Events(ids) = query {
                        asked.extend(ids.iter().map(|id| room.name(id).to_owned()));
                    }
                    answers.push(room.events.answer(query, &shared).unwrap());
                }
            }
            Step::Again => {}
            Step::Done(resolved) => break resolved,
        }
    };
    assert_eq!(
        asked.iter().map(String::as_str).collect::<Vec<_>>(),
        ["alice", "create", "levels", "one", "two"]
    );
    assert_eq!(resolved, StateMap::from([(key("m.room.topic", ""), room.id("two"))]));
}

#[test]
fn a_conflict_is_the_same_from_whole_states_and_from_parts() {
    let (_, states) = two_topics();
    let (shared, conflict) = Conflict::split(&states);
    assert_eq!(shared.len(), 3);
    assert_eq!(Conflict::new(&states), conflict);
    assert!(!conflict.is_empty());
    assert!(Conflict::split(&states[..1]).1.is_empty());
    assert!(Conflict::split(&[]).1.is_empty());
}

#[test]
fn branches_that_share_everything_need_nothing() {
    for version in RoomVersion::ALL {
        let mut resolution = Resolution::new(version.rules(), Conflict::default());
        assert!(matches!(resolution.step(vec![]), Ok(Step::Done(resolved)) if resolved.is_empty()));
        assert!(matches!(resolution.step(vec![]), Err(ResolutionError::Over)));
    }
}

#[test]
fn answers_of_the_wrong_kind_or_none_end_the_resolution() {
    for wrong in [vec![], vec![Answer::State(vec![])]] {
        let (room, states) = two_topics();
        let (_, mut resolution) = start(&room, &states);
        assert!(matches!(resolution.step(vec![]), Ok(Step::Need(_))));
        assert!(matches!(resolution.step(wrong), Err(ResolutionError::WrongAnswer)));
        assert!(matches!(resolution.step(vec![]), Err(ResolutionError::Over)));
    }
}

#[test]
fn a_conflict_beyond_the_bound_is_refused() {
    let (room, states) = two_topics();
    let (_, mut resolution) = start(&room, &states);
    resolution.step(vec![]).unwrap();
    let ids = (0..=MAX_CONFLICTED_EVENTS).map(|number| id(&format!("${number}"))).collect();
    assert!(matches!(resolution.step(vec![Answer::EventIds(ids)]), Err(ResolutionError::TooLarge)));
}

#[test]
fn a_step_ends_after_so_many_checks() {
    let (mut room, states) = two_topics();
    let mut states = states.to_vec();
    for number in 0..CHECKS_PER_STEP * 3 {
        let state_key = number.to_string();
        let auth = ["create", "alice", "levels"];
        room.add(&state_key, "@a:x", "org.example", &state_key, &json!({}), &auth);
        states[number % 2].insert(key("org.example", &state_key), room.id(&state_key));
    }
    let (shared, mut resolution) = start(&room, &states);
    let (mut again, mut answers) = (0, Vec::new());
    loop {
        match resolution.step(std::mem::take(&mut answers)).unwrap() {
            Step::Need(queries) => {
                answers = queries.iter().map(|query| room.events.answer(query, &shared).unwrap()).collect();
            }
            Step::Again => again += 1,
            Step::Done(resolved) => {
                assert_eq!(resolved.len(), CHECKS_PER_STEP * 3 + 1);
                break;
            }
        }
    }
    assert!(again >= 3);
}

#[test]
fn unknown_events_are_left_out() {
    for version in [RoomVersion::V1, RoomVersion::V11, RoomVersion::V12] {
        let mut room = Room::new(version);
        room.add("create", "@a:x", "m.room.create", "", &json!({"creator": "@a:x"}), &[]);
        let join = json!({"membership": "join"});
        room.add(
            "alice",
            "@a:x",
            "m.room.member",
            "@a:x",
            &join,
            &if version == RoomVersion::V12 { vec![] } else { vec!["create"] },
        );
        let mut states = [room.state(&["create", "alice"]), room.state(&["create", "alice"])];
        states[0].insert(key("m.room.topic", ""), id("$unknown:one.example"));
        states[1].insert(key("m.room.topic", ""), id("$other:one.example"));
        let resolved = resolve(room.rules, &states, &room.events).unwrap();
        assert_eq!(resolved, room.state(&["create", "alice"]), "version {version}");
    }
}
