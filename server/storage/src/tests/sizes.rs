//! What an event costs on disk beyond its text (docs/adr/0002).

use crate::{
    EngineKind, EngineOptions,
    engine::{args, sql},
    testing::{History, TestStore},
};

/// Enough that a page more or less of each table does not count.
const COUNT: usize = 4_000;
/// What comes first, so that tables that do not grow have the size that they keep.
const FIRST: usize = 500;

/// What tables and indexes take, by their names, without the rows that PostgreSQL keeps until it finds time to look after
/// them.
async fn sizes(history: &History) -> Vec<(String, i64)> {
    if let EngineOptions::Postgres(options) = &history.store.options().engine {
        options.connect().await.unwrap().run("VACUUM").await.unwrap();
    }
    history.store.read().await.unwrap().fetch_all(SIZES, args![]).await.unwrap()
}

/// Fails if events cost more each, beyond their text. It says which tables and indexes they are in.
async fn check(history: &mut History, is_join: bool, most_bytes: i64) {
    history.add(is_join, FIRST).await.unwrap();
    let before = sizes(history).await;
    let text_bytes = history.add(is_join, COUNT).await.unwrap();
    let each = |bytes: i64| bytes / COUNT as i64;
    let mut lines = format!("bytes of an event whose text has {}:", each(text_bytes));
    let mut cost = -text_bytes;
    for (name, bytes) in sizes(history).await {
        let was = before.iter().find(|(found, _)| *found == name).map_or(0, |(_, bytes)| *bytes);
        if bytes != was {
            cost += bytes - was;
            lines.push_str(&format!("\n{name} {}", each(bytes - was)));
        }
    }
    println!("{lines}\nbeyond its text {}", each(cost));
    assert!(each(cost) <= most_bytes, "{} are more than {most_bytes}: {lines}", each(cost));
}

#[tokio::test]
async fn a_join_on_sqlite_costs_at_most_110_bytes_beyond_its_text() {
    let mut history = History::begin(TestStore::open_on(EngineKind::Sqlite).await).await.unwrap();
    check(&mut history, true, 110).await;
    check(&mut history, false, 40).await;
}

#[tokio::test]
async fn a_join_on_postgres_costs_at_most_700_bytes_beyond_its_text() {
    let mut history = History::begin(TestStore::open_on(EngineKind::Postgres).await).await.unwrap();
    check(&mut history, true, 700).await;
    check(&mut history, false, 240).await;
}

sql! {
    /// Without the rows that each event replaces: of those PostgreSQL keeps a number that depends on when it cleans up,
    /// and not on how many events there are.
    SIZES = {
        sqlite: "SELECT name, SUM(pgsize) FROM dbstat GROUP BY name ORDER BY name",
        postgres: "
            SELECT CAST(relname AS TEXT), pg_relation_size(parts.oid)
            FROM pg_class AS parts JOIN pg_namespace AS spaces ON spaces.oid = parts.relnamespace
            WHERE spaces.nspname = 'public' AND parts.relkind IN ('r', 'i')
                AND relname NOT LIKE 'rooms%' AND relname NOT LIKE 'forward_extremities%'
            ORDER BY relname",
    };
}
