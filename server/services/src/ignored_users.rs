//! Who wants to see nothing of whom: <https://spec.matrix.org/v1.19/client-server-api/#ignoring-users>.
//!
//! Messages of an ignored user are not shown, whoever asks for them, and notify nobody who ignores their sender; state
//! is shown. An invite of an ignored user is not told. Receipts, typing and presence are told, as in Synapse.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use myelin_core::Event;
use myelin_storage::{ReadTxn, StorageError, Store, WriteTxn, ignored_users};
use quick_cache::sync::Cache;
use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, de::IgnoredAny};

/// The type of account data that says it.
pub const IGNORED_USERS: &str = "m.ignored_user_list";

/// Senders of whom it is remembered who ignores them, at most.
const MAX_CACHED: usize = 20_000;

/// Whom somebody ignores. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Ignored(Arc<HashSet<OwnedUserId>>);

impl Ignored {
    /// Whom a user ignores.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn of(txn: &mut ReadTxn, user_id: &UserId) -> Result<Self, StorageError> {
        Ok(Self(Arc::new(ignored_users::list(txn, user_id).await?.into_iter().collect())))
    }

    /// Whether it is one of them.
    pub fn contains(&self, user_id: &str) -> bool {
        !self.0.is_empty() && <&UserId>::try_from(user_id).is_ok_and(|user_id| self.0.contains(user_id))
    }

    /// Whether an event is not shown for its sender's sake.
    pub fn hides(&self, event: &Event) -> bool {
        event.state_key().is_none() && self.contains(event.sender())
    }

    /// Whether nobody is ignored.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &UserId> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// Who ignores a sender, in the order of their ids.
type Ignoring = Arc<[OwnedUserId]>;

/// Keeps who ignores whom. Cheap to clone.
#[derive(Clone)]
pub struct IgnoredUsers(Arc<Shared>);

struct Shared {
    store: Store,
    cache: Cache<OwnedUserId, Ignoring>,
    /// Counts changes, so that a look-up that began before one does not put what was into the cache.
    changes: AtomicU64,
}

impl IgnoredUsers {
    /// What the users of a store ignore.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Shared { store, cache: Cache::new(MAX_CACHED), changes: AtomicU64::new(0) }))
    }

    /// Who ignores a sender, in the order of their ids.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub(crate) async fn list_ignoring(&self, sender: &UserId) -> Result<Arc<[OwnedUserId]>, StorageError> {
        if let Some(ignoring) = self.0.cache.get(sender) {
            return Ok(ignoring);
        }
        let changes = self.0.changes.load(Ordering::Acquire);
        let mut txn = self.0.store.read().await?;
        let ignoring: Ignoring = ignored_users::list_ignoring(&mut txn, sender).await?.into();
        self.0.cache.insert(sender.to_owned(), Arc::clone(&ignoring));
        if self.0.changes.load(Ordering::Acquire) != changes {
            self.0.cache.remove(sender);
        }
        Ok(ignoring)
    }

    /// Stores whom the content of a user's account data ignores. It is remembered from the commit on.
    pub(crate) async fn store(
        &self,
        txn: &mut WriteTxn,
        user_id: &UserId,
        content: &str,
    ) -> Result<(), StorageError> {
        let before = ignored_users::list(txn, user_id).await?;
        let ignored = ignored_in(content, user_id);
        ignored_users::put(txn, user_id, &ignored).await?;
        let shared = Arc::clone(&self.0);
        txn.after_commit(move || {
            shared.changes.fetch_add(1, Ordering::AcqRel);
            for sender in before.iter().chain(&ignored) {
                shared.cache.remove(sender);
            }
        });
        Ok(())
    }
}

/// Clients write this content, so that anything may be in it: what is no user's id ignores nobody. Nobody ignores
/// oneself.
fn ignored_in(content: &str, user_id: &UserId) -> Vec<OwnedUserId> {
    #[derive(Deserialize)]
    struct Content {
        ignored_users: HashMap<String, IgnoredAny>,
    }
    let Ok(content) = serde_json::from_str::<Content>(content) else { return Vec::new() };
    let parsed = content.ignored_users.into_keys().filter_map(|ignored| UserId::parse(ignored).ok());
    parsed.filter(|ignored| ignored != user_id).collect()
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn what_is_no_list_of_users_ignores_nobody() {
        let me = user_id!("@me:b");
        assert_eq!(ignored_in(r#"{"ignored_users":{"@a:b":{},"no user":{},"@me:b":{}}}"#, me).len(), 1);
        for content in ["{}", r#"{"ignored_users":[]}"#, r#"{"ignored_users":null}"#] {
            assert!(ignored_in(content, me).is_empty(), "{content}");
        }
    }
}
