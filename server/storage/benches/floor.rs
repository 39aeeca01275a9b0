//! What a unit of work and a question cost at least, on the engine that `TEST_ENGINE` names: one statement, alone and
//! with others that come at the same time, with and without waiting for the disk.
//!
//! `cargo bench -p myelin-storage --features testing --bench floor`
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and ends at the first error")]

use std::time::Instant;

use futures_util::future::join_all;
use myelin_storage::{
    EngineOptions, Position, SqliteOptions, StorageError, Store, StoreOptions, stream_cursors,
    testing::TestStore,
};

const UNITS: i64 = 4_096;
const QUESTIONS: usize = 20_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = TestStore::open().await;
        println!("on {:?}", store.engine());
        measure(&store, "without waiting for the disk").await.unwrap();
        store.close().await;
        let EngineOptions::Sqlite(sqlite) = &store.options().engine else { return };
        let engine = EngineOptions::Sqlite(SqliteOptions::new(&sqlite.path));
        let flushed = Store::open(StoreOptions { engine, ..store.options().clone() }).await.unwrap();
        measure(&flushed, "on disk").await.unwrap();
        flushed.close().await;
    });
}

async fn measure(store: &Store, how: &str) -> Result<(), StorageError> {
    for together in [1, 8, 32] {
        let started = Instant::now();
        for first in (0..UNITS).step_by(together) {
            let units = (first..).take(together).map(|number| unit(store, number));
            for stored in join_all(units).await {
                stored?;
            }
        }
        let each = started.elapsed().as_secs_f64() * 1e6 / UNITS as f64;
        println!("{:58} {each:>10.1} us", format!("a unit of one row, {together} together, {how}"));
    }
    let mut txn = store.read().await?;
    let started = Instant::now();
    for _ in 0..QUESTIONS {
        stream_cursors::find(&mut txn, "bench").await?;
    }
    let each = started.elapsed().as_secs_f64() * 1e6 / QUESTIONS as f64;
    println!("{:58} {each:>10.1} us", "a question for one row, in a snapshot");
    Ok(())
}

async fn unit(store: &Store, number: i64) -> Result<Position, StorageError> {
    let mut txn = store.write("bench").await?;
    stream_cursors::set(&mut txn, "bench", Position(number)).await?;
    txn.commit().await
}
