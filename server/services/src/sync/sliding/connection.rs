//! What was told on a connection, in memory.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use myelin_storage::Position;
use quick_cache::{Weighter, sync::Cache};
use ruma::{OwnedDeviceId, OwnedRoomId, OwnedUserId};

use super::{
    ToldRooms,
    request::{RoomConfig, RoomList, SlidingRequest},
};
use crate::{cache::CacheSize, session::Requester, typing::TypingMark};

/// Connections expected.
const USUAL_CONNECTIONS: usize = 10_000;

/// Rooms remembered at most, of all connections together.
const MAX_ROOMS: u64 = 2_000_000;

/// Whose connection, and its name.
pub(super) type Key = (OwnedUserId, Option<OwnedDeviceId>, String);

/// The connections. The ones that are used least are forgotten first.
pub(in super::super) struct Connections(Cache<Key, Arc<[Arc<Told>]>, Rooms>);

#[derive(Clone)]
struct Rooms;

/// What a client knows at one of its positions.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// What the client calls it.
    pub(super) pos: String,
    /// How many answers came before, and this one.
    pub(super) number: u64,
    pub(super) until: Position,
    pub(super) rooms: ToldRooms,
    pub(super) lists: BTreeMap<String, RoomList>,
    pub(super) subscriptions: BTreeMap<OwnedRoomId, RoomConfig>,
    pub(super) counts: BTreeMap<String, usize>,
    /// There was more than fits one answer.
    pub(super) has_more: bool,
    /// Up to where it was told who types.
    pub(super) typing: Option<TypingMark>,
}

/// What a client knows of a room.
#[derive(Clone, Debug)]
pub(super) struct ToldRoom {
    pub(super) until: Position,
    pub(super) membership: String,
    pub(super) is_dm: bool,
    /// What it asked for the last time that the rules showed the room.
    pub(super) config: RoomConfig,
    /// The members that it was told of because they are in the timeline.
    pub(super) members: BTreeSet<String>,
}

impl Told {
    /// Whether it was told by the same rules.
    pub(super) fn is_of(&self, request: &SlidingRequest) -> bool {
        self.lists == request.lists && self.subscriptions == request.room_subscriptions
    }
}

/// The name of a device's connection.
pub(super) fn key(requester: &Requester, conn_id: Option<&str>) -> Key {
    (requester.user_id.clone(), requester.device_id.clone(), conn_id.unwrap_or_default().to_owned())
}

impl Default for Connections {
    fn default() -> Self {
        Self(Cache::with_weighter(USUAL_CONNECTIONS, MAX_ROOMS, Rooms))
    }
}

impl Connections {
    pub(in super::super) fn cache_size(&self) -> CacheSize {
        CacheSize::of("sliding_sync_connections", self.0.len())
    }

    /// What the client knows at a position, if it is remembered.
    pub(super) fn find(&self, key: &Key, pos: &str) -> Option<Arc<Told>> {
        self.0.get(key)?.iter().find(|told| told.pos == pos).cloned()
    }

    /// Remembers the new position, and the one before: the answer may get lost on its way. What is older is not
    /// asked for again.
    pub(super) fn record(&self, key: Key, before: Option<Arc<Told>>, now: Told) {
        let before = before.filter(|before| before.pos != now.pos);
        self.0.insert(key, before.into_iter().chain([Arc::new(now)]).collect());
    }
}

impl Weighter<Key, Arc<[Arc<Told>]>> for Rooms {
    fn weight(&self, _: &Key, told: &Arc<[Arc<Told>]>) -> u64 {
        let rooms: usize = told.iter().map(|told| told.rooms.len()).sum();
        u64::try_from(rooms).unwrap_or(u64::MAX).saturating_add(1)
    }
}
