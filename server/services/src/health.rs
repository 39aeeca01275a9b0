//! Whether the server can do its work: whether its database answers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use myelin_storage::{StorageError, Store};
use tokio::sync::Mutex;

/// A database that has not answered a small question by then is of no use to clients either.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long an answer stands, so that whoever asks without end does not keep the database busy.
const STANDS: Duration = Duration::from_secs(1);

/// Asks the database. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    store: Store,
    newest: Arc<Mutex<Option<Answer>>>,
}

struct Answer {
    at: Instant,
    result: Result<(), HealthError>,
}

/// Why the server cannot do its work.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HealthError {
    #[error("the database has not answered for {} seconds", PATIENCE.as_secs())]
    TooSlow,
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Health {
    /// The health of a server with this database.
    pub fn new(store: Store) -> Self {
        Self { store, newest: Arc::default() }
    }

    /// Asks a small question of the database, one at a time; the answer may be a second old.
    ///
    /// # Errors
    /// [`HealthError`] if there is no answer in a few seconds.
    pub async fn check(&self) -> Result<(), HealthError> {
        let mut newest = self.newest.lock().await;
        if let Some(answer) = newest.as_ref().filter(|answer| answer.at.elapsed() < STANDS) {
            return answer.result.clone();
        }
        let result = match tokio::time::timeout(PATIENCE, self.store.ping()).await {
            Ok(answer) => answer.map_err(HealthError::from),
            Err(_) => Err(HealthError::TooSlow),
        };
        if let Err(error) = &result {
            tracing::error!(error = %error, "the server is not well");
        }
        *newest = Some(Answer { at: Instant::now(), result: result.clone() });
        result
    }
}
