//! Fresh databases for tests. `TEST_ENGINE` chooses the engine: `sqlite` (the default) or `postgres`, which needs
//! `TEST_POSTGRES_URL`, the URL that `scripts/postgres start DIR` prints.

mod history;

use std::{env, ops::Deref, path::Path};

use ruma::{OwnedServerName, server_name};
use tempfile::TempDir;

pub use self::history::History;
use crate::{
    EngineKind, EngineOptions, PostgresOptions, ReadTxn, SqliteOptions, StorageError, Store, StoreOptions,
    Synchronous,
    engine::{Conn, args, sql},
    migrations, transaction,
};

/// A store on a database of its own, which goes when this is dropped.
pub struct TestStore {
    store: Store,
    options: StoreOptions,
    database: Database,
}

enum Database {
    Sqlite(#[expect(dead_code, reason = "the folder lives as long as this")] TempDir),
    Postgres { url: String, name: String },
}

impl TestStore {
    /// A new database on the engine that `TEST_ENGINE` names.
    pub async fn open() -> Self {
        Self::open_on(engine_from_environment()).await
    }

    /// A new database on that engine.
    ///
    /// # Panics
    ///
    /// If it cannot be made. Without PostgreSQL a test of PostgreSQL fails; it is never skipped.
    pub async fn open_on(engine: EngineKind) -> Self {
        let (options, database) = new_database(engine, None).await;
        let options = store_options(options);
        let store = Store::open(options.clone()).await.expect("a new store");
        Self { store, options, database }
    }

    /// The name of the homeserver in tests.
    pub fn server_name() -> OwnedServerName {
        server_name!("myelin.test").to_owned()
    }

    /// What the store was opened with.
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// What the tables and indexes take on disk.
    pub async fn size_bytes(&self) -> i64 {
        let mut txn = self.store.read().await.expect("a snapshot");
        txn.fetch_one(SIZE, args![]).await.expect("the size of the database")
    }

    /// Closes the store and opens it again, as a restart of the server does.
    pub async fn reopen(&mut self) -> Result<(), StorageError> {
        self.store.close().await;
        self.store = Store::open(self.options.clone()).await?;
        Ok(())
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        if let Database::Postgres { url, name } = &self.database {
            let (url, name) = (url.clone(), name.clone());
            // The test's own runtime may be at its end.
            let dropped = std::thread::spawn(move || block_on(drop_database(&url, &name)));
            // What stays behind goes with the throw-away cluster.
            let _ = dropped.join();
        }
    }
}

/// A database that is there, on PostgreSQL a copy of that template or else of one that has the schema.
async fn new_database(engine: EngineKind, template: Option<&str>) -> (EngineOptions, Database) {
    match engine {
        EngineKind::Sqlite => {
            let folder = TempDir::new().expect("a temporary folder");
            let mut options = SqliteOptions::new(folder.path().join("test.db"));
            options.synchronous = Synchronous::Off;
            (EngineOptions::Sqlite(options), Database::Sqlite(folder))
        }
        EngineKind::Postgres => {
            let url = postgres_url();
            let name = match template {
                Some(template) => create_from(&url, template).await,
                None => create_database(&url).await,
            }
            .expect("a new PostgreSQL database");
            let options = PostgresOptions::from_url(&url).expect("a PostgreSQL URL").with_database(&name);
            (EngineOptions::Postgres(options), Database::Postgres { url, name })
        }
    }
}

fn store_options(engine: EngineOptions) -> StoreOptions {
    StoreOptions {
        engine,
        server_name: TestStore::server_name(),
        program_version: "0.0.0".to_owned(),
        new_incarnation: 1,
    }
}

/// A database for a server that runs in another process: on PostgreSQL one of its own, which goes when this is
/// dropped; on SQLite a file that the server makes.
pub struct ServerDatabase {
    options: EngineOptions,
    postgres: Option<(String, String)>,
}

impl ServerDatabase {
    /// On the engine that `TEST_ENGINE` names.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    pub fn new(file: &Path) -> Self {
        match engine_from_environment() {
            EngineKind::Sqlite => Self::of_file(file),
            EngineKind::Postgres => {
                let url = postgres_url();
                let name = block_on(create_database(&url)).expect("a new PostgreSQL database");
                let options = PostgresOptions::from_url(&url).expect("a PostgreSQL URL").with_database(&name);
                Self { options: EngineOptions::Postgres(options), postgres: Some((url, name)) }
            }
        }
    }

    /// On SQLite, whatever `TEST_ENGINE` names.
    pub fn of_file(file: &Path) -> Self {
        Self { options: EngineOptions::Sqlite(SqliteOptions::new(file)), postgres: None }
    }

    /// The URL of the cluster and the name of the database, if it is on PostgreSQL.
    pub fn postgres(&self) -> Option<(&str, &str)> {
        self.postgres.as_ref().map(|(url, name)| (url.as_str(), name.as_str()))
    }

    /// Lets the database look as if version 7.8.9 had made it, or as it is again. No server may run.
    ///
    /// # Panics
    ///
    /// If it cannot be changed.
    pub fn pretend_newer(&self, is_newer: bool) {
        let changed = block_on(async {
            let mut txn = ReadTxn::new(self.options.connect_writer().await?);
            txn.execute(if is_newer { PRETEND_NEWER } else { PRETEND_NO_MORE }, args![]).await?;
            txn.conn.close().await;
            Ok(())
        });
        changed.expect("a database that can be changed");
    }
}

impl Drop for ServerDatabase {
    fn drop(&mut self) {
        if let Some((url, name)) = &self.postgres {
            // What stays behind goes with the throw-away cluster.
            let _ = block_on(drop_database(url, name));
        }
    }
}

fn postgres_url() -> String {
    env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL is not set: run scripts/postgres start DIR, which prints it")
}

fn block_on<T>(work: impl Future<Output = Result<T, StorageError>>) -> Result<T, StorageError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(StorageError::open)?.block_on(work)
}

/// For tests of this crate that open the database in another process.
#[cfg(test)]
impl TestStore {
    /// A database that the migrations below a number made, with these rows, opened by this program.
    pub(crate) async fn open_older(engine: EngineKind, below: i64, rows: &'static str) -> Self {
        let (engine, database) = new_database(engine, Some("template0")).await;
        let options = store_options(engine);
        let mut txn = ReadTxn::new(options.engine.connect_writer().await.expect("a connection"));
        migrations::migrate_below(&mut txn, "0.0.0", below).await.expect("the older schema");
        txn.conn
            .run_migration("testing::ROWS", migrations::render(rows, txn.engine()))
            .await
            .expect("rows that it takes");
        txn.conn.close().await;
        let store = Store::open(options.clone()).await.expect("a newer schema");
        Self { store, options, database }
    }

    /// The engine and where the database is, in a line.
    pub(crate) fn place(&self) -> String {
        match (&self.database, &self.options.engine) {
            (Database::Postgres { name, .. }, _) => format!("postgres {name}"),
            (_, EngineOptions::Sqlite(options)) => format!("sqlite {}", options.path.display()),
            (Database::Sqlite(_), EngineOptions::Postgres(_)) => unreachable!("a file has a path"),
        }
    }

    /// The options for a line that [`TestStore::place`] gave, cut at the first space.
    pub(crate) fn options_at(engine: &str, place: &str) -> StoreOptions {
        match engine {
            "sqlite" => store_options(EngineOptions::Sqlite(SqliteOptions::new(place))),
            _ => {
                let url = env::var("TEST_POSTGRES_URL").expect("the parent has it");
                let options = PostgresOptions::from_url(&url).expect("a PostgreSQL URL").with_database(place);
                store_options(EngineOptions::Postgres(options))
            }
        }
    }
}

fn engine_from_environment() -> EngineKind {
    match env::var("TEST_ENGINE").as_deref() {
        Err(_) | Ok("sqlite") => EngineKind::Sqlite,
        Ok("postgres") => EngineKind::Postgres,
        Ok(other) => panic!("TEST_ENGINE is {other}; it can be sqlite or postgres"),
    }
}

/// Clones a database from a template with the current schema, which the first test makes.
async fn create_database(url: &str) -> Result<String, StorageError> {
    let mut admin = PostgresOptions::from_url(url)?.connect().await?;
    let template = format!("myelin_template_{:016x}", migrations::fingerprint());
    let _: bool = transaction::one(&mut admin, TEMPLATE_LOCK, args![]).await?;
    let exists: bool = transaction::one(&mut admin, DATABASE_EXISTS, args![&template]).await?;
    if !exists {
        // Under another name until it is complete, because a test may be killed meanwhile.
        admin
            .run_migration("testing::DROP", "DROP DATABASE IF EXISTS myelin_template_new".to_owned())
            .await?;
        admin.run_migration("testing::CREATE", create("myelin_template_new", "template0")).await?;
        let conn = PostgresOptions::from_url(url)?.with_database("myelin_template_new").connect().await?;
        let mut txn = ReadTxn::new(conn);
        migrations::migrate(&mut txn, "0.0.0").await?;
        txn.conn.close().await;
        admin
            .run_migration(
                "testing::RENAME",
                format!("ALTER DATABASE myelin_template_new RENAME TO {template}"),
            )
            .await?;
    }
    admin.close().await;
    create_from(url, &template).await
}

async fn create_from(url: &str, template: &str) -> Result<String, StorageError> {
    let mut admin = PostgresOptions::from_url(url)?.connect().await?;
    let number: i64 = transaction::one(&mut admin, NEXT_NUMBER, args![]).await?;
    let name = format!("myelin_test_{}_{number}", std::process::id());
    admin.run_migration("testing::CLONE", create(&name, template)).await?;
    admin.close().await;
    Ok(name)
}

fn create(name: &str, template: &str) -> String {
    format!("CREATE DATABASE {name} TEMPLATE {template} LC_COLLATE 'C' LC_CTYPE 'C' ENCODING 'UTF8'")
}

async fn drop_database(url: &str, name: &str) -> Result<(), StorageError> {
    let mut admin: Conn = PostgresOptions::from_url(url)?.connect().await?;
    admin.run_migration("testing::DROP", format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    admin.close().await;
    Ok(())
}

sql! {
    PRETEND_NEWER = "INSERT INTO migrations (version, name, program) VALUES (9999, 'later', '7.8.9')";
    PRETEND_NO_MORE = "DELETE FROM migrations WHERE version = 9999";
    TEMPLATE_LOCK = { sqlite: "SELECT TRUE", postgres: "SELECT TRUE FROM (SELECT pg_advisory_lock(7810779)) AS locked" };
    SIZE = {
        sqlite: "
            SELECT (pages.page_count - free.freelist_count) * sizes.page_size
            FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS sizes",
        postgres: "
            SELECT CAST(SUM(pg_total_relation_size(tables.oid)) AS BIGINT)
            FROM pg_class AS tables JOIN pg_namespace AS spaces ON spaces.oid = tables.relnamespace
            WHERE spaces.nspname = 'public' AND tables.relkind = 'r'",
    };
    DATABASE_EXISTS = {
        sqlite: "SELECT FALSE WHERE $1 = ''",
        postgres: "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)",
    };
    NEXT_NUMBER = { sqlite: "SELECT 1", postgres: "SELECT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)" };
}
