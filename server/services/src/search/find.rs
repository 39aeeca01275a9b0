//! Looking through the blocks of some rooms, the newest first, for events that fit and that the user sees.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap, hash_map::Entry},
};

use myelin_core::Event;
use myelin_storage::{
    Position, ReadTxn, RoomNid, StorageError,
    events::StoredEvent,
    rooms::{self, Room},
    text_search,
};
use ruma::api::client::filter::RoomEventFilter;

use super::{
    SearchedKeys, index,
    query::{Hits, Query},
    text::texts,
};
use crate::{
    event_filter,
    session::Requester,
    timeline::{Access, ReadError, Shown},
};

/// Events read at once.
const PAGE: u32 = 100;

/// Blocks read at once.
const BLOCKS: u32 = 500;

/// Stretches of history kept at most: the newest.
const MAX_STRETCHES: usize = 100_000;

/// Events looked at for an answer at most. What is further back is in the answers that follow.
const MAX_LOOKED_AT: usize = 10_000;

/// Events looked at beyond those that fill an answer, to tell how many there may be in all.
const MAX_COUNTED: usize = 2_000;

/// Fitting events of which the best are taken at most: the newest.
const MAX_RANKED: usize = 500;

/// What is looked for, and where.
pub(super) struct Search<'a> {
    pub(super) requester: &'a Requester,
    pub(super) now_ts: i64,
    pub(super) query: &'a Query,
    pub(super) keys: SearchedKeys,
    pub(super) filter: &'a RoomEventFilter,
    pub(super) rooms: Vec<Room>,
    /// Only what is older is looked at.
    pub(super) before: Position,
    /// How many are wanted.
    pub(super) limit: usize,
    /// The best of the newest, not the newest.
    pub(super) by_rank: bool,
}

/// An event that fits.
pub(super) struct Found {
    pub(super) room: RoomNid,
    pub(super) shown: Shown,
    pub(super) hits: Hits,
}

/// What a search found.
pub(super) struct Finding {
    /// In the order that was asked for.
    pub(super) found: Vec<Found>,
    /// What the user may read of the rooms that something was found in.
    pub(super) accesses: HashMap<RoomNid, Access>,
    /// How many fit, as far as was looked.
    pub(super) count: usize,
    /// Everything newer than this is in the answer; none if everything is.
    pub(super) rest: Option<Position>,
    pub(super) highlights: BTreeSet<String>,
}

/// A stretch of a room's history that may hold something, ordered by its end.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Stretch {
    last: Position,
    first: Position,
    room: RoomNid,
}

impl Search<'_> {
    pub(super) async fn run(&self, txn: &mut ReadTxn) -> Result<Finding, StorageError> {
        let mut stretches = self.stretches(txn).await?;
        let mut accesses: HashMap<RoomNid, Option<Access>> = HashMap::new();
        let mut found: Vec<Found> = Vec::new();
        let mut highlights = BTreeSet::new();
        let mut looked_at = 0;
        while let Some(next) = stretches.peek().copied() {
            if self.is_enough(&found, next.last, looked_at) {
                break;
            }
            stretches.pop();
            if let Entry::Vacant(place) = accesses.entry(next.room) {
                place.insert(self.access(txn, next.room).await?);
            }
            let Some(Some(access)) = accesses.get(&next.room) else { continue };
            let until = next.last.min(access.until);
            let after = Position(next.first.0.saturating_sub(1));
            let stored = text_search::list_texts_before(txn, next.room, until, after, PAGE).await?;
            looked_at += stored.len();
            if stored.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX)
                && let Some(oldest) = stored.last().and_then(|stored| stored.position)
                && oldest > next.first
            {
                stretches.push(Stretch { last: Position(oldest.0 - 1), ..next });
            }
            self.collect(txn, access, stored, &mut found).await?;
        }
        found.sort_unstable_by_key(|found| Reverse(found.shown.position));
        let count = found.len();
        let rest = if self.by_rank {
            found.sort_by(|one, other| other.hits.rank.total_cmp(&one.hits.rank));
            None
        } else {
            self.rest(&mut found, stretches.peek().map(|next| next.last))
        };
        found.truncate(self.limit);
        for found in &mut found {
            highlights.append(&mut found.hits.highlights);
        }
        let accesses = accesses.into_iter().filter_map(|(room, access)| Some((room, access?))).collect();
        Ok(Finding { found, accesses, count, rest, highlights })
    }

    /// Where to look: the blocks whose filters hold all the words, and what is newer than the blocks.
    async fn stretches(&self, txn: &mut ReadTxn) -> Result<BinaryHeap<Stretch>, StorageError> {
        let hashes = self.query.hashes();
        let reach = index::reach(txn).await?;
        let newest = Position(self.before.0.saturating_sub(1));
        let mut stretches = Vec::new();
        for room in &self.rooms {
            if room.latest_position > reach && newest > reach {
                let last = room.latest_position.min(newest);
                stretches.push(Stretch { first: Position(reach.0 + 1), last, room: room.nid });
            }
            let mut before = self.before;
            loop {
                let blocks = text_search::list_blocks(txn, room.nid, before, BLOCKS).await?;
                let is_last = blocks.len() < usize::try_from(BLOCKS).unwrap_or(usize::MAX);
                before = blocks.last().map_or(before, |block| block.first);
                let fitting = blocks.iter().filter(|block| hashes.may_fit(&block.filter));
                stretches.extend(fitting.map(|block| Stretch {
                    first: block.first,
                    last: block.last.min(newest),
                    room: room.nid,
                }));
                if is_last {
                    break;
                }
            }
            if stretches.len() > 2 * MAX_STRETCHES {
                keep_newest(&mut stretches);
            }
        }
        keep_newest(&mut stretches);
        Ok(stretches.into())
    }

    /// Whether what was found is enough, where everything newer than `next` was looked at.
    fn is_enough(&self, found: &[Found], next: Position, looked_at: usize) -> bool {
        if self.by_rank {
            return found.len() >= MAX_RANKED || looked_at >= MAX_LOOKED_AT;
        }
        let is_progress = next < Position(self.before.0.saturating_sub(1));
        if looked_at >= MAX_LOOKED_AT && is_progress {
            return true;
        }
        let settled = found.iter().filter(|found| found.shown.position > next).count();
        settled >= self.limit && looked_at >= MAX_COUNTED
    }

    /// Leaves only what is certainly next in the order of time, and says where the rest begins.
    fn rest(&self, found: &mut Vec<Found>, next: Option<Position>) -> Option<Position> {
        if let Some(next) = next {
            found.retain(|found| found.shown.position > next);
        }
        if found.len() > self.limit {
            return found.get(self.limit.checked_sub(1)?).map(|last| last.shown.position);
        }
        next.map(|next| Position(next.0 + 1))
    }

    async fn access(&self, txn: &mut ReadTxn, room: RoomNid) -> Result<Option<Access>, StorageError> {
        let room_id = rooms::get(txn, room).await?.room_id;
        match Access::find(txn, &room_id, &self.requester.user_id).await {
            Ok(access) => Ok(Some(access).filter(|access| access.is_member)),
            Err(ReadError::Internal(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn fit(&self, event: &Event) -> Option<Hits> {
        let texts = texts(event, self.keys).into_iter();
        texts.filter_map(|text| self.query.fit(text)).reduce(Hits::better)
    }

    /// Adds those of the events that fit and that the user sees.
    async fn collect(
        &self,
        txn: &mut ReadTxn,
        access: &Access,
        stored: Vec<StoredEvent>,
        found: &mut Vec<Found>,
    ) -> Result<(), StorageError> {
        let mut fitting = Vec::new();
        for stored in stored {
            let event = stored.read(access.rules)?;
            if event_filter::takes(self.filter, &event) && self.fit(&event).is_some() {
                fitting.push(stored);
            }
        }
        let reader = access.reader(self.requester, self.now_ts);
        for shown in reader.see(txn, fitting).await? {
            // What the user sees may be less than what is stored.
            if let Some(hits) = self.fit(&shown.event) {
                found.push(Found { room: access.room.nid, shown, hits });
            }
        }
        Ok(())
    }
}

fn keep_newest(stretches: &mut Vec<Stretch>) {
    if stretches.len() > MAX_STRETCHES {
        stretches.sort_unstable_by(|one, other| other.cmp(one));
        stretches.truncate(MAX_STRETCHES);
    }
}
