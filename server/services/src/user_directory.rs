//! Finding users by what they are called: <https://spec.matrix.org/v1.19/client-server-api/#user-directory>.
//!
//! The words are kept with the profiles, in the unit that changes them; who may find whom is decided by the memberships
//! of the moment. So there is nothing that could be behind.

use std::sync::Arc;

use myelin_config::{RateLimit, UserDirectoryConfig};
pub use myelin_storage::user_directory::FoundUser;
use myelin_storage::{
    StorageError, Store,
    user_directory::{self, UserQuery},
    words,
};
use ruma::OwnedUserId;

use crate::{
    clock::Clock,
    ratelimit::{LimitExceeded, RateLimiter},
    session::Requester,
};

/// Users found at most, as in Synapse.
const MAX_FOUND: u32 = 50;

/// Words that are looked for at most; the others are left out, as in Synapse.
const MAX_WORDS: usize = 10;

/// Finds users. Cheap to clone.
#[derive(Clone)]
pub struct UserDirectory {
    store: Store,
    limit: Arc<RateLimiter<OwnedUserId>>,
    settings: Arc<UserDirectoryConfig>,
}

/// Who was found.
#[derive(Debug, Default)]
pub struct FoundUsers {
    /// Best first.
    pub users: Vec<FoundUser>,
    /// Whether there are more.
    pub is_limited: bool,
}

/// Why nobody is looked for.
#[derive(Debug, thiserror::Error)]
pub enum UserDirectoryError {
    /// Guests are not shown who is here.
    #[error("Guest access not allowed")]
    Guest,
    /// Too many searches.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

impl UserDirectory {
    /// What finds users in a store.
    pub fn new(store: Store, clock: Clock, limit: RateLimit, settings: UserDirectoryConfig) -> Self {
        Self { store, limit: Arc::new(RateLimiter::new(limit, clock)), settings: Arc::new(settings) }
    }

    /// The users whose names have words that begin with those of `term`, as far as the searcher may know of them:
    /// who shares a room with them, or is in a room that is open to everybody.
    ///
    /// # Errors
    /// [`UserDirectoryError`].
    pub async fn search(
        &self,
        searcher: &Requester,
        term: &str,
        limit: u64,
    ) -> Result<FoundUsers, UserDirectoryError> {
        if searcher.is_guest {
            return Err(UserDirectoryError::Guest);
        }
        let settings = &self.settings;
        if !settings.enabled {
            return Ok(FoundUsers::default());
        }
        self.limit.record(searcher.user_id.clone())?;
        let limit = u32::try_from(limit).unwrap_or(MAX_FOUND).min(MAX_FOUND);
        let query = UserQuery {
            searcher: &searcher.user_id,
            words: &words::distinct(term, MAX_WORDS),
            everybody: settings.search_all_users,
            only_local: settings.exclude_remote_users,
            local_first: settings.prefer_local_users,
            with_locked: settings.show_locked_users,
            // One more than wanted shows whether there are more.
            limit: limit + 1,
        };
        let mut txn = self.store.read().await?;
        let mut users = user_directory::search(&mut txn, query).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_limited = users.len() > wanted;
        users.truncate(wanted);
        Ok(FoundUsers { users, is_limited })
    }
}
