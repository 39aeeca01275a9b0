//! Every statement of this crate, prepared on both engines.

use std::{fs, path::Path};

use crate::{EngineKind, engine::Sql, testing::TestStore};

/// The statements of each module that has a `sql!` block.
const MODULES: &[&[Sql]] = &[
    crate::access_tokens::STATEMENTS,
    crate::account_data::STATEMENTS,
    crate::aliases::STATEMENTS,
    crate::cross_signing::STATEMENTS,
    crate::device_keys::STATEMENTS,
    crate::device_lists::STATEMENTS,
    crate::devices::STATEMENTS,
    crate::dialect::STATEMENTS,
    super::durability::STATEMENTS,
    crate::event_graph::STATEMENTS,
    crate::events::STATEMENTS,
    crate::filters::STATEMENTS,
    crate::ignored_users::STATEMENTS,
    crate::key_backups::STATEMENTS,
    crate::leases::STATEMENTS,
    crate::media::STATEMENTS,
    crate::memberships::STATEMENTS,
    crate::meta::STATEMENTS,
    crate::migrations::STATEMENTS,
    crate::notifications::STATEMENTS,
    crate::notifications::audiences::STATEMENTS,
    crate::notifications::tests::STATEMENTS,
    crate::one_time_keys::STATEMENTS,
    crate::presence::STATEMENTS,
    crate::profiles::STATEMENTS,
    crate::published_rooms::STATEMENTS,
    crate::push_rules::STATEMENTS,
    crate::pushers::STATEMENTS,
    crate::receipts::STATEMENTS,
    crate::refresh_tokens::STATEMENTS,
    crate::relations::STATEMENTS,
    crate::reports::STATEMENTS,
    crate::rooms::STATEMENTS,
    super::schema::STATEMENTS,
    super::sizes::STATEMENTS,
    crate::sent_transactions::STATEMENTS,
    crate::state::STATEMENTS,
    crate::state::change::STATEMENTS,
    crate::state::compare::STATEMENTS,
    crate::state::purge::STATEMENTS,
    crate::store::tests::STATEMENTS,
    crate::stream_cursors::STATEMENTS,
    crate::temporary_tokens::STATEMENTS,
    crate::testing::STATEMENTS,
    crate::text_search::STATEMENTS,
    crate::to_device::STATEMENTS,
    crate::user_directory::STATEMENTS,
    crate::users::STATEMENTS,
];

async fn prepare_all(engine: EngineKind) {
    let store = TestStore::open_on(engine).await;
    let mut faults = Vec::new();
    for sql in MODULES.iter().copied().flatten() {
        // A refused statement ends a PostgreSQL transaction.
        let mut txn = store.read().await.unwrap();
        if let Err(error) = txn.conn.prepare(*sql).await {
            faults.push(format!("{error:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn sqlite_understands_every_statement() {
    prepare_all(EngineKind::Sqlite).await;
}

#[tokio::test]
async fn postgres_understands_every_statement() {
    prepare_all(EngineKind::Postgres).await;
}

#[test]
fn every_module_with_statements_is_listed() {
    fn count(folder: &Path) -> usize {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| match path.is_dir() {
                true => count(&path),
                false => fs::read_to_string(&path).unwrap().lines().filter(|line| *line == "sql! {").count(),
            })
            .sum()
    }
    assert_eq!(count(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")), MODULES.len());
}
