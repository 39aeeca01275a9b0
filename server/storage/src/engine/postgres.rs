use std::{fmt, str::FromStr, time::Duration};

use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    StorageError, dialect,
    engine::{Conn, Readers, args},
    transaction,
};

/// How long a connection may take to come about. A host that vanished without a word would hold the writer for minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach the PostgreSQL database. The password is never shown.
#[derive(Clone)]
pub struct PostgresOptions {
    connect: Box<PgConnectOptions>,
    /// How many snapshots can be read at the same time.
    pub readers: u32,
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PostgresOptions")
            .field("host", &self.connect.get_host())
            .field("database", &self.connect.get_database())
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}

impl PostgresOptions {
    /// From `postgres://user:password@host:port/database?sslmode=…`; what is missing comes from the environment
    /// (`PGHOST` and the like), as libpq does it.
    pub fn from_url(url: &str) -> Result<Self, StorageError> {
        let connect = PgConnectOptions::from_str(url).map_err(StorageError::open)?;
        // Statements are planned once for a session. On the small tables of a new server PostgreSQL would plan to read
        // them whole, and keep to that while they grow; compiling plans only pays for reports.
        let connect = connect
            .application_name("myelin")
            .statement_cache_capacity(500)
            .options([("enable_seqscan", "off"), ("jit", "off")]);
        Ok(Self { connect: Box::new(connect), readers: 8 })
    }

    /// The same server with another database.
    #[must_use]
    pub fn with_database(mut self, database: &str) -> Self {
        *self.connect = (*self.connect).clone().database(database);
        self
    }

    /// Sets the password, which may hold any character.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        *self.connect = (*self.connect).clone().password(password);
        self
    }

    pub(crate) async fn connect(&self) -> Result<Conn, StorageError> {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&self.connect));
        let conn = connecting.await.map_err(StorageError::open)?.map_err(StorageError::open)?;
        Ok(Conn::Postgres(Box::new(conn)))
    }

    /// Connects and takes the lock that keeps a second process off the database. The session holds it, so it ends with
    /// the connection, also after a crash.
    pub(crate) async fn connect_writer(&self) -> Result<Conn, StorageError> {
        let mut conn = self.connect().await?;
        transaction::optional::<bool>(&mut conn, dialect::WAIT_FOR_DISK, args![]).await?;
        // The session of a process that was killed a moment ago may still be there.
        conn.run("SET lock_timeout = '3s'").await?;
        match transaction::one::<bool>(&mut conn, dialect::LOCK, args![]).await {
            Ok(_) => conn.run("SET lock_timeout = 0").await?,
            Err(error) if is_lock_timeout(&error) => {
                let name = self.connect.get_database().unwrap_or("postgres").to_owned();
                return Err(StorageError::InUse(format!("database {name}")));
            }
            Err(error) => return Err(error),
        }
        Ok(conn)
    }

    pub(crate) fn readers(&self) -> Readers {
        Readers::Postgres(
            PgPoolOptions::new()
                .max_connections(self.readers)
                .test_before_acquire(false)
                .acquire_timeout(CONNECT_TIMEOUT)
                .connect_lazy_with((*self.connect).clone()),
        )
    }
}

/// PostgreSQL's `lock_not_available`.
fn is_lock_timeout(error: &StorageError) -> bool {
    let StorageError::Statement { source, .. } = error else { return false };
    matches!(source.downcast_ref(), Some(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03"))
}
