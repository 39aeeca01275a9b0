//! The database.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::reader::Reader;
use crate::secret::Secret;
use crate::setting::Choice;

/// Where the server keeps its data.
#[derive(Clone, Debug)]
pub enum DatabaseConfig {
    Sqlite(SqliteConfig),
    Postgres(Box<PostgresConfig>),
}

/// A file.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    pub path: PathBuf,
}

/// A PostgreSQL server. What is absent is left to the environment and to libpq's defaults.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub database: Option<String>,
    pub ssl_mode: Option<String>,
    pub ssl_root_certificate_path: Option<PathBuf>,
    pub ssl_certificate_path: Option<PathBuf>,
    pub ssl_key_path: Option<PathBuf>,
    pub application_name: Option<String>,
    pub options: Option<String>,
    pub pool_min_connections: u32,
    pub pool_max_connections: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Engine {
    #[default]
    Sqlite,
    Postgres,
}

impl Choice for Engine {
    const WORDS: &'static [(&'static str, Self)] = &[("sqlite3", Self::Sqlite), ("psycopg2", Self::Postgres)];
}

const ONE: &str = "one database holds everything here";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> DatabaseConfig {
    let mut config = r.group("database", "The database and how to reach it.", database);
    let old_path: Option<PathBuf> = r.get("database_path", "null", "Path of the SQLite file (old form).");
    if let (Some(path), DatabaseConfig::Sqlite(sqlite)) = (old_path, &mut config) {
        sqlite.path = path;
    }
    if r.given("database").is_some_and(|node| !node.is_null())
        && r.given("databases").is_some_and(|node| !node.is_null())
    {
        r.conflict("databases", "given beside `database`; one of the two has to go");
    }
    r.never(ONE).know::<Map<String, Value>>(
        "databases",
        "{}",
        "Several databases, each with some of the tables.",
    );
    config
}

fn database(r: &mut Reader<'_, '_>) -> DatabaseConfig {
    let engine = r.get("name", "sqlite3", "`sqlite3`, or `psycopg2` for PostgreSQL.");
    r.not_yet("a connection lives until it breaks").know::<u32>(
        "txn_limit",
        "0",
        "Transactions after which a connection is renewed; 0 for never.",
    );
    r.not_yet("the database's collation is always checked").know::<bool>(
        "allow_unsafe_locale",
        "false",
        "Whether a database with another collation than C is taken.",
    );
    r.never(ONE).know::<Option<Vec<String>>>("data_stores", "null", "Which tables are here.");
    r.group("args", "How to reach it: the file, or what libpq takes.", |r| arguments(r, engine))
}

fn arguments(r: &mut Reader<'_, '_>, engine: Engine) -> DatabaseConfig {
    const POOL: &str = "the pool is managed here";
    let database: Option<String> = r.get(
        "database",
        "null",
        "Path of the SQLite file (`homeserver.db`), or name of the PostgreSQL database.",
    );
    let dbname: Option<String> = r.get("dbname", "null", "Name of the PostgreSQL database.");
    let user = r.get("user", "null", "PostgreSQL user.");
    let password = r.secret("password", "password_path", "PostgreSQL password.");
    let host: Option<String> = r.get("host", "null", "PostgreSQL host, or the directory of its socket.");
    let hostaddr: Option<String> = r.get("hostaddr", "null", "PostgreSQL address, in place of `host`.");
    let postgres = PostgresConfig {
        host: hostaddr.or(host),
        port: r.get("port", "null", "PostgreSQL port."),
        user,
        password,
        database: dbname.or_else(|| database.clone()),
        ssl_mode: r.get("sslmode", "null", "Whether and how the connection is secured, as in libpq."),
        ssl_root_certificate_path: r.get("sslrootcert", "null", "PEM file of trusted authorities."),
        ssl_certificate_path: r.get("sslcert", "null", "PEM file of the client's certificate."),
        ssl_key_path: r.get("sslkey", "null", "PEM file of the client's key."),
        application_name: r.get("application_name", "null", "How the server names itself to PostgreSQL."),
        options: r.get("options", "null", "Command line options for the PostgreSQL server."),
        pool_min_connections: r.not_yet("the number of connections is fixed").get(
            "cp_min",
            "3",
            "Connections that are kept open.",
        ),
        pool_max_connections: r.not_yet("the number of connections is fixed").get(
            "cp_max",
            "5",
            "Most connections.",
        ),
    };
    r.never(POOL).know::<bool>("cp_reconnect", "false", "Whether a broken connection is renewed.");
    r.never(POOL).know::<bool>("cp_noisy", "false", "Whether the pool logs more.");
    r.never(POOL).know::<bool>("check_same_thread", "false", "A switch of Python's SQLite.");
    for name in
        ["keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "connect_timeout"]
    {
        r.not_yet("the operating system's settings are in force").know::<Option<u32>>(
            name,
            "null",
            "Keeping a connection alive, as in libpq.",
        );
    }
    if postgres.pool_max_connections == 0 || postgres.pool_min_connections > postgres.pool_max_connections {
        r.refuse("cp_max", "expected at least 1 and at least `cp_min`");
    }
    match engine {
        Engine::Postgres => DatabaseConfig::Postgres(Box::new(postgres)),
        Engine::Sqlite => {
            let name = database.unwrap_or_else(|| "homeserver.db".to_owned());
            let path = r.environment().resolve(&name).unwrap_or_else(|missing| {
                r.refuse("database", &format!("the path needs {missing}"));
                PathBuf::from(&name)
            });
            DatabaseConfig::Sqlite(SqliteConfig { path })
        }
    }
}
