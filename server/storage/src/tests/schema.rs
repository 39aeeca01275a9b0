//! Compares the schemas of both engines: what a migration says must be the same on both.

use std::collections::BTreeSet;

use crate::{
    EngineKind,
    engine::{Sql, args, sql},
    testing::TestStore,
};

/// What PostgreSQL has a sequence for, and SQLite a table.
const ONLY_ON_SQLITE: &str = "sequences";

async fn list(store: &TestStore, sql: Sql) -> BTreeSet<String> {
    let lines: Vec<String> = store.read().await.unwrap().fetch_all(sql, args![]).await.unwrap();
    lines.into_iter().filter(|line| line.split(' ').next() != Some(ONLY_ON_SQLITE)).collect()
}

async fn compare(what: &str, sql: Sql) {
    let sqlite = list(&TestStore::open_on(EngineKind::Sqlite).await, sql).await;
    let postgres = list(&TestStore::open_on(EngineKind::Postgres).await, sql).await;
    let missing_on =
        |a: &BTreeSet<String>, b: &BTreeSet<String>| b.difference(a).cloned().collect::<Vec<_>>();
    assert_eq!(missing_on(&sqlite, &postgres), Vec::<String>::new(), "{what} missing on SQLite");
    assert_eq!(missing_on(&postgres, &sqlite), Vec::<String>::new(), "{what} missing on PostgreSQL");
}

#[tokio::test]
async fn both_engines_have_the_same_columns() {
    compare("columns", COLUMNS).await;
}

#[tokio::test]
async fn both_engines_have_the_same_keys_and_indexes() {
    compare("indexes", INDEXES).await;
}

#[tokio::test]
async fn both_engines_have_the_same_foreign_keys() {
    compare("foreign keys", FOREIGN_KEYS).await;
}

#[tokio::test]
async fn every_sqlite_table_is_strict() {
    assert_eq!(list(&TestStore::open_on(EngineKind::Sqlite).await, LOOSE_TABLES).await, BTreeSet::new());
}

sql! {
    // TABLE COLUMN TYPE NULLABILITY
    COLUMNS = {
        sqlite: "
            SELECT tables.name || ' ' || columns.name || ' ' || columns.type || ' '
                || CASE WHEN columns.\"notnull\" = 1 OR columns.pk > 0 THEN 'NOT NULL' ELSE 'NULL' END
            FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
            WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'",
        postgres: "
            SELECT table_name || ' ' || column_name || ' '
                || CASE data_type WHEN 'bytea' THEN 'BLOB' WHEN 'text' THEN 'TEXT' WHEN 'bigint' THEN 'INTEGER'
                    WHEN 'boolean' THEN 'INTEGER' ELSE data_type END || ' '
                || CASE is_nullable WHEN 'NO' THEN 'NOT NULL' ELSE 'NULL' END
            FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name NOT IN (SELECT table_name FROM information_schema.views)",
    };
    // TABLE UNIQUENESS PARTIALITY (COLUMNS)
    INDEXES = {
        sqlite: "
            SELECT table_name || ' ' || uniqueness || ' ' || partiality || ' (' || group_concat(column_name, ', ') || ')'
            FROM (
                SELECT tables.name AS table_name, indexes.name AS index_name,
                    CASE WHEN indexes.\"unique\" = 1 THEN 'unique' ELSE 'plain' END AS uniqueness,
                    CASE WHEN indexes.partial = 1 THEN 'partial' ELSE 'whole' END AS partiality,
                    columns.name AS column_name
                FROM sqlite_schema AS tables, pragma_index_list(tables.name) AS indexes,
                    pragma_index_info(indexes.name) AS columns
                WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'
                ORDER BY tables.name, indexes.name, columns.seqno
            ) AS parts
            GROUP BY table_name, index_name, uniqueness, partiality
            UNION
            SELECT tables.name || ' unique whole (' || columns.name || ')'
            FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
            WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' AND columns.pk = 1
                AND NOT EXISTS (SELECT 1 FROM pragma_index_list(tables.name) WHERE origin = 'pk')",
        postgres: "
            SELECT tables.relname || ' ' || CASE WHEN indexes.indisunique THEN 'unique' ELSE 'plain' END || ' '
                || CASE WHEN indexes.indpred IS NULL THEN 'whole' ELSE 'partial' END || ' ('
                || (
                    SELECT string_agg(columns.attname, ', ' ORDER BY keys.place)
                    FROM unnest(indexes.indkey) WITH ORDINALITY AS keys (number, place)
                    JOIN pg_attribute AS columns
                        ON columns.attrelid = tables.oid AND columns.attnum = keys.number
                ) || ')'
            FROM pg_index AS indexes
            JOIN pg_class AS tables ON tables.oid = indexes.indrelid
            JOIN pg_namespace AS spaces ON spaces.oid = tables.relnamespace
            WHERE spaces.nspname = 'public'",
    };
    // TABLE (COLUMN) -> TABLE ON DELETE
    FOREIGN_KEYS = {
        sqlite: "
            SELECT tables.name || ' (' || keys.\"from\" || ') -> ' || keys.\"table\" || ' ' || keys.on_delete
            FROM sqlite_schema AS tables, pragma_foreign_key_list(tables.name) AS keys
            WHERE tables.type = 'table'",
        postgres: "
            SELECT from_tables.relname || ' (' || columns.attname || ') -> ' || to_tables.relname || ' '
                || CASE keys.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
                    WHEN 'r' THEN 'RESTRICT' ELSE 'SET DEFAULT' END
            FROM pg_constraint AS keys
            JOIN pg_class AS from_tables ON from_tables.oid = keys.conrelid
            JOIN pg_class AS to_tables ON to_tables.oid = keys.confrelid
            JOIN pg_attribute AS columns ON columns.attrelid = keys.conrelid AND columns.attnum = ANY (keys.conkey)
            WHERE keys.contype = 'f'",
    };
    LOOSE_TABLES = {
        sqlite: "
            SELECT name FROM pragma_table_list
            WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
        postgres: "SELECT CAST('' AS TEXT) WHERE FALSE",
    };
}
