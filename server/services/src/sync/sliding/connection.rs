//! What was told on a connection, in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use myelin_storage::Position;
use quick_cache::{Weighter, sync::Cache};
use ruma::{OwnedDeviceId, OwnedRoomId, OwnedUserId};

use super::{
    ToldRooms,
    request::{RoomConfig, RoomList, ScopedSwitch, SlidingRequest},
};
use crate::{cache::CacheSize, mark::Mark, session::Requester};

/// Devices expected.
const USUAL_DEVICES: usize = 10_000;

/// Connections of a device at most; the one that was used least recently is forgotten for a further one.
const MAX_CONNECTIONS: usize = 10;

/// Rooms remembered at most, of all connections together.
const MAX_ROOMS: u64 = 2_000_000;

/// Whose connection, and its name.
pub(super) struct Key {
    device: Device,
    conn_id: String,
}

type Device = (OwnedUserId, Option<OwnedDeviceId>);

/// The connections. The devices that use theirs least are forgotten first.
pub(in super::super) struct Connections {
    by_device: Cache<Device, Arc<[Connection]>, Rooms>,
    /// Held while the connections of a device are replaced, so that two of them do not displace each other.
    replacing: Mutex<()>,
}

#[derive(Clone)]
struct Rooms;

/// The positions of a connection that are remembered.
#[derive(Clone)]
struct Connection {
    conn_id: String,
    positions: Vec<Arc<Told>>,
}

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
    pub(super) typing: Option<Mark>,
    /// For which rooms account data and receipts were wanted.
    pub(super) scopes: [Option<ScopedSwitch>; 2],
    /// It was told the account data of no room.
    pub(super) has_data: bool,
}

/// What a client knows of a room.
#[derive(Clone, Debug)]
pub(super) struct ToldRoom {
    pub(super) until: Position,
    pub(super) membership: String,
    pub(super) is_dm: bool,
    /// What it asked for the last time that the rules showed the room.
    pub(super) config: RoomConfig,
    /// It was told the account data of the room, and its receipts.
    pub(super) has_data: bool,
    pub(super) has_receipts: bool,
    /// The members that it was told of because they are in the timeline.
    pub(super) members: BTreeSet<String>,
}

impl Told {
    /// Whether it was told by the same rules, with all that is wanted now.
    pub(super) fn is_of(&self, request: &SlidingRequest) -> bool {
        self.lists == request.lists
            && self.subscriptions == request.room_subscriptions
            && self.scopes == request.extensions.scopes()
    }
}

/// The name of a device's connection.
pub(super) fn key(requester: &Requester, conn_id: Option<&str>) -> Key {
    let device = (requester.user_id.clone(), requester.device_id.clone());
    Key { device, conn_id: conn_id.unwrap_or_default().to_owned() }
}

impl Default for Connections {
    fn default() -> Self {
        let by_device = Cache::with_weighter(USUAL_DEVICES, MAX_ROOMS, Rooms);
        Self { by_device, replacing: Mutex::new(()) }
    }
}

impl Connections {
    pub(in super::super) fn cache_size(&self) -> CacheSize {
        CacheSize::of("sliding_sync_connections", self.by_device.len())
    }

    /// What the client knows at a position, if it is remembered.
    pub(super) fn find(&self, key: &Key, pos: &str) -> Option<Arc<Told>> {
        let connections = self.by_device.get(&key.device)?;
        let connection = connections.iter().find(|connection| connection.conn_id == key.conn_id)?;
        connection.positions.iter().find(|told| told.pos == pos).cloned()
    }

    /// Remembers the new position, and the one before: the answer may get lost on its way. What is older is not
    /// asked for again.
    pub(super) fn record(&self, key: Key, before: Option<Arc<Told>>, now: Told) {
        let before = before.filter(|before| before.pos != now.pos);
        let positions = before.into_iter().chain([Arc::new(now)]).collect();
        let Key { device, conn_id } = key;
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.by_device.get(&device);
        let others = known.iter().flat_map(|known| known.iter()).filter(|other| other.conn_id != conn_id);
        let others: Vec<Connection> = others.take(MAX_CONNECTIONS - 1).cloned().collect();
        let newest = Connection { conn_id, positions };
        self.by_device.insert(device, [newest].into_iter().chain(others).collect());
    }
}

impl Weighter<Device, Arc<[Connection]>> for Rooms {
    fn weight(&self, _: &Device, connections: &Arc<[Connection]>) -> u64 {
        let positions = connections.iter().flat_map(|connection| &connection.positions);
        let rooms: usize = positions.map(|told| told.rooms.len()).sum();
        u64::try_from(rooms).unwrap_or(u64::MAX).saturating_add(1)
    }
}
