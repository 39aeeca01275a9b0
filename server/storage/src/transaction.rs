use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::oneshot;

use crate::{
    EventNid, Position, StorageError,
    engine::{self, Conn, EngineKind, FromRow, Row, Script, Sql, Step, Value},
    events::texts::EventTexts,
    positions::Allocator,
};

/// A snapshot of the database to read from: everything read through it is of one moment. It ends when it is dropped;
/// hold it for less than 5 seconds.
///
/// A [`WriteTxn`] is one too, so that every function that reads works in both.
pub struct ReadTxn {
    pub(crate) conn: Conn,
    /// Whether a statement that may have changed something ran.
    pub(crate) wrote: bool,
    /// Size of what was bound to writing statements.
    pub(crate) written_bytes: usize,
    /// The first error of a statement. After one, PostgreSQL would make a commit a silent roll-back.
    pub(crate) failed: Option<StorageError>,
    /// What runs before the next statement whose answer is asked for.
    pub(crate) script: Script,
    /// Whether the engine was asked anything in the unit.
    ran: bool,
    /// Counts how often it is asked.
    journeys: Counter,
    /// Packs and unpacks the texts of events.
    pub(crate) texts: Arc<EventTexts>,
}

impl ReadTxn {
    pub(crate) fn new(conn: Conn) -> Self {
        Self::of_store(conn, Counter::default(), Arc::default())
    }

    /// The same with what a store has for all: the count of how often the engine is asked something, and what packs
    /// texts.
    pub(crate) fn of_store(conn: Conn, journeys: Counter, texts: Arc<EventTexts>) -> Self {
        Self {
            conn,
            wrote: false,
            written_bytes: 0,
            failed: None,
            script: Script::default(),
            ran: false,
            journeys,
            texts,
        }
    }

    /// The engine under it.
    pub fn engine(&self) -> EngineKind {
        self.conn.kind()
    }

    /// Notes what a statement may change. This is the one place that refuses what one of the engines cannot store.
    fn note(&mut self, sql: Sql, args: &[Value]) -> Result<(), StorageError> {
        if args.iter().any(Value::holds_zero) {
            return self.note_failure(Err(StorageError::ZeroCharacter { statement: sql.name }));
        }
        if !sql.only_reads() {
            self.wrote = true;
            self.written_bytes += args.iter().map(Value::size_bytes).sum::<usize>();
        }
        Ok(())
    }

    fn note_failure<T>(&mut self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        if let Err(error) = &result {
            self.failed.get_or_insert_with(|| error.clone());
        }
        result
    }

    /// Runs a statement and counts the rows it changed.
    pub(crate) async fn execute(&mut self, sql: Sql, args: Vec<Value>) -> Result<u64, StorageError> {
        self.note(sql, &args)?;
        let result = if self.script.is_empty() {
            self.leave();
            self.conn.execute(sql, args).await
        } else {
            self.script.push(sql, args, None);
            self.run_script().await
        };
        self.note_failure(result)
    }

    /// Runs a statement of which nothing is asked but that it succeeds.
    ///
    /// On SQLite it may wait for the next one, so its failure may be told by another function than the one that asked
    /// for it; at the latest by [`WriteTxn::commit`], which then stores nothing.
    pub(crate) async fn write(&mut self, sql: Sql, args: Vec<Value>) -> Result<(), StorageError> {
        self.write_rows(sql, args, None).await
    }

    /// The same, and it has to change one row.
    pub(crate) async fn write_one(&mut self, sql: Sql, args: Vec<Value>) -> Result<(), StorageError> {
        self.write_rows(sql, args, Some(1)).await
    }

    async fn write_rows(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
        rows: Option<u64>,
    ) -> Result<(), StorageError> {
        if self.engine() == EngineKind::Postgres {
            let changed = self.execute(sql, args).await?;
            return self.note_failure(engine::check_rows(sql, changed, rows));
        }
        self.note(sql, &args)?;
        self.script.push(sql, args, rows);
        if self.script.is_long() { self.flush().await } else { Ok(()) }
    }

    /// What follows is of another unit of work.
    pub(crate) fn begin_unit(&mut self) {
        (self.wrote, self.ran) = (false, false);
        self.script.begin_unit();
    }

    /// Forgets what waits, and says whether that was all of the unit.
    pub(crate) fn forget_unit(&mut self) -> bool {
        self.script.forget_unit();
        !self.ran
    }

    /// Runs the statements that wait, so that a failure of theirs is known before others build on the unit.
    ///
    /// # Errors
    /// What one of them failed with; the unit stores nothing then.
    pub async fn flush(&mut self) -> Result<(), StorageError> {
        if self.script.is_empty() {
            return Ok(());
        }
        let result = self.run_script().await.map(drop);
        self.note_failure(result)
    }

    /// Notes that the engine is asked something.
    fn leave(&mut self) {
        self.ran = true;
        self.journeys.inc();
    }

    /// Runs what waits, and counts the rows that the last statement changed.
    async fn run_script(&mut self) -> Result<u64, StorageError> {
        self.leave();
        let mut steps = self.conn.run_script(std::mem::take(&mut self.script));
        let mut changed = 0;
        while let Some(step) = steps.try_next().await? {
            if let Step::Changed(rows) = step {
                changed = rows;
            }
        }
        Ok(changed)
    }

    /// Runs what waits and the statement, and gives its rows as they come.
    fn fetch(&mut self, sql: Sql, args: Vec<Value>) -> Rows<'_> {
        self.leave();
        if self.script.is_empty() {
            return self.conn.fetch(sql, args);
        }
        self.script.push(sql, args, None);
        let steps = self.conn.run_script(std::mem::take(&mut self.script));
        let row = |step| match step {
            Step::Row(row) => Some(row),
            Step::Changed(_) => None,
        };
        steps.try_filter_map(move |step| std::future::ready(Ok(row(step)))).boxed()
    }

    /// All rows of the answer. The statement bounds their number.
    pub(crate) async fn fetch_all<T: FromRow>(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> Result<Vec<T>, StorageError> {
        self.note(sql, &args)?;
        let result = all(self.fetch(sql, args)).await;
        self.note_failure(result)
    }

    /// The first row of the answer, if there is one.
    pub(crate) async fn fetch_optional<T: FromRow>(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> Result<Option<T>, StorageError> {
        self.note(sql, &args)?;
        let result = first(self.fetch(sql, args)).await;
        self.note_failure(result)
    }

    /// The row of the answer, which must exist.
    pub(crate) async fn fetch_one<T: FromRow>(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> Result<T, StorageError> {
        self.fetch_optional(sql, args).await?.ok_or_else(|| no_row(sql))
    }
}

fn no_row(sql: Sql) -> StorageError {
    StorageError::Inconsistent(format!("{} found no row", sql.name))
}

type Rows<'c> = BoxStream<'c, Result<Row, StorageError>>;

async fn all<T: FromRow>(mut rows: Rows<'_>) -> Result<Vec<T>, StorageError> {
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await? {
        found.push(T::from_row(&row)?);
    }
    Ok(found)
}

async fn first<T: FromRow>(mut rows: Rows<'_>) -> Result<Option<T>, StorageError> {
    rows.try_next().await?.map(|row| T::from_row(&row)).transpose()
}

pub(crate) async fn optional<T: FromRow>(
    conn: &mut Conn,
    sql: Sql,
    args: Vec<Value>,
) -> Result<Option<T>, StorageError> {
    first(conn.fetch(sql, args)).await
}

pub(crate) async fn one<T: FromRow>(conn: &mut Conn, sql: Sql, args: Vec<Value>) -> Result<T, StorageError> {
    optional(conn, sql, args).await?.ok_or_else(|| no_row(sql))
}

/// A unit of work: it writes what it has to, together or not at all.
///
/// Dropped without [`WriteTxn::commit`], it leaves nothing behind. While it lives it holds the only writer: await
/// nothing but the transaction.
pub struct WriteTxn {
    /// Taken when the unit ends.
    lent: Option<Lent>,
}

struct Lent {
    batch: Box<Batch>,
    back: oneshot::Sender<(Box<Batch>, Outcome)>,
    after: AfterCommit,
}

/// What follows from a unit once it is on disk.
pub(crate) type AfterCommit = Vec<Box<dyn FnOnce() + Send>>;

/// The writer's transaction, lent to one unit after the other.
pub(crate) struct Batch {
    pub(crate) txn: ReadTxn,
    pub(crate) allocator: Allocator,
}

/// How a unit ended.
pub(crate) enum Outcome {
    /// It is complete: when it is on disk the actions run, and the sender is told.
    Done(oneshot::Sender<Result<Position, StorageError>>, AfterCommit),
    /// It was dropped.
    Abandoned,
}

/// Why a unit always has its transaction: only `commit` and `drop` take it, and both end the unit.
const HELD: &str = "a unit holds its transaction until it ends";

impl WriteTxn {
    pub(crate) fn new(batch: Box<Batch>, back: oneshot::Sender<(Box<Batch>, Outcome)>) -> Self {
        Self { lent: Some(Lent { batch, back, after: Vec::new() }) }
    }

    fn batch(&mut self) -> &mut Batch {
        &mut self.lent.as_mut().expect(HELD).batch
    }

    /// A new position in the streams, above all positions that were given out before.
    pub async fn next_position(&mut self) -> Result<Position, StorageError> {
        let batch = self.batch();
        batch.allocator.next(&mut batch.txn).await
    }

    /// A new position for an event that was backfilled: below all others, down from -1.
    pub async fn next_backfill_position(&mut self) -> Result<Position, StorageError> {
        let batch = self.batch();
        batch.allocator.next_backfilled(&mut batch.txn).await
    }

    /// A number that no event has.
    pub(crate) async fn next_event_nid(&mut self) -> Result<EventNid, StorageError> {
        let batch = self.batch();
        batch.allocator.event_nids.next(&mut batch.txn).await
    }

    /// Says that the engine gave numbers to events by itself.
    pub(crate) fn forget_event_nids(&mut self) {
        self.batch().allocator.event_nids.forget();
    }

    /// Has something done when the unit is on disk, before [`WriteTxn::commit`] returns; never if it fails.
    ///
    /// It happens even if nobody waits for the commit any more, as when a client goes away: so what must follow from a
    /// write, such as a cache that forgets or a reader that is woken, belongs here. The writer itself does it, so it
    /// must neither wait nor panic.
    pub fn after_commit(&mut self, action: impl FnOnce() + Send + 'static) {
        self.lent.as_mut().expect(HELD).after.push(Box::new(action));
    }

    /// Ends the unit and returns when it is on disk, with the newest committed position.
    pub async fn commit(mut self) -> Result<Position, StorageError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let Some(lent) = self.lent.take() else { return Err(StorageError::Closed) };
        let (answer, stored) = oneshot::channel();
        // The writer always waits for its transaction, unless it is gone and the store with it.
        if lent.back.send((lent.batch, Outcome::Done(answer, lent.after))).is_err() {
            return Err(StorageError::Closed);
        }
        stored.await.unwrap_or(Err(StorageError::Closed))
    }
}

impl Deref for WriteTxn {
    type Target = ReadTxn;

    fn deref(&self) -> &ReadTxn {
        &self.lent.as_ref().expect(HELD).batch.txn
    }
}

impl DerefMut for WriteTxn {
    fn deref_mut(&mut self) -> &mut ReadTxn {
        &mut self.batch().txn
    }
}

impl Drop for WriteTxn {
    fn drop(&mut self) {
        if let Some(lent) = self.lent.take() {
            // Without a writer there is nobody to roll back; the engine does it when the connection goes.
            let _ = lent.back.send((lent.batch, Outcome::Abandoned));
        }
    }
}
