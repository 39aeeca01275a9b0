//! Sets of users in memory.

use std::{collections::HashMap, sync::Arc};

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

/// Says who is in which set. Cheap to clone.
#[derive(Clone)]
pub(super) struct Audiences(Arc<Cache<Digest, Arc<Members>, OfBytes>>);

#[derive(Clone)]
struct OfBytes;

impl Weighter<Digest, Arc<Members>> for OfBytes {
    fn weight(&self, _: &Digest, members: &Arc<Members>) -> u64 {
        let bytes = |users: &[Box<str>]| users.iter().map(|user_id| 24 + user_id.len() as u64).sum::<u64>();
        64 + match &**members {
            Members::Whole(members) => bytes(members),
            Members::Difference { added, removed, .. } => bytes(added) + bytes(removed),
        }
    }
}

/// Sets by what they are known by: a number may be given out again.
type Known = HashMap<Digest, Arc<Members>>;

impl Audiences {
    pub(super) fn new() -> Self {
        Self(Arc::new(Cache::with_weighter(MAX_AUDIENCES, MAX_AUDIENCES_BYTES, OfBytes)))
    }

    /// How much is remembered.
    pub(super) fn cache_size(&self) -> CacheSize {
        CacheSize { bytes: Some(self.0.weight()), ..CacheSize::of("push_audiences", self.0.len()) }
    }

    /// In which of those sets the user is.
    pub(super) async fn which_include(
        &self,
        txn: &mut ReadTxn,
        user_id: &UserId,
        audiences: &[(AudienceNid, Digest)],
    ) -> Result<HashMap<Digest, bool>, StorageError> {
        let mut known = Known::new();
        self.load(txn, audiences, &mut known).await?;
        // The same set may be stored by another base than when it was remembered, and its old one be gone.
        let mut stale = self.load_bases(txn, user_id, audiences, &mut known).await?;
        if !stale.is_empty() {
            for (_, digest) in &stale {
                self.0.remove(digest);
                known.remove(digest);
            }
            self.load(txn, &stale, &mut known).await?;
            stale = self.load_bases(txn, user_id, &stale, &mut known).await?;
        }
        if let Some((nid, _)) = stale.first() {
            return Err(StorageError::Inconsistent(format!(
                "the base of the set of users {nid:?} is missing"
            )));
        }
        Ok(audiences.iter().map(|(_, digest)| (*digest, includes(&known, digest, user_id))).collect())
    }

    /// Finds the sets in memory, or reads them.
    async fn load(
        &self,
        txn: &mut ReadTxn,
        audiences: &[(AudienceNid, Digest)],
        known: &mut Known,
    ) -> Result<(), StorageError> {
        let mut missing: HashMap<AudienceNid, Digest> = HashMap::new();
        for (nid, digest) in audiences {
            if let Some(members) = self.0.get(digest) {
                known.insert(*digest, members);
            } else {
                missing.insert(*nid, *digest);
            }
        }
        let nids: Vec<AudienceNid> = missing.keys().copied().collect();
        for page in nids.chunks(PIECE) {
            for audience in notifications::list_audiences(txn, page).await? {
                if missing.get(&audience.nid) == Some(&audience.digest) {
                    let members = Arc::new(audience.members);
                    self.0.insert(audience.digest, Arc::clone(&members));
                    known.insert(audience.digest, members);
                }
            }
        }
        Ok(())
    }

    /// Loads the bases of those sets whose difference does not tell of the user. Gives those whose base is not there.
    async fn load_bases(
        &self,
        txn: &mut ReadTxn,
        user_id: &UserId,
        audiences: &[(AudienceNid, Digest)],
        known: &mut Known,
    ) -> Result<Vec<(AudienceNid, Digest)>, StorageError> {
        let undecided: Vec<_> = audiences
            .iter()
            .filter_map(|audience| Some((*audience, base_if_undecided(known.get(&audience.1)?, user_id)?)))
            .collect();
        let bases: Vec<_> = undecided.iter().map(|(_, base)| *base).collect();
        self.load(txn, &bases, known).await?;
        let is_there =
            |digest: &Digest| matches!(known.get(digest).map(AsRef::as_ref), Some(Members::Whole(_)));
        let stale = undecided.into_iter().filter(|(_, (_, base))| !is_there(base));
        Ok(stale.map(|(audience, _)| audience).collect())
    }
}

/// The base that decides about a user.
fn base_if_undecided(members: &Members, user_id: &UserId) -> Option<(AudienceNid, Digest)> {
    match members {
        Members::Whole(_) => None,
        Members::Difference { base, base_digest, added, removed } => {
            let is_told = contains(added, user_id) || contains(removed, user_id);
            (!is_told).then_some((*base, *base_digest))
        }
    }
}

fn includes(known: &Known, digest: &Digest, user_id: &UserId) -> bool {
    match known.get(digest).map(AsRef::as_ref) {
        None => false,
        Some(Members::Whole(members)) => contains(members, user_id),
        Some(Members::Difference { base_digest, added, removed, .. }) => {
            contains(added, user_id) || !contains(removed, user_id) && in_base(known, base_digest, user_id)
        }
    }
}

fn in_base(known: &Known, digest: &Digest, user_id: &UserId) -> bool {
    matches!(known.get(digest).map(AsRef::as_ref), Some(Members::Whole(members)) if contains(members, user_id))
}

/// Whether a user is among sorted ones.
fn contains(members: &[Box<str>], user_id: &UserId) -> bool {
    members.binary_search_by(|member| (**member).cmp(user_id.as_str())).is_ok()
}
