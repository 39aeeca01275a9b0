//! The answer, written as it stands, with the events' texts.

use std::collections::BTreeMap;

use myelin_storage::Position;
use ruma::{OwnedRoomId, OwnedUserId};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::response::{DeviceLists, UnreadCounts};

/// What is new on a connection.
#[derive(Debug, Default, Serialize)]
pub struct SlidingResponse {
    pub pos: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn_id: Option<String>,
    pub lists: BTreeMap<String, ListCount>,
    pub rooms: BTreeMap<OwnedRoomId, SlidingRoom>,
    pub extensions: Extensions,
}

impl SlidingResponse {
    /// Whether there is nothing that a client waits for.
    pub(super) fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.extensions.is_empty()
    }
}

/// How many rooms a list has.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ListCount {
    pub count: usize,
}

/// What is new in a room; what is left out has not changed, or is not there if `initial` is set.
#[derive(Debug, Default, Serialize)]
pub struct SlidingRoom {
    /// `Some(None)`: the room lost its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heroes: Option<Vec<Hero>>,
    #[serde(skip_serializing_if = "is_false")]
    pub initial: bool,
    /// The timeline has events that the client was told before.
    #[serde(skip_serializing_if = "is_false")]
    pub expanded_timeline: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_dm: Option<bool>,
    pub membership: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_state: Option<Vec<Box<RawValue>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_state: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "is_false")]
    pub limited: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_live: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bump_stamp: Option<i64>,
    #[serde(flatten)]
    pub unread: Option<UnreadCounts>,
    /// Before the oldest event of the timeline.
    #[serde(skip)]
    pub(super) oldest: Option<Position>,
}

/// A user who stands for a room without a name.
#[derive(Debug, Serialize)]
pub struct Hero {
    pub user_id: OwnedUserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub displayname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

/// What is new besides rooms, as far as it is wanted.
#[derive(Debug, Default, Serialize)]
pub struct Extensions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_device: Option<ToDevice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e2ee: Option<EndToEnd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_data: Option<AccountData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts: Option<EventByRoom>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typing: Option<EventByRoom>,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.to_device.as_ref().is_none_or(|to_device| to_device.events.is_empty())
            && self.e2ee.as_ref().is_none_or(|e2ee| e2ee.device_lists.is_empty())
            && self.account_data.as_ref().is_none_or(|data| data.global.is_empty() && data.rooms.is_empty())
            && [&self.receipts, &self.typing].into_iter().flatten().all(|events| events.rooms.is_empty())
    }
}

/// Messages to the device.
#[derive(Debug, Serialize)]
pub struct ToDevice {
    pub next_batch: String,
    pub events: Vec<Box<RawValue>>,
}

/// What encryption needs to know.
#[derive(Debug, Serialize)]
pub struct EndToEnd {
    pub device_lists: DeviceLists,
    pub device_one_time_keys_count: BTreeMap<String, i64>,
    pub device_unused_fallback_key_types: Vec<String>,
}

/// The user's data, of no room and by room.
#[derive(Debug, Default, Serialize)]
pub struct AccountData {
    pub global: Vec<Box<RawValue>>,
    pub rooms: BTreeMap<OwnedRoomId, Vec<Box<RawValue>>>,
}

/// One event a room, of receipts or of who types.
#[derive(Debug, Default, Serialize)]
pub struct EventByRoom {
    pub rooms: BTreeMap<OwnedRoomId, Box<RawValue>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}
