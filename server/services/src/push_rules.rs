//! The push rules of users (<https://spec.matrix.org/v1.19/client-server-api/#push-rules-api>): kept as one document
//! a user, and in memory for those whom events of the moment concern.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use myelin_core::push_rules::{DefaultRules, Features, Placement, RuleError, RuleKind, Ruleset, UserRules};
use myelin_storage::{Position, ReadTxn, StorageError, Store, push_rules};
use quick_cache::sync::Cache;
use ruma::{OwnedUserId, UserId};
use serde_json::{Value, json};

use crate::{cache::CacheSize, notify::Notifier};

/// Users whose rules are kept in memory at most.
const MAX_CACHED: usize = 20_000;

/// Users whose rules are read with one statement at most.
const PAGE: usize = 1_000;

/// Bytes of a rule's id at most.
pub const MAX_RULE_ID_BYTES: usize = 255;

/// Why push rules are not changed.
#[derive(Debug, thiserror::Error)]
pub enum PushRulesError {
    /// The change is not one.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The rule's id is too long.
    #[error("a rule_id may have {MAX_RULE_ID_BYTES} bytes")]
    RuleIdTooLong,
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// A change of a user's rules.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Adds or replaces a rule, from the body of the request.
    Put { body: &'a Value, placement: Placement<'a> },
    /// Removes a rule, or what was changed of a default one.
    Delete,
    /// Enables or disables a rule.
    SetEnabled(bool),
    /// Gives a rule other actions, a JSON list.
    SetActions(&'a Value),
}

/// The rules of one user; nothing for who never changed any.
pub type RulesOfUser = Option<Arc<UserRules>>;

/// The push rules of this server's users. Cheap to clone.
#[derive(Clone)]
pub struct PushRules(Arc<Shared>);

struct Shared {
    store: Store,
    notifier: Notifier,
    defaults: DefaultRules,
    cache: Cache<OwnedUserId, RulesOfUser>,
    /// Counts changes, so that a look-up that began before one does not put the old rules into the cache.
    changes: AtomicU64,
}

impl PushRules {
    /// The push rules in a store.
    pub fn new(store: Store, notifier: Notifier) -> Self {
        Self(Arc::new(Shared {
            store,
            notifier,
            defaults: DefaultRules::new(Features::default()),
            cache: Cache::new(MAX_CACHED),
            changes: AtomicU64::new(0),
        }))
    }

    /// Forgets what is cached of a user whose rules were removed.
    pub fn forget(&self, user_id: &UserId) {
        self.0.changes.fetch_add(1, Ordering::AcqRel);
        self.0.cache.remove(user_id);
    }

    /// How much is remembered.
    pub(crate) fn cache_size(&self) -> CacheSize {
        CacheSize::of("push_rules", self.0.cache.len())
    }

    /// The rules that everybody has.
    pub fn defaults(&self) -> &DefaultRules {
        &self.0.defaults
    }

    /// All rules of a user: the answer of `GET /pushrules/`, and the content of `m.push_rules`.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn content(&self, txn: &mut ReadTxn, user_id: &UserId) -> Result<Value, StorageError> {
        let (rules, _) = read(txn, user_id).await?;
        Ok(json!({ "global": self.ruleset(&rules, user_id).to_json() }))
    }

    /// The content of `m.push_rules` if it changed after the position, for sync.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn content_changed_after(
        &self,
        txn: &mut ReadTxn,
        user_id: &UserId,
        after: Position,
    ) -> Result<Option<Value>, StorageError> {
        let (rules, position) = read(txn, user_id).await?;
        let changed = position.is_some_and(|position| position > after);
        Ok(changed.then(|| json!({ "global": self.ruleset(&rules, user_id).to_json() })))
    }

    /// All rules of a user as they are now.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn list(&self, user_id: &UserId) -> Result<Value, StorageError> {
        self.content(&mut self.0.store.read().await?, user_id).await
    }

    /// One rule of a user.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn find(
        &self,
        user_id: &UserId,
        kind: RuleKind,
        rule_id: &str,
    ) -> Result<Option<Value>, StorageError> {
        let (rules, _) = read(&mut self.0.store.read().await?, user_id).await?;
        Ok(self.ruleset(&rules, user_id).find(kind, rule_id))
    }

    /// Changes the rules of a user, and tells the user's clients.
    ///
    /// # Errors
    /// [`PushRulesError`] says why the change is refused.
    pub async fn change(
        &self,
        user_id: &UserId,
        kind: RuleKind,
        rule_id: &str,
        change: Change<'_>,
    ) -> Result<(), PushRulesError> {
        if rule_id.len() > MAX_RULE_ID_BYTES {
            return Err(PushRulesError::RuleIdTooLong);
        }
        let mut txn = self.0.store.write("push_rules::change").await?;
        let (mut rules, _) = read(&mut txn, user_id).await?;
        match change {
            Change::Put { body, placement } => rules.put(kind, rule_id, body, placement)?,
            Change::Delete => rules.delete(kind, rule_id)?,
            Change::SetEnabled(enabled) => rules.set_enabled(&self.0.defaults, kind, rule_id, enabled)?,
            Change::SetActions(actions) => rules.set_actions(&self.0.defaults, kind, rule_id, actions)?,
        }
        let document = serde_json::to_string(&rules)
            .map_err(|error| StorageError::Inconsistent(format!("push rules cannot be written: {error}")))?;
        let position = txn.next_position().await?;
        push_rules::put(&mut txn, user_id, &document, position).await?;
        let (shared, owner) = (Arc::clone(&self.0), user_id.to_owned());
        txn.after_commit(move || {
            shared.changes.fetch_add(1, Ordering::AcqRel);
            shared.cache.remove(&owner);
        });
        self.0.notifier.wake_user_after(&mut txn, user_id, position);
        txn.commit().await?;
        Ok(())
    }

    /// The rules of many users, in their order: from memory, and from the database what is not there.
    ///
    /// # Errors
    /// [`StorageError`] if the database failed.
    pub async fn list_of_users(&self, users: &[&UserId]) -> Result<Vec<RulesOfUser>, StorageError> {
        let cached: Vec<Option<RulesOfUser>> =
            users.iter().map(|user_id| self.0.cache.get(*user_id)).collect();
        if cached.iter().all(Option::is_some) {
            return Ok(cached.into_iter().flatten().collect());
        }
        let missing: Vec<&UserId> = users
            .iter()
            .zip(&cached)
            .filter(|(_, cached)| cached.is_none())
            .map(|(user_id, _)| *user_id)
            .collect();
        let mut loaded = self.load(&missing).await?.into_iter();
        Ok(cached.into_iter().map(|cached| cached.or_else(|| loaded.next()).flatten()).collect())
    }

    async fn load(&self, users: &[&UserId]) -> Result<Vec<RulesOfUser>, StorageError> {
        let changes = self.0.changes.load(Ordering::Acquire);
        let mut txn = self.0.store.read().await?;
        let mut found = Vec::with_capacity(users.len());
        for page in users.chunks(PAGE) {
            let stored: HashMap<OwnedUserId, String> =
                push_rules::list(&mut txn, page).await?.into_iter().collect();
            for user_id in page {
                let rules = stored.get(*user_id).map(|rules| parse(rules)).transpose()?.map(Arc::new);
                self.0.cache.insert((*user_id).to_owned(), rules.clone());
                found.push(rules);
            }
        }
        if self.0.changes.load(Ordering::Acquire) != changes {
            for user_id in users {
                self.0.cache.remove(*user_id);
            }
        }
        Ok(found)
    }

    fn ruleset<'a>(&'a self, user_rules: &'a UserRules, user_id: &'a UserId) -> Ruleset<'a> {
        Ruleset { defaults: &self.0.defaults, user_rules, user_id: user_id.as_str() }
    }
}

async fn read(txn: &mut ReadTxn, user_id: &UserId) -> Result<(UserRules, Option<Position>), StorageError> {
    match push_rules::find(txn, user_id).await? {
        Some((rules, position)) => Ok((parse(&rules)?, Some(position))),
        None => Ok((UserRules::default(), None)),
    }
}

fn parse(rules: &str) -> Result<UserRules, StorageError> {
    serde_json::from_str(rules)
        .map_err(|error| StorageError::Inconsistent(format!("stored push rules cannot be read: {error}")))
}
