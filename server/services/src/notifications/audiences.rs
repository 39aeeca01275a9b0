//! Sets of users in memory.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use myelin_storage::{
    AudienceNid, ReadTxn, StorageError,
    notifications::{self, Digest, Members},
};
use quick_cache::{Weighter, sync::Cache};
use ruma::UserId;

use crate::cache::CacheSize;

/// Sets of users in memory at most, and what they may take together.
const MAX_AUDIENCES: usize = 10_000;
const MAX_AUDIENCES_BYTES: u64 = 16 * 1024 * 1024;

/// Sets that one statement reads.
const PIECE: usize = 100;

/// A number may be given out again, and one set may be whole in a room and a difference in another.
type Key = (AudienceNid, Digest);

/// Says who is in which set. Cheap to clone.
#[derive(Clone)]
pub(super) struct Audiences(Arc<Cache<Key, Arc<Members>, OfBytes>>);

#[derive(Clone)]
struct OfBytes;

impl Weighter<Key, Arc<Members>> for OfBytes {
    fn weight(&self, _: &Key, members: &Arc<Members>) -> u64 {
        let bytes = |users: &[Box<str>]| users.iter().map(|user_id| 24 + user_id.len() as u64).sum::<u64>();
        64 + match &**members {
            Members::Whole(members) => bytes(members),
            Members::Difference { added, removed, .. } => bytes(added) + bytes(removed),
        }
    }
}

/// The sets that an answer needs.
type Known = HashMap<Key, Arc<Members>>;

impl Audiences {
    pub(super) fn new() -> Self {
        Self(Arc::new(Cache::with_weighter(MAX_AUDIENCES, MAX_AUDIENCES_BYTES, OfBytes)))
    }

    /// How much is remembered.
    pub(super) fn cache_size(&self) -> CacheSize {
        CacheSize { bytes: Some(self.0.weight()), ..CacheSize::of("push_audiences", self.0.len()) }
    }

    /// Those of the sets that the user is in.
    pub(super) async fn which_include(
        &self,
        txn: &mut ReadTxn,
        user_id: &UserId,
        audiences: &[Key],
    ) -> Result<HashSet<AudienceNid>, StorageError> {
        let mut known = Known::new();
        self.load(txn, audiences, &mut known).await?;
        self.load(txn, &bases(audiences, &known, user_id), &mut known).await?;
        // One that was pruned and came again may be stored in another way than it is remembered.
        let stale = without_base(audiences, &known, user_id);
        if !stale.is_empty() {
            self.read(txn, &stale, &mut known).await?;
            self.read(txn, &bases(&stale, &known, user_id), &mut known).await?;
        }
        if let Some((nid, _)) = without_base(&stale, &known, user_id).first() {
            return Err(StorageError::Inconsistent(format!(
                "the base of the set of users {nid:?} is missing"
            )));
        }
        let includes = |audience: &&Key| includes(&known, **audience, user_id);
        Ok(audiences.iter().filter(includes).map(|(nid, _)| *nid).collect())
    }

    /// Finds the sets in memory, or reads them.
    async fn load(
        &self,
        txn: &mut ReadTxn,
        audiences: &[Key],
        known: &mut Known,
    ) -> Result<(), StorageError> {
        let mut missing: HashSet<Key> = HashSet::new();
        for audience in audiences {
            if let Some(members) = self.0.get(audience) {
                known.insert(*audience, members);
            } else {
                missing.insert(*audience);
            }
        }
        self.read(txn, &Vec::from_iter(missing), known).await
    }

    async fn read(
        &self,
        txn: &mut ReadTxn,
        audiences: &[Key],
        known: &mut Known,
    ) -> Result<(), StorageError> {
        for page in audiences.chunks(PIECE) {
            let nids: Vec<AudienceNid> = page.iter().map(|(nid, _)| *nid).collect();
            for audience in notifications::list_audiences(txn, &nids).await? {
                let members = Arc::new(audience.members);
                self.0.insert((audience.nid, audience.digest), Arc::clone(&members));
                known.insert((audience.nid, audience.digest), members);
            }
        }
        Ok(())
    }
}

/// The bases of those sets whose difference does not tell of the user.
fn bases(audiences: &[Key], known: &Known, user_id: &UserId) -> Vec<Key> {
    audiences.iter().filter_map(|audience| base_if_undecided(known.get(audience)?, user_id)).collect()
}

/// Those of the sets that a base decides about which is not known.
fn without_base(audiences: &[Key], known: &Known, user_id: &UserId) -> Vec<Key> {
    let has_base = |audience: &Key| {
        let base = known.get(audience).and_then(|members| base_if_undecided(members, user_id));
        base.is_none_or(|base| matches!(known.get(&base).map(AsRef::as_ref), Some(Members::Whole(_))))
    };
    audiences.iter().copied().filter(|audience| !has_base(audience)).collect()
}

/// The base that decides about a user.
fn base_if_undecided(members: &Members, user_id: &UserId) -> Option<Key> {
    match members {
        Members::Whole(_) => None,
        Members::Difference { base, base_digest, added, removed } => {
            let is_told = contains(added, user_id) || contains(removed, user_id);
            (!is_told).then_some((*base, *base_digest))
        }
    }
}

fn includes(known: &Known, audience: Key, user_id: &UserId) -> bool {
    match known.get(&audience).map(AsRef::as_ref) {
        None => false,
        Some(Members::Whole(members)) => contains(members, user_id),
        Some(Members::Difference { base, base_digest, added, removed }) => {
            contains(added, user_id)
                || !contains(removed, user_id) && in_base(known, (*base, *base_digest), user_id)
        }
    }
}

fn in_base(known: &Known, base: Key, user_id: &UserId) -> bool {
    matches!(known.get(&base).map(AsRef::as_ref), Some(Members::Whole(members)) if contains(members, user_id))
}

/// Whether a user is among sorted ones.
fn contains(members: &[Box<str>], user_id: &UserId) -> bool {
    members.binary_search_by(|member| (**member).cmp(user_id.as_str())).is_ok()
}
