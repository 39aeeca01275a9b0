use std::{
    fs::File,
    sync::{
        Arc, Mutex as StdMutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Instant,
};

use prometheus_client::registry::Registry;
use ruma::OwnedServerName;
use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::{
    InvalidToken, Position, ReadTxn, StorageError, Token, WriteTxn, dialect,
    engine::{
        Conn, EngineKind, Readers,
        postgres::PostgresOptions,
        sqlite::{self, SqliteOptions},
    },
    events::texts::EventTexts,
    leases, meta,
    metrics::StorageMetrics,
    migrations,
    positions::{self, Allocator},
    writer::{QUEUE_LIMIT, Request, Writer},
};

/// Which database to open.
#[derive(Clone, Debug)]
pub enum EngineOptions {
    /// A SQLite file.
    Sqlite(SqliteOptions),
    /// A PostgreSQL database.
    Postgres(PostgresOptions),
}

impl EngineOptions {
    pub(crate) async fn connect_writer(&self) -> Result<Conn, StorageError> {
        match self {
            Self::Sqlite(options) => options.connect_writer().await,
            Self::Postgres(options) => options.connect_writer().await,
        }
    }

    fn readers(&self) -> Readers {
        match self {
            Self::Sqlite(options) => options.readers(),
            Self::Postgres(options) => options.readers(),
        }
    }
}

/// What [`Store::open`] needs to know.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The database.
    pub engine: EngineOptions,
    /// The name of this homeserver; a database of another one is refused.
    pub server_name: OwnedServerName,
    /// The version of this program, remembered as one that can open the schema.
    pub program_version: String,
    /// A random number: the incarnation of the database if it is new.
    pub new_incarnation: u32,
}

/// The database. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    kind: EngineKind,
    readers: Readers,
    /// Missing when the store is closed.
    lanes: StdMutex<Option<Lanes>>,
    committed: watch::Receiver<Position>,
    told: Arc<Told>,
    incarnation: u32,
    commits: Arc<AtomicU64>,
    metrics: StorageMetrics,
    texts: Arc<EventTexts>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held until the store is closed.
    lock: StdMutex<Option<File>>,
}

/// How far what was to follow from commits has happened.
pub(crate) struct Told {
    /// The position up to which it has…
    pub(crate) until: AtomicI64,
    /// …but for commits up to this one that failed.
    pub(crate) gap: AtomicI64,
}

#[derive(Clone)]
struct Lanes {
    units: mpsc::Sender<Request>,
    bulk: mpsc::Sender<Request>,
}

impl Store {
    /// Opens the database: locks it, brings its schema up to date, checks whose it is, and starts the writer.
    pub async fn open(options: StoreOptions) -> Result<Self, StorageError> {
        let lock = match &options.engine {
            EngineOptions::Sqlite(options) => Some(sqlite::lock(&options.path)?),
            EngineOptions::Postgres(_) => None,
        };
        let mut conn = options.engine.connect_writer().await?;
        dialect::check_collation(&mut conn).await?;
        let mut txn = ReadTxn::new(conn);
        migrations::migrate(&mut txn, &options.program_version).await?;
        meta::check_server_name(&mut txn, &options.server_name).await?;
        let incarnation = meta::incarnation(&mut txn, options.new_incarnation).await?;
        let lease = leases::take_over(&mut txn).await?;
        let newest = positions::newest(&mut txn).await?;

        let (committed, watch) = watch::channel(newest);
        let (units, unit_requests) = mpsc::channel(QUEUE_LIMIT);
        let (bulk, bulk_requests) = mpsc::channel(QUEUE_LIMIT);
        let engine = Arc::new(options.engine);
        let kind = txn.engine();
        let readers = engine.readers();
        let commits = Arc::<AtomicU64>::default();
        let told = Arc::new(Told { until: AtomicI64::new(newest.0), gap: AtomicI64::new(i64::MIN) });
        let metrics = StorageMetrics::default();
        let texts = Arc::<EventTexts>::default();
        let writer = Writer {
            options: engine,
            conn: Some(txn.conn),
            lease,
            allocator: Allocator::default(),
            committed,
            told: told.clone(),
            commits: commits.clone(),
            metrics: metrics.clone(),
            texts: texts.clone(),
        };
        #[expect(clippy::disallowed_methods, reason = "the store owns the writer and waits for it in close")]
        let writer = tokio::spawn(writer.run(unit_requests, bulk_requests));
        Ok(Self {
            inner: Arc::new(Inner {
                kind,
                readers,
                lanes: StdMutex::new(Some(Lanes { units, bulk })),
                committed: watch,
                told,
                incarnation,
                commits,
                metrics,
                texts,
                writer: Mutex::new(Some(writer)),
                lock: StdMutex::new(lock),
            }),
        })
    }

    /// The engine under it.
    pub fn engine(&self) -> EngineKind {
        self.inner.kind
    }

    /// A snapshot to read from.
    pub async fn read(&self) -> Result<ReadTxn, StorageError> {
        let asked = Instant::now();
        let conn = self.inner.readers.begin().await?;
        self.inner.metrics.begun(asked.elapsed());
        let journeys = self.inner.metrics.journeys();
        journeys.inc();
        Ok(ReadTxn::of_store(conn, journeys.clone(), self.inner.texts.clone()))
    }

    /// Asks the database something small, to learn whether it answers.
    ///
    /// # Errors
    /// If it does not. It may take as long as the engine takes to notice: bound it.
    pub async fn ping(&self) -> Result<(), StorageError> {
        meta::ping(&mut self.read().await?).await
    }

    /// Waits for the writer and begins a unit of work. `name` appears in the log if the unit is slow.
    ///
    /// Units that come together share a transaction and a flush to disk, and still stand or fall alone.
    pub async fn write(&self, name: &'static str) -> Result<WriteTxn, StorageError> {
        let lanes = self.lanes()?;
        self.turn(&lanes.units, name).await
    }

    /// As [`Store::write`], for one slice of a long job: it gets the writer in turn with the units of everybody else.
    /// Keep a slice under 1 MiB and 100 rows.
    pub async fn write_bulk(&self, name: &'static str) -> Result<WriteTxn, StorageError> {
        let lanes = self.lanes()?;
        self.turn(&lanes.bulk, name).await
    }

    async fn turn(&self, lane: &mpsc::Sender<Request>, name: &'static str) -> Result<WriteTxn, StorageError> {
        let asked = Instant::now();
        let (turn, granted) = oneshot::channel();
        lane.send(Request { name, turn }).await.map_err(|_| StorageError::Closed)?;
        let txn = granted.await.unwrap_or(Err(StorageError::Closed))?;
        self.inner.metrics.begun(asked.elapsed());
        Ok(txn)
    }

    /// The newest committed position, to wait for newer ones. What it shows can be read from a snapshot.
    pub fn committed(&self) -> watch::Receiver<Position> {
        self.inner.committed.clone()
    }

    /// Whether all has happened that was to follow from the commits after `since` and up to `until`
    /// ([`WriteTxn::after_commit`]). It may not have for a moment after a commit, and never does after one that failed
    /// and of which it is not known whether it is stored.
    pub fn is_told(&self, since: Position, until: Position) -> bool {
        let Told { until: told, gap } = &*self.inner.told;
        told.load(Ordering::Acquire) >= until.0 && gap.load(Ordering::Acquire) <= since.0
    }

    /// The token of everything committed so far.
    pub fn token(&self) -> Token {
        Token::new(self.inner.incarnation, *self.inner.committed.borrow())
    }

    /// The token of a place in the streams.
    pub fn token_at(&self, position: Position) -> Token {
        Token::new(self.inner.incarnation, position)
    }

    /// The place that a token names; `None` if it is of another life of the database, in which it means nothing.
    ///
    /// # Errors
    /// If the text is no token.
    pub fn read_token(&self, text: &str) -> Result<Option<Position>, InvalidToken> {
        let token: Token = text.parse()?;
        Ok((token.incarnation == self.inner.incarnation).then_some(token.floor))
    }

    /// Starts a new life of the database, after it was restored from a backup: tokens given out before are refused
    /// from the next opening on. `fresh` is a random number.
    pub async fn renew_incarnation(&self, fresh: u32) -> Result<(), StorageError> {
        let mut txn = self.write("store::renew_incarnation").await?;
        meta::renew_incarnation(&mut txn, fresh).await?;
        txn.commit().await.map(drop)
    }

    /// How many batches of units were committed since the store was opened.
    pub fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::Relaxed)
    }

    /// How often the engine was asked something since the store was opened.
    pub fn journeys(&self) -> u64 {
        self.inner.metrics.journeys().get()
    }

    /// Lets a registry show what the store counts.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.inner.metrics.register(registry);
    }

    /// How many units wait for their turn.
    pub fn waiting_units(&self) -> usize {
        self.lanes().map_or(0, |lanes| lanes.units.max_capacity() - lanes.units.capacity())
    }

    /// Finishes what was begun and closes the database. Later units fail with [`StorageError::Closed`].
    pub async fn close(&self) {
        // A poisoned lock is taken all the same: the value is only ever replaced as a whole.
        self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = self.inner.writer.lock().await.take()
            && let Err(error) = writer.await
        {
            tracing::error!(error = %error, "the writer ended abnormally");
        }
        self.inner.readers.close().await;
        self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn lanes(&self) -> Result<Lanes, StorageError> {
        let lanes = self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.clone().ok_or(StorageError::Closed)
    }
}

#[cfg(test)]
pub(crate) mod tests;
