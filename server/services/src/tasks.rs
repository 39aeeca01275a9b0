//! Work that goes on after its request: tracked, so that a stop waits for it, and told when the server stops.

use std::{
    future::Future,
    io,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The tracked spawner. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    failed: Arc<AtomicU64>,
}

impl Tasks {
    /// A spawner whose work is told of a stop by `stop`.
    pub fn new(stop: CancellationToken) -> Self {
        Self { stop, ..Self::default() }
    }

    /// Runs work to its end, whatever happens to the request that began it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let failed = Arc::clone(&self.failed);
        self.tracker.spawn(async move {
            // Nobody waits for the result, so this is where a panic stops being passed on.
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!("a task panicked");
            }
        });
    }

    /// How many tasks ended by a panic.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Runs work to its end, whatever happens to the request that began it, and gives what came of it.
    ///
    /// # Errors
    /// If the work panicked.
    pub async fn complete<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<T> {
        Ok(self.tracker.spawn(work).await?)
    }

    /// Returns when the server begins to stop: whoever waits for something ends its wait then.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the server has begun to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits for all work that was begun.
    pub async fn finish(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn task_that_panics_is_counted_and_waited_for() {
        let tasks = Tasks::default();
        tasks.spawn(async { panic!("for the test") });
        tasks.spawn(async {});
        tasks.finish().await;
        assert_eq!(tasks.failed(), 1);
    }
}
