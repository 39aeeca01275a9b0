//! What was acknowledged stays: after kill -9 in the middle of writes, in front of a power cut, on a full disk.
//!
//! The process that is killed is this test's own binary, started for one test and told by its environment to write.

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use ruma::{OwnedUserId, RoomId, RoomVersionId, UserId, room_id};

use crate::{
    EngineKind, EngineOptions, RoomNid, StorageError, Store, Synchronous,
    engine::{args, sql},
    events, memberships, rooms,
    testing::TestStore,
};

/// Tells the child what to write: tasks at once, the number of its run, and the database.
const LOAD: &str = "MYELIN_TEST_WRITE_LOAD";
const ACKNOWLEDGED: &str = "acknowledged ";

sql! {
    MEMBERS = "SELECT user_id FROM members WHERE membership = 'join' ORDER BY user_id";
    COUNTED = "SELECT joined_members FROM rooms WHERE room_id = '!load:myelin.test'";
    POSITIONS = "SELECT COUNT(DISTINCT position) FROM members";
    /// Where the log of PostgreSQL ends; asked in a transaction, it is before the transaction's commit.
    LOG_END = { sqlite: "SELECT ''", postgres: "SELECT CAST(pg_current_wal_insert_lsn() AS TEXT)" };
    /// Whether the log is on disk up to a place, and more than that.
    IS_FLUSHED = {
        sqlite: "SELECT $1 = ''",
        postgres: "SELECT pg_current_wal_flush_lsn() > CAST(CAST($1 AS TEXT) AS pg_lsn)",
    };
}

/// A join: a row that can be missing, a count that can be doubled, and a position that can be given twice.
async fn join(store: &Store, user_id: &UserId) -> Result<(), StorageError> {
    let mut txn = store.write("test::join").await?;
    let room: RoomNid = rooms::insert(&mut txn, room_id!("!load:myelin.test"), &RoomVersionId::V11).await?;
    let event = events::intern(&mut txn, &[format!("${user_id}").as_str()]).await?[0];
    let position = txn.next_position().await?;
    memberships::set(&mut txn, room, user_id, "join", event, position).await?;
    txn.commit().await.map(drop)
}

/// Joins users without end and says so of each, after it was told that it is stored.
async fn write_load(load: &str) {
    let [tasks, run, engine, place] = load.splitn(4, ' ').collect::<Vec<_>>().try_into().unwrap();
    let mut options = TestStore::options_at(engine, place);
    if let EngineOptions::Sqlite(options) = &mut options.engine {
        options.synchronous = Synchronous::Full;
    }
    let store = Store::open(options).await.unwrap();
    let tasks = (0..tasks.parse::<u32>().unwrap()).map(|task| {
        let store = store.clone();
        async move {
            for number in 0_u32.. {
                let user_id = UserId::parse(format!("@{run}-{task}-{number}:myelin.test")).unwrap();
                join(&store, &user_id).await.unwrap();
                if writeln!(std::io::stdout(), "{ACKNOWLEDGED}{user_id}").is_err() {
                    // Nobody reads it any more: that is how the test ends the load.
                    std::process::exit(0);
                }
            }
        }
    });
    futures_util::future::join_all(tasks).await;
}

/// Starts the load in a process of its own, which the test of that name becomes.
fn start(test: &str, before: &[&str], load: &str) -> Child {
    let binary = env::current_exe().unwrap();
    let mut words = before.iter().copied().chain([binary.to_str().unwrap()]);
    Command::new(words.next().unwrap())
        .args(words)
        .args(["--exact", test, "--nocapture"])
        .env(LOAD, load)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The users that the process acknowledges from now on, until it ends.
fn acknowledged(child: &mut Child) -> impl Iterator<Item = OwnedUserId> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().filter_map(|line| {
        // A line that was cut by the kill was not read by anybody.
        let line = line.ok()?;
        let (_, user_id) = line.split_once(ACKNOWLEDGED)?;
        user_id.ends_with(":myelin.test").then(|| UserId::parse(user_id).unwrap())
    })
}

async fn kill_fifty_times(test: &str, engine: EngineKind) {
    if let Ok(load) = env::var(LOAD) {
        return write_load(&load).await;
    }
    let mut store = TestStore::open_on(engine).await;
    let mut expected = BTreeSet::new();
    for run in 0..50_u64 {
        store.close().await;
        let mut child = start(test, &[], &format!("8 {run} {}", store.place()));
        let id = child.id();
        let users = acknowledged(&mut child);
        let killer = std::thread::spawn(move || {
            // Not waiting for something: this is the moment of the power cut, another one in each run.
            std::thread::sleep(Duration::from_millis(20 + run * 37 % 120));
            child.kill().unwrap();
            child.wait().unwrap()
        });
        expected.extend(users);
        assert!(!killer.join().unwrap().success(), "process {id} ended before it was killed");

        store.reopen().await.unwrap();
        let mut txn = store.read().await.unwrap();
        let members: BTreeSet<OwnedUserId> =
            txn.fetch_all(MEMBERS, args![]).await.unwrap().into_iter().collect();
        let missing: Vec<_> = expected.difference(&members).collect();
        assert!(missing.is_empty(), "run {run}: acknowledged but missing: {missing:?}");
        if members.is_empty() {
            continue;
        }
        let counted: i64 = txn.fetch_one(COUNTED, args![]).await.unwrap();
        assert_eq!(counted, members.len() as i64, "run {run}: a unit was stored in part or twice");
        let positions: i64 = txn.fetch_one(POSITIONS, args![]).await.unwrap();
        assert_eq!(positions, counted, "run {run}: a position was given twice");
    }
    println!("{} units were acknowledged in 50 runs", expected.len());
    assert!(expected.len() >= 50, "only {} units were acknowledged in all runs", expected.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_a_process_on_sqlite_is_killed() {
    kill_fifty_times(
        "tests::durability::nothing_acknowledged_is_lost_when_a_process_on_sqlite_is_killed",
        EngineKind::Sqlite,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_a_process_on_postgres_is_killed() {
    kill_fifty_times(
        "tests::durability::nothing_acknowledged_is_lost_when_a_process_on_postgres_is_killed",
        EngineKind::Postgres,
    )
    .await;
}

/// A kill is no power cut, so this looks at the system calls: between the write to the log and the acknowledgement
/// there is a flush of the log that has returned.
#[tokio::test]
async fn the_log_is_flushed_before_the_acknowledgement() {
    if let Ok(load) = env::var(LOAD) {
        return write_load(&load).await;
    }
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!(
            "strace is not installed (scripts/test installs it), so the system calls were not looked at"
        );
        return;
    }
    let store = TestStore::open_on(EngineKind::Sqlite).await;
    store.close().await;
    let trace = tempfile::NamedTempFile::new().unwrap();
    let strace = ["strace", "-f", "-y", "-e", "trace=fdatasync,fsync,pwrite64,write", "-o"];
    let before: Vec<&str> = strace.into_iter().chain([trace.path().to_str().unwrap()]).collect();
    let test = "tests::durability::the_log_is_flushed_before_the_acknowledgement";
    let mut child = start(test, &before, &format!("1 0 {}", store.place()));
    let acknowledged = acknowledged(&mut child).take(20).count();
    // The pipe is closed, so the load ends at its next line; strace ends with it.
    child.wait().unwrap();
    assert_eq!(acknowledged, 20);
    assert_eq!(check_trace(trace.path()), 20);
}

/// The same of PostgreSQL, which says itself up to where its log is on disk.
#[tokio::test]
async fn the_log_of_postgres_is_flushed_before_the_acknowledgement() {
    let store = TestStore::open_on(EngineKind::Postgres).await;
    for number in 0..20 {
        let mut txn = store.write("test").await.unwrap();
        let room_id = RoomId::parse(format!("!{number}:myelin.test")).unwrap();
        rooms::insert(&mut txn, &room_id, &RoomVersionId::V11).await.unwrap();
        let end: String = txn.fetch_one(LOG_END, args![]).await.unwrap();
        txn.commit().await.unwrap();
        let mut snapshot = store.read().await.unwrap();
        let is_flushed: bool = snapshot.fetch_one(IS_FLUSHED, args![end]).await.unwrap();
        assert!(is_flushed, "unit {number} was acknowledged before the log was on disk");
    }
}

/// The number of acknowledgements in a trace, each of which came after a flush of all that was written to the log.
fn check_trace(path: &Path) -> usize {
    let trace = std::fs::read_to_string(path).unwrap();
    let (mut unflushed, mut flushing, mut seen) = (true, false, 0);
    for line in trace.lines() {
        let is_log = line.contains("-wal>");
        if line.contains("pwrite64(") && is_log {
            unflushed = true;
        } else if (line.contains("fdatasync(") || line.contains("fsync(")) && is_log {
            // A call that another thread interrupts in the trace returns on a later line.
            flushing = true;
            unflushed &= line.contains("<unfinished");
        } else if flushing && line.contains("sync resumed>") {
            unflushed = false;
        } else if line.contains("write(1") && line.contains(ACKNOWLEDGED) && seen < 20 {
            assert!(!unflushed, "acknowledged before the flush: {line}");
            seen += 1;
            // The next one needs a flush of its own.
            unflushed = true;
        }
    }
    seen
}

#[tokio::test]
async fn a_full_disk_is_said_and_loses_nothing() {
    let store = TestStore::open_on(EngineKind::Sqlite).await;
    // SQLite answers this limit as it answers a full disk.
    let mut txn = store.write("test").await.unwrap();
    txn.conn.run("PRAGMA max_page_count = 80").await.unwrap();
    txn.commit().await.unwrap();
    let mut stored = BTreeSet::new();
    let refused = loop {
        let user_id = UserId::parse(format!("@{}:myelin.test", stored.len())).unwrap();
        match join(&store, &user_id).await {
            Ok(()) => assert!(stored.insert(user_id)),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StorageError::DiskFull), "{refused:?}");
    let members: Vec<OwnedUserId> = store.read().await.unwrap().fetch_all(MEMBERS, args![]).await.unwrap();
    assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), stored);
    // There is room again.
    let mut txn = store.write("test").await.unwrap();
    txn.conn.run("PRAGMA max_page_count = 4000").await.unwrap();
    txn.commit().await.unwrap();
    join(&store, &UserId::parse("@later:myelin.test").unwrap()).await.unwrap();
}
