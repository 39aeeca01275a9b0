//! Work that goes on after its request: tracked, so that a stop waits for it, and told when the server stops.

use std::{future::Future, io};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The tracked spawner. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// A spawner whose work is told of a stop by `stop`.
    pub fn new(stop: CancellationToken) -> Self {
        Self { tracker: TaskTracker::new(), stop }
    }

    /// Runs work to its end, whatever happens to the request that began it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(work);
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
