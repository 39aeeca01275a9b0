//! What the store counts. Names that Synapse's operators know stand for what they stand for there.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Seconds: from a snapshot that is there at once to a request that its client has given up.
const SECONDS: [f64; 12] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// A batch has sixty units at most.
const UNITS: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0];

type ByUnit<M> = Family<[(&'static str, &'static str); 1], M>;

/// The numbers of one store. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub(crate) struct StorageMetrics {
    schedule_seconds: Histogram,
    unit_count: ByUnit<Counter>,
    unit_seconds: ByUnit<Counter<f64, AtomicU64>>,
    commit_seconds: Histogram,
    batch_units: Histogram,
    failed_batches: Counter,
    journeys: Counter,
}

impl Default for StorageMetrics {
    fn default() -> Self {
        Self {
            schedule_seconds: Histogram::new(SECONDS),
            unit_count: Family::default(),
            unit_seconds: Family::default(),
            commit_seconds: Histogram::new(SECONDS),
            batch_units: Histogram::new(UNITS),
            failed_batches: Counter::default(),
            journeys: Counter::default(),
        }
    }
}

impl StorageMetrics {
    /// A snapshot or a unit of work began, after this wait.
    pub(crate) fn begun(&self, waited: Duration) {
        self.schedule_seconds.observe(waited.as_secs_f64());
    }

    /// A unit gave the writer back.
    pub(crate) fn unit_ended(&self, name: &'static str, held: Duration) {
        let labels = [("desc", name)];
        self.unit_count.get_or_create(&labels).inc();
        self.unit_seconds.get_or_create(&labels).inc_by(held.as_secs_f64());
    }

    /// A batch of units is on disk, after a commit that took so long.
    pub(crate) fn committed(&self, units: usize, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.batch_units.observe(units as f64);
    }

    /// A batch was not stored.
    pub(crate) fn failed(&self) {
        self.failed_batches.inc();
    }

    /// Counts how often an engine is asked something.
    pub(crate) fn journeys(&self) -> &Counter {
        &self.journeys
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "synapse_storage_schedule_time",
            "Seconds until a snapshot or a unit of work could begin",
            self.schedule_seconds.clone(),
        );
        registry.register(
            "synapse_storage_transaction_time_count",
            "Units of work that had the writer",
            self.unit_count.clone(),
        );
        registry.register(
            "synapse_storage_transaction_time_sum",
            "Seconds for which units of work had the writer",
            self.unit_seconds.clone(),
        );
        registry.register(
            "myelin_storage_commit_seconds",
            "Duration of the commit of a batch, with its flush to disk",
            self.commit_seconds.clone(),
        );
        registry.register(
            "myelin_storage_batch_units",
            "Units of work that shared a commit",
            self.batch_units.clone(),
        );
        registry.register(
            "myelin_storage_failed_batches",
            "Batches of units that were not stored",
            self.failed_batches.clone(),
        );
        registry.register(
            "myelin_storage_journeys",
            "Times that the database was asked something: the cost of a small request",
            self.journeys.clone(),
        );
    }
}
