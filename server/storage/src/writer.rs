//! The writer: it lends its transaction to one unit of work after the other, and commits once for all of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    Position, ReadTxn, StorageError, WriteTxn, dialect,
    engine::{self, Conn, EngineKind, args},
    events::texts::EventTexts,
    leases::Lease,
    metrics::StorageMetrics,
    positions::Allocator,
    store::{EngineOptions, Told},
    transaction::{AfterCommit, Batch, Outcome},
};

/// A batch ends when it is this old…
const BATCH_LIMIT: Duration = Duration::from_millis(5);
/// …or writes this much…
const BATCH_LIMIT_BYTES: usize = 1 << 20;
/// …or has this many units, each of which is a subtransaction on PostgreSQL.
const BATCH_LIMIT_UNITS: usize = 60;
/// A unit that holds the writer this long is named in the log.
const SLOW_UNIT: Duration = Duration::from_secs(2);
/// Units that wait for their turn; more have to wait outside.
pub(crate) const QUEUE_LIMIT: usize = 1024;

/// A unit of work that waits for its turn.
pub(crate) struct Request {
    pub(crate) name: &'static str,
    pub(crate) turn: oneshot::Sender<Result<WriteTxn, StorageError>>,
}

pub(crate) struct Writer {
    pub(crate) options: Arc<EngineOptions>,
    /// Missing after the connection broke, until there is a new one.
    pub(crate) conn: Option<Conn>,
    pub(crate) lease: Lease,
    pub(crate) allocator: Allocator,
    pub(crate) committed: watch::Sender<Position>,
    pub(crate) told: Arc<Told>,
    pub(crate) commits: Arc<AtomicU64>,
    pub(crate) metrics: StorageMetrics,
    pub(crate) texts: Arc<EventTexts>,
}

impl Writer {
    /// Works until nobody can ask for anything any more. Each unit of bulk work is a batch of its own.
    pub(crate) async fn run(mut self, mut units: mpsc::Receiver<Request>, mut bulk: mpsc::Receiver<Request>) {
        loop {
            // Taken at random, so that a long bulk job and a flood of units slow each other down, but neither starves.
            let first = tokio::select! {
                Some(unit) = units.recv() => unit,
                Some(unit) = bulk.recv() => unit,
                else => break,
            };
            self.run_batch(first, &mut units).await;
        }
        if let Some(conn) = self.conn {
            conn.close().await;
        }
    }

    async fn run_batch(&mut self, first: Request, units: &mut mpsc::Receiver<Request>) {
        let mut batch = match self.begin().await {
            Ok(batch) => batch,
            Err(error) => {
                // Whoever asked may be gone; the next one will find the same.
                let _ = first.turn.send(Err(error));
                return;
            }
        };
        let mut waiting = Waiting::default();
        let started = Instant::now();
        let mut next = Some(first);
        while let Some(request) = next.take() {
            batch = match run_unit(request, batch, self.lease, &self.metrics, &mut waiting).await {
                Ok(batch) => batch,
                Err((batch, error)) => {
                    self.end_without_commit(batch, waiting, &error).await;
                    return;
                }
            };
            if started.elapsed() < BATCH_LIMIT
                && batch.txn.written_bytes < BATCH_LIMIT_BYTES
                && waiting.answers.len() < BATCH_LIMIT_UNITS
            {
                next = units.try_recv().ok();
            }
        }
        self.commit(batch, waiting).await;
    }

    async fn begin(&mut self) -> Result<Box<Batch>, StorageError> {
        if let Some(conn) = self.conn.take() {
            let begun = self.begin_on(conn).await;
            // Nothing was asked of a connection that broke since it was used last, so nothing is done twice.
            if begun.is_ok() || self.conn.is_some() {
                return begun;
            }
        }
        let conn = self.options.connect_writer().await?;
        self.begin_on(conn).await
    }

    async fn begin_on(&mut self, conn: Conn) -> Result<Box<Batch>, StorageError> {
        let mut txn = ReadTxn::of_store(conn, self.metrics.journeys().clone(), self.texts.clone());
        match begin(&mut txn, self.lease).await {
            Ok(()) => Ok(Box::new(Batch { txn, allocator: std::mem::take(&mut self.allocator) })),
            Err(error) => {
                self.roll_back(txn.conn).await;
                Err(error)
            }
        }
    }

    async fn commit(&mut self, mut batch: Box<Batch>, mut waiting: Waiting) {
        let begun = Instant::now();
        self.metrics.journeys().inc();
        if let Err(error) = batch.txn.conn.run("COMMIT").await {
            let error = match (batch.txn.engine(), error) {
                // Only PostgreSQL is at the other end of a line that can break.
                (EngineKind::Postgres, StorageError::Statement { source, .. })
                    if !engine::is_answer(&*source) =>
                {
                    StorageError::CommitUnknown
                }
                (_, error) => error,
            };
            return self.end_without_commit(batch, waiting, &error).await;
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.metrics.committed(waiting.answers.len(), begun.elapsed());
        let Batch { txn, mut allocator } = *batch;
        if txn.engine() == EngineKind::Postgres {
            allocator.forget();
        }
        if let Some(position) = allocator.newest.take() {
            self.committed.send_replace(position);
        }
        self.allocator = allocator;
        self.conn = Some(txn.conn);
        let position = *self.committed.borrow();
        for action in std::mem::take(&mut waiting.after) {
            action();
        }
        self.told.until.store(position.0, Ordering::Release);
        waiting.answer(&Ok(position));
    }

    async fn end_without_commit(&mut self, batch: Box<Batch>, mut waiting: Waiting, error: &StorageError) {
        tracing::error!(error = %error, units = waiting.answers.len(), "a batch of writes was not stored");
        self.metrics.failed();
        let Batch { txn, mut allocator } = *batch;
        allocator.forget();
        if let Some(position) = allocator.newest.take() {
            self.told.gap.fetch_max(position.0, Ordering::AcqRel);
        }
        self.allocator = allocator;
        self.roll_back(txn.conn).await;
        // First, so that whoever hears of the failure finds nothing that still waits for the commit.
        waiting.after.clear();
        waiting.answer(&Err(error.clone()));
    }

    /// Rolls back and keeps the connection if it still works.
    async fn roll_back(&mut self, mut conn: Conn) {
        self.conn = match (conn.kind(), conn.run("ROLLBACK").await) {
            // SQLite says that there is nothing to roll back after an error that did it already.
            (EngineKind::Sqlite, _) | (_, Ok(())) => Some(conn),
            (EngineKind::Postgres, Err(_)) => None,
        };
    }
}

/// The units of a batch that are complete and wait for the commit.
#[derive(Default)]
struct Waiting {
    answers: Vec<oneshot::Sender<Result<Position, StorageError>>>,
    after: AfterCommit,
}

impl Waiting {
    fn answer(self, result: &Result<Position, StorageError>) {
        for answer in self.answers {
            // Whoever asked may be gone.
            let _ = answer.send(result.clone());
        }
    }
}

/// Lends the transaction to a unit. An error ends the whole batch.
async fn run_unit(
    request: Request,
    mut batch: Box<Batch>,
    lease: Lease,
    metrics: &StorageMetrics,
    waiting: &mut Waiting,
) -> Result<Box<Batch>, (Box<Batch>, StorageError)> {
    let Request { name, turn } = request;
    if turn.is_closed() {
        return Ok(batch);
    }
    let is_first = waiting.answers.is_empty();
    if !is_first && let Err(error) = batch.txn.write(dialect::SAVEPOINT, args![]).await {
        return Err((batch, error));
    }
    let newest = batch.allocator.newest;
    batch.txn.begin_unit();
    let (back, mut returned) = oneshot::channel();
    // If nobody waits for the turn any more, the unit comes back abandoned.
    let _ = turn.send(Ok(WriteTxn::new(batch, back)));
    let granted = Instant::now();
    let returned = loop {
        match tokio::time::timeout(SLOW_UNIT, &mut returned).await {
            Ok(returned) => break returned,
            Err(_) => tracing::warn!(unit.name = name, "a unit of work holds the writer for seconds"),
        }
    };
    // A unit returns its transaction when it is dropped, whatever happens to it.
    let (mut batch, outcome) = returned.expect("a unit returns what was lent");
    metrics.unit_ended(name, granted.elapsed());
    match outcome {
        Outcome::Done(answer, after) => match complete_unit(&mut batch.txn, is_first).await {
            Ok(()) => {
                waiting.answers.push(answer);
                waiting.after.extend(after);
                Ok(batch)
            }
            Err(error) => {
                // First, so that whoever hears of the failure finds nothing that still waits for the commit.
                drop(after);
                let undone = give_up_unit(batch, newest, lease, is_first).await;
                // Whoever asked may be gone.
                let _ = answer.send(Err(error));
                undone
            }
        },
        Outcome::Abandoned => give_up_unit(batch, newest, lease, is_first).await,
    }
}

/// Undoes what a unit did. An error ends the whole batch.
async fn give_up_unit(
    mut batch: Box<Batch>,
    newest: Option<Position>,
    lease: Lease,
    is_first: bool,
) -> Result<Box<Batch>, (Box<Batch>, StorageError)> {
    let failed = batch.txn.failed.take();
    if !batch.txn.wrote && failed.is_none() {
        return Ok(batch);
    }
    batch.allocator.forget();
    batch.allocator.newest = newest;
    match roll_back_unit(&mut batch.txn, lease, is_first).await {
        Ok(()) => Ok(batch),
        // The engine had already rolled everything back: its own reason says more.
        Err(error) => Err((batch, failed.unwrap_or(error))),
    }
}

async fn begin(txn: &mut ReadTxn, lease: Lease) -> Result<(), StorageError> {
    txn.write(dialect::BEGIN, args![]).await?;
    lease.check(txn).await
}

/// Runs what waits. The savepoint is released here, and not before the next unit, whose first statements may be cut off
/// after the release when nobody waits for them any more: then there would be nothing to go back to.
async fn complete_unit(txn: &mut ReadTxn, is_first: bool) -> Result<(), StorageError> {
    if !is_first {
        txn.write(dialect::RELEASE_SAVEPOINT, args![]).await?;
    }
    txn.flush().await
}

async fn roll_back_unit(txn: &mut ReadTxn, lease: Lease, is_first: bool) -> Result<(), StorageError> {
    if txn.forget_unit() {
        return Ok(());
    }
    if !is_first {
        return txn.conn.run("ROLLBACK TO SAVEPOINT unit; RELEASE SAVEPOINT unit").await;
    }
    txn.conn.run("ROLLBACK").await?;
    begin(txn, lease).await
}
