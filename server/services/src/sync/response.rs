//! The answer: <https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync>. It is written as it stands,
//! with the events' texts.

use std::collections::BTreeMap;

use myelin_storage::Position;
use ruma::{OwnedRoomId, OwnedUserId};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{mark::Mark, notifications::Count};

/// What is new for a device.
#[derive(Debug, Serialize)]
pub struct Response {
    pub next_batch: String,
    #[serde(skip_serializing_if = "Rooms::is_empty")]
    pub rooms: Rooms,
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub account_data: Events,
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub presence: Events,
    #[serde(skip_serializing_if = "Events::is_empty")]
    pub to_device: Events,
    #[serde(skip_serializing_if = "DeviceLists::is_empty")]
    pub device_lists: DeviceLists,
    pub device_one_time_keys_count: BTreeMap<String, i64>,
    pub device_unused_fallback_key_types: Vec<String>,
    /// Where `next_batch` is.
    #[serde(skip)]
    pub until: Position,
    #[serde(skip)]
    pub(super) marks: Marks,
}

/// Up to where a client was told of what is kept in memory only: who types, and who is online.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    pub(super) typing: Option<Mark>,
    pub(super) presence: Option<Mark>,
}

impl Marks {
    /// Those in a token.
    pub(super) fn read(token: Option<&str>) -> Self {
        let mut marks = token.unwrap_or_default().split('_').skip(1).map(|mark| mark.parse().ok());
        Self { typing: marks.next().flatten(), presence: marks.next().flatten() }
    }

    /// The token with the marks behind it.
    pub(super) fn write(self, token: &str) -> String {
        let marks = [self.typing, self.presence].into_iter().map_while(|mark| Some(format!("_{}", mark?)));
        marks.fold(token.to_owned(), |token, mark| token + &mark)
    }
}

impl Response {
    /// Whether there is nothing that a client waits for.
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
            && self.account_data.is_empty()
            && self.presence.is_empty()
            && self.to_device.is_empty()
            && self.device_lists.is_empty()
    }
}

/// The rooms with something new, by what the user is in them.
#[derive(Debug, Default, Serialize)]
pub struct Rooms {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub join: BTreeMap<OwnedRoomId, JoinedRoom>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub invite: BTreeMap<OwnedRoomId, InvitedRoom>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub knock: BTreeMap<OwnedRoomId, KnockedRoom>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub leave: BTreeMap<OwnedRoomId, LeftRoom>,
}

impl Rooms {
    fn is_empty(&self) -> bool {
        self.join.is_empty() && self.invite.is_empty() && self.knock.is_empty() && self.leave.is_empty()
    }
}

/// A list of events, wrapped as the specification has it.
#[derive(Debug, Default, Serialize)]
pub struct Events {
    pub events: Vec<Box<RawValue>>,
}

impl Events {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// A stretch of a room's history.
#[derive(Debug, Default, Serialize)]
pub struct Timeline {
    pub events: Vec<Box<RawValue>>,
    /// There is more between this and what the client knows.
    pub limited: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_batch: Option<String>,
}

/// A room that the user is in.
#[derive(Debug, Default, Serialize)]
pub struct JoinedRoom {
    pub timeline: Timeline,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Events>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_after: Option<Events>,
    pub account_data: Events,
    pub ephemeral: Events,
    #[serde(skip_serializing_if = "Summary::is_empty")]
    pub summary: Summary,
    pub unread_notifications: UnreadCounts,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unread_thread_notifications: BTreeMap<String, UnreadCounts>,
}

impl JoinedRoom {
    pub(super) fn is_empty(&self) -> bool {
        let has_state = self.state.iter().chain(&self.state_after).any(|state| !state.is_empty());
        self.timeline.events.is_empty()
            && !self.timeline.limited
            && !has_state
            && self.account_data.is_empty()
            && self.ephemeral.is_empty()
    }
}

/// What a client needs to name a room whose members it does not know.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    #[serde(rename = "m.heroes", skip_serializing_if = "Option::is_none")]
    pub heroes: Option<Vec<OwnedUserId>>,
    #[serde(rename = "m.joined_member_count", skip_serializing_if = "Option::is_none")]
    pub joined_member_count: Option<u32>,
    #[serde(rename = "m.invited_member_count", skip_serializing_if = "Option::is_none")]
    pub invited_member_count: Option<u32>,
}

impl Summary {
    fn is_empty(&self) -> bool {
        self.heroes.is_none() && self.joined_member_count.is_none() && self.invited_member_count.is_none()
    }
}

/// How much the user has not read.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct UnreadCounts {
    pub highlight_count: u32,
    pub notification_count: u32,
}

impl From<Count> for UnreadCounts {
    fn from(count: Count) -> Self {
        Self { highlight_count: count.highlights, notification_count: count.notifications }
    }
}

/// A room that the user is invited to.
#[derive(Debug, Default, Serialize)]
pub struct InvitedRoom {
    pub invite_state: Events,
}

/// A room that the user asked to be invited to.
#[derive(Debug, Default, Serialize)]
pub struct KnockedRoom {
    pub knock_state: Events,
}

/// A room that the user has left.
#[derive(Debug, Default, Serialize)]
pub struct LeftRoom {
    pub timeline: Timeline,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Events>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_after: Option<Events>,
    pub account_data: Events,
}

/// Whose devices changed, and whose are no longer of interest.
#[derive(Debug, Default, Serialize)]
pub struct DeviceLists {
    pub changed: Vec<OwnedUserId>,
    pub left: Vec<OwnedUserId>,
}

impl DeviceLists {
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.left.is_empty()
    }
}
