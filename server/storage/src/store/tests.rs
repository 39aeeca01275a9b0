use futures_util::{FutureExt as _, future::join_all};

use super::*;
use crate::{
    engine::{args, sql},
    testing::TestStore,
};

sql! {
    INSERT = "INSERT INTO meta (name, value) VALUES ($1, $2)";
    COUNT = "SELECT COUNT(*) FROM meta WHERE name = $1";
    DELETE = "DELETE FROM meta WHERE name = $1";
    RAISE_EPOCH = "UPDATE leases SET epoch = epoch + 1";
    PRETEND_NEWER = "INSERT INTO migrations (version, name, program) VALUES ($1, 'later', '7.8.9')";
    AUTO_VACUUM = { sqlite: "SELECT auto_vacuum FROM pragma_auto_vacuum", postgres: "SELECT CAST(2 AS BIGINT)" };
    SYNCHRONOUS = {
        sqlite: "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous",
        postgres: "SELECT current_setting('synchronous_commit')",
    };
    /// Ends all other sessions on this database, and waits until they are gone. The planner must not end sessions
    /// before it has chosen whose: hence the word MATERIALIZED.
    TERMINATE = {
        sqlite: "SELECT 0",
        postgres: "
            WITH others AS MATERIALIZED (
                SELECT pid FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
            )
            SELECT COUNT(*) FROM others WHERE pg_terminate_backend(pid, 30000)",
    };
    LIST = "SELECT value FROM json_each($1)";
    LIST_NUMBERS = "SELECT CAST(value AS BIGINT) FROM json_each($1)";
}

async fn count(store: &Store, name: &str) -> i64 {
    store.read().await.unwrap().fetch_one(COUNT, args![name]).await.unwrap()
}

#[tokio::test]
async fn a_committed_unit_is_seen_by_the_next_snapshot_and_not_by_an_older_one() {
    let store = TestStore::open().await;
    let mut before = store.read().await.unwrap();
    assert_eq!(before.fetch_one::<i64>(COUNT, args!["a"]).await.unwrap(), 0);
    let mut txn = store.write("test").await.unwrap();
    txn.execute(INSERT, args!["a", "1"]).await.unwrap();
    txn.commit().await.unwrap();
    assert_eq!(before.fetch_one::<i64>(COUNT, args!["a"]).await.unwrap(), 0);
    assert_eq!(count(&store, "a").await, 1);
}

#[tokio::test]
async fn what_follows_a_unit_happens_though_nobody_waits_for_it_and_only_if_it_is_stored() {
    let store = TestStore::open().await;
    let happened = Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let happened = Arc::clone(&happened);
        move || happened.lock().unwrap().push(what)
    };
    let mut gone = store.write("test").await.unwrap();
    gone.execute(INSERT, args!["a", "1"]).await.unwrap();
    gone.after_commit(note("stored"));
    assert!(Box::pin(gone.commit()).now_or_never().is_none(), "it is not on disk at once");
    let mut dropped = store.write("test").await.unwrap();
    dropped.after_commit(note("dropped"));
    drop(dropped);
    let mut failed = store.write("test").await.unwrap();
    failed.after_commit(note("failed"));
    failed.execute(INSERT, args!["a", "2"]).await.unwrap_err();
    failed.commit().await.unwrap_err();
    store.write("test").await.unwrap().commit().await.unwrap();
    assert_eq!(*happened.lock().unwrap(), ["stored"]);
}

#[tokio::test]
async fn commit_is_told_when_all_that_follows_from_it_has_happened() {
    let store = TestStore::open().await;
    let (seen, see) = std::sync::mpsc::channel();
    let mut txn = store.write("test").await.unwrap();
    let position = txn.next_position().await.unwrap();
    let meanwhile = (*store).clone();
    let before = *store.committed().borrow();
    txn.after_commit(move || {
        let is_committed = *meanwhile.committed().borrow() == position;
        seen.send((is_committed, meanwhile.is_told(before, position))).unwrap();
    });
    txn.commit().await.unwrap();
    assert_eq!(see.recv().unwrap(), (true, false));
    assert!(store.is_told(before, position));
}

#[tokio::test]
async fn commit_that_failed_is_never_told() {
    let store = TestStore::open_on(EngineKind::Postgres).await;
    let EngineOptions::Postgres(options) = &store.options().engine else { unreachable!("asked for it") };
    let mut admin = ReadTxn::new(options.connect().await.unwrap());
    let before = *store.committed().borrow();
    let mut txn = store.write("test").await.unwrap();
    let failed = txn.next_position().await.unwrap();
    assert!(admin.fetch_one::<i64>(TERMINATE, args![]).await.unwrap() > 0);
    txn.commit().await.unwrap_err();
    let mut txn = store.write("test").await.unwrap();
    let later = txn.next_position().await.unwrap();
    txn.commit().await.unwrap();
    assert!(!store.is_told(before, later), "it may be stored");
    assert!(store.is_told(failed, later));
}

#[tokio::test]
async fn unit_that_is_cut_off_in_its_first_statements_takes_none_of_its_batch_along() {
    let store = TestStore::open().await;
    for round in 0..50 {
        let first = store.write("test").await.unwrap();
        let named = |name: &str| format!("{name} {round}");
        let unit = async |name: &str| {
            let mut txn = store.write("test").await.unwrap();
            txn.write(INSERT, args![named(name), "1"]).await.unwrap();
            txn.commit().await
        };
        let cut_off = async {
            let mut txn = store.write("test").await.unwrap();
            txn.write(INSERT, args![named("cut off"), "1"]).await.unwrap();
            let _ = Box::pin(txn.fetch_one::<i64>(COUNT, args!["a"])).now_or_never();
        };
        let (_, a, b, (), c) = tokio::join!(first.commit(), unit("a"), unit("b"), cut_off, unit("c"));
        assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{a:?} {b:?} {c:?}");
        assert_eq!((count(&store, &named("c")).await, count(&store, &named("cut off")).await), (1, 0));
    }
}

#[tokio::test]
async fn a_dropped_unit_leaves_nothing_behind() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    txn.execute(INSERT, args!["a", "1"]).await.unwrap();
    drop(txn);
    store.write("test").await.unwrap().commit().await.unwrap();
    assert_eq!(count(&store, "a").await, 0);
}

#[tokio::test]
async fn a_unit_whose_statement_failed_cannot_be_committed() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    txn.execute(INSERT, args!["a", "1"]).await.unwrap();
    txn.execute(INSERT, args!["a", "2"]).await.unwrap_err();
    assert!(matches!(txn.commit().await, Err(StorageError::Statement { .. })));
    assert_eq!(count(&store, "a").await, 0);
}

#[tokio::test]
async fn statement_that_waited_and_failed_fails_its_unit_alone() {
    let store = TestStore::open().await;
    let happened = Arc::new(std::sync::Mutex::new(false));
    let mut first = store.write("test").await.unwrap();
    first.write(INSERT, args!["a", "1"]).await.unwrap();
    let stored = tokio::join!(first.commit(), async {
        let mut second = store.write("test").await?;
        let happened = Arc::clone(&happened);
        second.after_commit(move || *happened.lock().unwrap() = true);
        second.write(INSERT, args!["b", "1"]).await?;
        // PostgreSQL says so at once.
        second.write(INSERT, args!["a", "2"]).await?;
        second.commit().await
    });
    stored.0.unwrap();
    assert!(
        matches!(stored.1, Err(StorageError::Statement { statement, .. }) if statement.ends_with("INSERT"))
    );
    assert!(!*happened.lock().unwrap());
    assert_eq!((count(&store, "a").await, count(&store, "b").await), (1, 0));
}

#[tokio::test]
async fn what_waits_is_seen_by_the_next_statement_of_its_unit() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    for number in 0..40_i64 {
        txn.write(INSERT, args![format!("a{number}"), "$1"]).await.unwrap();
    }
    assert_eq!(txn.fetch_one::<i64>(COUNT, args!["a39"]).await.unwrap(), 1);
    txn.write(INSERT, args!["b", "1"]).await.unwrap();
    assert_eq!(txn.execute(RAISE_EPOCH, args![]).await.unwrap(), 1);
    drop(txn);
    assert_eq!(count(&store, "a0").await, 0);
}

#[tokio::test]
async fn statement_that_has_to_change_one_row_fails_its_unit_otherwise() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    txn.write(INSERT, args!["a", "1"]).await.unwrap();
    let failed = match txn.write_one(DELETE, args!["b"]).await {
        Ok(()) => txn.commit().await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(failed, Err(StorageError::Inconsistent(_))), "{failed:?}");
    assert_eq!(count(&store, "a").await, 0);
}

#[tokio::test]
async fn unit_of_which_nothing_ran_yet_is_forgotten_alone() {
    let store = TestStore::open().await;
    let mut kept = store.write("test").await.unwrap();
    kept.write(INSERT, args!["a", "1"]).await.unwrap();
    let (kept, ..) = tokio::join!(
        kept.commit(),
        async {
            let mut dropped = store.write("test").await.unwrap();
            dropped.write(INSERT, args!["b", "1"]).await.unwrap();
        },
        async {
            let mut last = store.write("test").await.unwrap();
            last.write(INSERT, args!["c", "1"]).await.unwrap();
            last.commit().await.unwrap();
        },
    );
    kept.unwrap();
    let found = (count(&store, "a").await, count(&store, "b").await, count(&store, "c").await);
    assert_eq!(found, (1, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn units_of_one_batch_stand_or_fall_alone() {
    let store = TestStore::open().await;
    let units = (0..100).map(|number: i64| {
        let store = store.clone();
        async move {
            let mut txn = store.write("test").await?;
            txn.execute(INSERT, args![number.to_string(), "first"]).await?;
            match number % 4 {
                // Fails: the name is taken. PostgreSQL refuses everything that follows until it is rolled back.
                1 => drop(txn.execute(INSERT, args![number.to_string(), "second"]).await?),
                // Given up.
                2 => return Ok(None),
                _ => {}
            }
            txn.commit().await.map(Some)
        }
    });
    let results = join_all(units).await;
    for (number, result) in results.into_iter().enumerate() {
        let kept = match number % 4 {
            1 => result.is_ok(),
            2 => result.unwrap().is_some(),
            _ => {
                result.unwrap();
                true
            }
        };
        assert_eq!(kept, matches!(number % 4, 0 | 3));
        assert_eq!(count(&store, &number.to_string()).await, i64::from(kept), "unit {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_come_together_share_a_commit() {
    let store = TestStore::open().await;
    let before = store.commits();
    let first = store.write("test").await.unwrap();
    let others: Vec<_> = (0..20)
        .map(|number: i64| {
            let store = store.clone();
            #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
            tokio::spawn(async move {
                let mut txn = store.write("test").await?;
                txn.execute(INSERT, args![number.to_string(), "1"]).await?;
                txn.commit().await
            })
        })
        .collect();
    while store.waiting_units() < others.len() {
        tokio::task::yield_now().await;
    }
    first.commit().await.unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    // Slow machines may need more than the 5 ms of one batch.
    assert!(store.commits() - before <= 10, "{} commits", store.commits() - before);
}

#[tokio::test]
async fn positions_rise_over_restarts_and_are_never_given_twice() {
    let mut store = TestStore::open().await;
    let mut last = Position(0);
    let mut backfilled = Position(0);
    for _ in 0..3 {
        assert!(*store.committed().borrow() >= last);
        for round in 0..40 {
            let mut txn = store.write("test").await.unwrap();
            let position = txn.next_position().await.unwrap();
            assert!(position > last);
            last = position;
            let position = txn.next_backfill_position().await.unwrap();
            assert!(position < backfilled);
            backfilled = position;
            if round % 3 == 0 {
                txn.execute(INSERT, args![position.to_string(), ""]).await.unwrap();
                drop(txn);
            } else {
                assert_eq!(txn.commit().await.unwrap(), last);
                assert_eq!(*store.committed().borrow(), last);
            }
        }
        store.reopen().await.unwrap();
    }
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let store = TestStore::open().await;
    assert!(matches!(Store::open(store.options().clone()).await, Err(StorageError::InUse(_))));
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_the_version_that_can() {
    // A migration is numbered by what it is about: a newer one may be in the midst of those that are known.
    for unknown in [9999_i64, 19] {
        let mut store = TestStore::open().await;
        let mut txn = store.write("test").await.unwrap();
        txn.execute(PRETEND_NEWER, args![unknown]).await.unwrap();
        txn.commit().await.unwrap();
        let error = store.reopen().await.unwrap_err();
        assert!(error.to_string().contains("myelin 7.8.9 or newer"), "{error}");
    }
}

#[tokio::test]
async fn the_database_of_another_server_is_refused() {
    let store = TestStore::open().await;
    store.close().await;
    let mut options = store.options().clone();
    options.server_name = ruma::owned_server_name!("other.test");
    assert!(matches!(Store::open(options).await, Err(StorageError::ServerName { .. })));
}

#[tokio::test]
async fn who_has_lost_the_lease_cannot_write() {
    let store = TestStore::open().await;
    let mut txn = store.write("test").await.unwrap();
    txn.execute(RAISE_EPOCH, args![]).await.unwrap();
    txn.commit().await.unwrap();
    assert!(matches!(store.write("test").await, Err(StorageError::LeaseLost)));
}

#[tokio::test]
async fn a_closed_store_refuses_units() {
    let store = TestStore::open().await;
    store.close().await;
    assert!(matches!(store.write("test").await, Err(StorageError::Closed)));
}

#[tokio::test]
async fn the_incarnation_stays_until_it_is_renewed() {
    let mut store = TestStore::open().await;
    let before = store.token().incarnation;
    store.reopen().await.unwrap();
    assert_eq!(store.token().incarnation, before);
    store.renew_incarnation(before + 1).await.unwrap();
    store.reopen().await.unwrap();
    assert_eq!(store.token().incarnation, before + 1);
}

#[tokio::test]
async fn a_new_file_can_give_space_back() {
    let store = TestStore::open().await;
    let mode: i64 = store.read().await.unwrap().fetch_one(AUTO_VACUUM, args![]).await.unwrap();
    assert_eq!(mode, 2, "auto_vacuum is incremental");
}

#[tokio::test]
async fn a_list_is_one_parameter() {
    use crate::engine::Value;
    let store = TestStore::open().await;
    let mut txn = store.read().await.unwrap();
    let names: Vec<String> = txn.fetch_all(LIST, args![Value::list(["a", "\"b\" ä"])]).await.unwrap();
    assert_eq!(names, ["a", "\"b\" ä"]);
    let numbers: Vec<i64> = txn.fetch_all(LIST_NUMBERS, args![Value::list([i64::MAX, -7])]).await.unwrap();
    assert_eq!(numbers, [i64::MAX, -7]);
}

#[tokio::test]
async fn commits_of_a_store_wait_for_the_disk() {
    let store = TestStore::open().await;
    store.close().await;
    let mut options = store.options().clone();
    if let EngineOptions::Sqlite(options) = &mut options.engine {
        *options = SqliteOptions::new(&options.path);
    }
    let store = Store::open(options).await.unwrap();
    let mut txn = store.write("test").await.unwrap();
    let setting: String = txn.fetch_one(SYNCHRONOUS, args![]).await.unwrap();
    // SQLite's FULL is 2.
    assert!(matches!(setting.as_str(), "2" | "on"), "{setting}");
    txn.commit().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn connections_that_postgres_ended_are_replaced_before_anybody_notices() {
    let store = TestStore::open_on(EngineKind::Postgres).await;
    let EngineOptions::Postgres(options) = &store.options().engine else { unreachable!("asked for it") };
    let mut admin = ReadTxn::new(options.connect().await.unwrap());
    for _ in 0..2 {
        let mut snapshots = join_all((0..options.readers).map(|_| store.read())).await;
        for snapshot in &mut snapshots {
            snapshot.as_mut().unwrap().fetch_one::<i64>(COUNT, args!["a"]).await.unwrap();
        }
        drop(snapshots);
        let ended: i64 = admin.fetch_one(TERMINATE, args![]).await.unwrap();
        assert!(ended > i64::from(options.readers), "{ended} sessions: the readers and the writer");
        assert_eq!(count(&store, "a").await, 0);
        store.write("test").await.unwrap().commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_closed_store_does_not_answer() {
    let store = TestStore::open().await;
    store.ping().await.unwrap();
    store.close().await;
    store.ping().await.unwrap_err();
}
