//! Filters that clients upload once and then name
//! (<https://spec.matrix.org/v1.19/client-server-api/#filtering>).

use myelin_storage::{StorageError, Store, filters};
use ruma::{UserId, api::client::filter::FilterDefinition};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Bytes of a filter at most.
pub const MAX_FILTER_BYTES: usize = 64 * 1024;

/// Filters of a user at most; then the oldest goes, and a client that names it is told to upload it again.
const MAX_FILTERS: u32 = 1_000;

/// Why a filter is not taken.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// It is not what the specification calls a filter.
    #[error("not a filter: {0}")]
    Malformed(String),
    /// It is longer than [`MAX_FILTER_BYTES`].
    #[error("a filter may have {MAX_FILTER_BYTES} bytes")]
    TooLarge,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// The filters of this server's users. Cheap to clone.
#[derive(Clone)]
pub struct Filters {
    store: Store,
}

impl Filters {
    /// The filters in a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Keeps a filter and says its id. The same filter has the same id, however its fields are ordered.
    ///
    /// # Errors
    /// [`FilterError`] if it is none, or too large.
    pub async fn create(&self, user_id: &UserId, filter: Map<String, Value>) -> Result<String, FilterError> {
        // Fields that nobody here knows are kept: they may mean something to the client.
        let filter = Value::Object(filter);
        let content = filter.to_string();
        if content.len() > MAX_FILTER_BYTES {
            return Err(FilterError::TooLarge);
        }
        serde_json::from_value::<FilterDefinition>(filter)
            .map_err(|error| FilterError::Malformed(error.to_string()))?;
        let digest = Sha256::digest(content.as_bytes());
        let mut txn = self.store.write("filters::create").await?;
        let filter_id = filters::insert(&mut txn, user_id, &digest, &content, MAX_FILTERS).await?;
        txn.commit().await?;
        Ok(filter_id.to_string())
    }

    /// The text of a filter, a JSON object.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn find(&self, user_id: &UserId, filter_id: &str) -> Result<Option<String>, StorageError> {
        let Ok(filter_id) = filter_id.parse() else { return Ok(None) };
        filters::find(&mut self.store.read().await?, user_id, filter_id).await
    }
}
