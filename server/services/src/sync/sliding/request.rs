//! What a client asks for. `ruma` has a type for it, which knows no tags and does not accept null.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ruma::{OwnedRoomId, presence::PresenceState};
use serde::Deserialize;

/// Lists of one request at most, as the proposal has it.
const MAX_LISTS: usize = 100;

/// Rooms that are named one by one at most.
const MAX_SUBSCRIPTIONS: usize = 1_000;

/// Windows of a list, and kinds of state of a rule, at most.
const MAX_ELEMENTS: usize = 500;

/// Spaces that the filters name at most, of all lists together: the state of each is read.
const MAX_SPACES: usize = 20;

/// Bytes of a connection's name at most.
const MAX_CONN_ID: usize = 255;

/// Events of a room's timeline at most.
const MAX_TIMELINE: u32 = 100;

/// A request for what is new.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SlidingRequest {
    /// The `pos` of the answer before; none the first time.
    #[serde(skip)]
    pub pos: Option<String>,
    /// How long to wait for something new.
    #[serde(skip)]
    pub timeout: Duration,
    /// What the client says of the user.
    #[serde(skip)]
    pub set_presence: PresenceState,
    /// Tells the connections of a device apart.
    #[serde(default)]
    pub conn_id: Option<String>,
    /// Comes back in the answer.
    #[serde(default)]
    pub txn_id: Option<String>,
    #[serde(default)]
    pub lists: BTreeMap<String, RoomList>,
    #[serde(default)]
    pub room_subscriptions: BTreeMap<OwnedRoomId, RoomConfig>,
    #[serde(default)]
    pub extensions: ExtensionRequests,
}

/// Windows on the rooms of the user, the most active first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RoomList {
    /// First and last place of each window; all rooms without one.
    #[serde(default)]
    pub ranges: Option<Vec<(u64, u64)>>,
    #[serde(flatten)]
    pub config: RoomConfig,
    #[serde(default)]
    pub filters: Option<RoomFilters>,
}

/// What to tell of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RoomConfig {
    /// Pairs of a type and a state key; `*` stands for all, `$ME` for the user, `$LAZY` for who is in the timeline.
    #[serde(default)]
    pub required_state: BTreeSet<(String, String)>,
    #[serde(default)]
    pub timeline_limit: u32,
}

/// Which rooms stand in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RoomFilters {
    #[serde(default)]
    pub is_dm: Option<bool>,
    #[serde(default)]
    pub is_encrypted: Option<bool>,
    #[serde(default)]
    pub is_invite: Option<bool>,
    /// Only rooms that one of these spaces names as a child, as far as the user is in the space.
    #[serde(default)]
    pub spaces: Option<Vec<OwnedRoomId>>,
    /// `None` among them stands for rooms without a type.
    #[serde(default)]
    pub room_types: Option<Vec<Option<String>>>,
    #[serde(default)]
    pub not_room_types: Option<Vec<Option<String>>>,
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    #[serde(default)]
    pub not_tags: Option<Vec<String>>,
}

/// What to tell besides rooms.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ExtensionRequests {
    #[serde(default)]
    pub to_device: Option<ToDeviceRequest>,
    #[serde(default)]
    pub e2ee: Option<Switch>,
    #[serde(default)]
    pub account_data: Option<ScopedSwitch>,
    #[serde(default)]
    pub receipts: Option<ScopedSwitch>,
    #[serde(default)]
    pub typing: Option<ScopedSwitch>,
}

/// Whether an extension is wanted.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Switch {
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// Whether an extension is wanted, and for which rooms; for all that the client knows if it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ScopedSwitch {
    #[serde(default)]
    pub enabled: Option<bool>,
    /// The rooms in the windows of these lists; `*` stands for all of the request, as does nothing beside `rooms`.
    #[serde(default)]
    pub lists: Option<BTreeSet<String>>,
    /// These of the room subscriptions; `*` stands for all, as does nothing beside `lists`.
    #[serde(default)]
    pub rooms: Option<BTreeSet<String>>,
}

/// Whether messages to the device are wanted, and from where on.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ToDeviceRequest {
    #[serde(default)]
    pub enabled: Option<bool>,
    /// The `next_batch` of the messages before, which the client has.
    #[serde(default)]
    pub since: Option<String>,
}

impl SlidingRequest {
    /// Refuses what is too large.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let mut configs =
            self.lists.values().map(|list| &list.config).chain(self.room_subscriptions.values());
        let is_name = |conn_id: &String| conn_id.len() <= MAX_CONN_ID;
        if self.lists.len() > MAX_LISTS {
            return Err("Too many lists");
        }
        if self.room_subscriptions.len() > MAX_SUBSCRIPTIONS {
            return Err("Too many room subscriptions");
        }
        if configs.any(|config| config.required_state.len() > MAX_ELEMENTS) {
            return Err("Too much required_state");
        }
        let windows = |list: &RoomList| list.ranges.as_ref().map_or(0, Vec::len);
        if self.lists.values().any(|list| windows(list) > MAX_ELEMENTS) {
            return Err("Too many ranges");
        }
        let spaces = |list: &RoomList| {
            list.filters.as_ref().and_then(|filters| filters.spaces.as_ref()).map_or(0, Vec::len)
        };
        let names = |names: &Option<BTreeSet<String>>| names.as_ref().map_or(0, BTreeSet::len);
        let mut scopes =
            self.extensions.scopes().into_iter().chain([self.extensions.typing.clone()]).flatten();
        if scopes.any(|scope| names(&scope.lists) > MAX_LISTS || names(&scope.rooms) > MAX_SUBSCRIPTIONS) {
            return Err("An extension names too many lists or rooms");
        }
        if self.lists.values().map(spaces).sum::<usize>() > MAX_SPACES {
            return Err("Too many spaces");
        }
        if !self.conn_id.iter().all(is_name) {
            return Err("conn_id is too long");
        }
        Ok(())
    }
}

impl RoomList {
    /// Whether a place in the list is in a window.
    pub(super) fn shows(&self, index: usize) -> bool {
        let index = u64::try_from(index).unwrap_or(u64::MAX);
        self.ranges
            .as_ref()
            .is_none_or(|ranges| ranges.iter().any(|(first, last)| (*first..=*last).contains(&index)))
    }
}

impl RoomConfig {
    /// What one of both asks for.
    pub(super) fn merge(&mut self, other: &Self) {
        self.timeline_limit = self.timeline_limit.max(other.timeline_limit);
        self.required_state.extend(other.required_state.iter().cloned());
    }

    /// Events of the timeline that the client gets at most.
    pub(super) fn limit(&self) -> u32 {
        self.timeline_limit.min(MAX_TIMELINE)
    }
}

impl ExtensionRequests {
    pub(super) fn wants_e2ee(&self) -> bool {
        self.e2ee.is_some_and(|switch| switch.enabled == Some(true))
    }

    /// For which rooms account data and receipts are wanted.
    pub(super) fn scopes(&self) -> [Option<ScopedSwitch>; 2] {
        [&self.account_data, &self.receipts].map(Clone::clone)
    }

    pub(super) fn wants_typing(&self) -> bool {
        self.typing.as_ref().is_some_and(ScopedSwitch::is_on)
    }
}

impl ScopedSwitch {
    pub(super) fn is_on(&self) -> bool {
        self.enabled == Some(true)
    }

    /// Whether it is wanted for rooms outside of lists and subscriptions too, if the client knows them.
    pub(super) fn is_of_all(&self) -> bool {
        self.lists.is_none() && self.rooms.is_none()
    }

    pub(super) fn takes_list(&self, name: &str) -> bool {
        takes(self.lists.as_ref(), name)
    }

    pub(super) fn takes_subscription(&self, room_id: &str) -> bool {
        takes(self.rooms.as_ref(), room_id)
    }
}

fn takes(names: Option<&BTreeSet<String>>, name: &str) -> bool {
    names.is_none_or(|names| names.contains("*") || names.contains(name))
}
