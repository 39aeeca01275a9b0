//! What is new besides rooms: messages to the device, keys, account data and receipts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use myelin_storage::{Position, ReadTxn, RoomNid, StorageError};
use ruma::OwnedRoomId;
use serde_json::{json, value::to_raw_value};

use super::{
    OwnData, Slide,
    connection::{Told, ToldRoom},
    request::ScopedSwitch,
    response::{AccountData, EndToEnd, EventByRoom, Extensions, SlidingRoom, ToDevice},
};

/// The rooms that an answer may speak of.
pub(super) struct Scope<'a> {
    /// The rooms of the user.
    pub(super) names: &'a BTreeMap<RoomNid, &'a OwnedRoomId>,
    /// Those in the windows of each list.
    pub(super) windows: &'a BTreeMap<String, BTreeSet<RoomNid>>,
    /// Those with something new.
    pub(super) rooms: &'a BTreeMap<OwnedRoomId, SlidingRoom>,
}

/// After which place, and up to which one.
type Range = (Option<Position>, Position);

impl Slide<'_> {
    pub(super) async fn extensions(
        &self,
        txn: &mut ReadTxn,
        (since, until): Range,
        told: &mut Told,
        scope: &Scope<'_>,
    ) -> Result<Extensions, StorageError> {
        let wanted = &self.request.extensions;
        let to_device = self.to_device(txn, until, told).await?;
        let mut extensions = Extensions { to_device, ..Extensions::default() };
        if wanted.wants_e2ee() {
            let (counts, unused) = self.collector.one_time_keys(txn).await?;
            extensions.e2ee = Some(EndToEnd {
                device_lists: self.collector.device_lists(txn, since).await?,
                device_one_time_keys_count: counts,
                device_unused_fallback_key_types: unused,
            });
        }
        if let Some(switch) = wanted.typing.as_ref().filter(|switch| switch.is_on()) {
            extensions.typing = Some(self.typing(told, scope, switch)?);
        }
        let in_scope = self.in_scope(told, scope, wanted.account_data.as_ref());
        match &in_scope {
            Some(rooms) => {
                extensions.account_data = Some(self.account_data(txn, since, told, scope, rooms).await?);
            }
            None => told.has_data = false,
        }
        mark(told, in_scope.as_deref(), |room| room.has_data, |room, is_told| room.has_data = is_told);
        let in_scope = self.in_scope(told, scope, wanted.receipts.as_ref());
        if let Some(rooms) = &in_scope {
            extensions.receipts = Some(self.receipts(txn, (since, until), told, scope, rooms).await?);
        }
        let set_told = |room: &mut ToldRoom, is_told| room.has_receipts = is_told;
        mark(told, in_scope.as_deref(), |room| room.has_receipts, set_told);
        Ok(extensions)
    }

    /// The rooms that the client knows for which it wants an extension; none if it does not want it at all.
    fn in_scope(
        &self,
        told: &Told,
        scope: &Scope<'_>,
        switch: Option<&ScopedSwitch>,
    ) -> Option<Vec<RoomNid>> {
        let switch = switch.filter(|switch| switch.is_on())?;
        let is_in_window = |nid: &RoomNid| {
            let mut windows = scope.windows.iter().filter(|(name, _)| switch.takes_list(name));
            windows.any(|(_, rooms)| rooms.contains(nid))
        };
        let is_subscribed = |nid: &RoomNid| {
            scope.names.get(nid).is_some_and(|room_id| {
                self.request.room_subscriptions.contains_key(*room_id)
                    && switch.takes_subscription(room_id.as_str())
            })
        };
        let known = told.rooms.keys().filter(|nid| scope.names.contains_key(nid));
        let wanted = known.filter(|nid| switch.is_of_all() || is_in_window(nid) || is_subscribed(nid));
        Some(wanted.copied().collect())
    }

    /// What changed, and all of rooms of which the client was told nothing.
    async fn account_data(
        &self,
        txn: &mut ReadTxn,
        since: Option<Position>,
        told: &mut Told,
        scope: &Scope<'_>,
        rooms: &[RoomNid],
    ) -> Result<AccountData, StorageError> {
        let since = since.filter(|_| told.has_data);
        let mut own = OwnData::read(txn, &self.collector, since, true).await?;
        if since.is_some() {
            let begun = rooms.iter().filter(|nid| told.rooms.get(nid).is_some_and(|room| !room.has_data));
            let begun: Vec<RoomNid> = begun.copied().collect();
            own.read_data_of(txn, &self.collector, &begun).await?;
        }
        told.has_data = true;
        let mut data = AccountData::default();
        for nid in rooms {
            let of_room = own.take_account_data(*nid).events;
            if let Some(room_id) = scope.names.get(nid).filter(|_| !of_room.is_empty()) {
                data.rooms.insert((*room_id).clone(), of_room);
            }
        }
        data.global = own.account_data.events;
        Ok(data)
    }

    /// The receipts that moved, and in rooms of which the client was told none those that it needs for the timeline.
    async fn receipts(
        &self,
        txn: &mut ReadTxn,
        (since, until): Range,
        told: &Told,
        scope: &Scope<'_>,
        rooms: &[RoomNid],
    ) -> Result<EventByRoom, StorageError> {
        let joined = rooms
            .iter()
            .filter_map(|nid| Some((*nid, told.rooms.get(nid)?)))
            .filter(|(_, room)| room.membership == "join");
        let (known, begun): (Vec<_>, Vec<_>) =
            joined.partition(|(_, room)| room.has_receipts && since.is_some());
        let known: Vec<RoomNid> = known.into_iter().map(|(nid, _)| nid).collect();
        let oldest = |nid| scope.names.get(&nid).and_then(|room_id| scope.rooms.get(*room_id)?.oldest);
        let begun = begun.into_iter().map(|(nid, _)| (nid, oldest(nid).unwrap_or(until))).collect();
        let mut own = OwnData::default();
        own.read_receipts(txn, &self.collector, &known, since).await?;
        own.begin_receipts(txn, &self.collector, &begun).await?;
        let mut receipts = EventByRoom::default();
        for nid in rooms {
            if let (Some(receipt), Some(room_id)) =
                (own.take_ephemeral(*nid).events.pop(), scope.names.get(nid))
            {
                receipts.rooms.insert((*room_id).clone(), receipt);
            }
        }
        Ok(receipts)
    }

    /// Who types in the rooms that the client knows.
    fn typing(
        &self,
        told: &mut Told,
        scope: &Scope<'_>,
        switch: &ScopedSwitch,
    ) -> Result<EventByRoom, StorageError> {
        let rooms = self.in_scope(told, scope, Some(switch)).unwrap_or_default();
        let is_joined = |nid: &&RoomNid| told.rooms.get(nid).is_some_and(|room| room.membership == "join");
        let joined = rooms.iter().filter(is_joined);
        let rooms = joined.filter_map(|nid| scope.names.get(nid)).map(AsRef::as_ref);
        let changes = self.collector.shared.typing.changes(rooms, told.typing);
        told.typing = Some(changes.mark);
        let mut typing = EventByRoom::default();
        for (room_id, users) in changes.rooms {
            let event = to_raw_value(&json!({ "type": "m.typing", "content": { "user_ids": users } }))
                .map_err(|error| StorageError::Inconsistent(format!("typing: {error}")))?;
            typing.rooms.insert(room_id, event);
        }
        Ok(typing)
    }

    /// What the client says to have of the messages to its device is deleted.
    pub(super) async fn acknowledge_to_device(&self) -> Result<(), StorageError> {
        let Some(since) = self.to_device_since() else { return Ok(()) };
        let mut txn = self.collector.shared.store.read().await?;
        let has_received = self.collector.has_received(&mut txn, Some(since)).await?;
        drop(txn);
        if has_received { self.collector.forget_received(since).await } else { Ok(()) }
    }

    async fn to_device(
        &self,
        txn: &mut ReadTxn,
        until: Position,
        told: &mut Told,
    ) -> Result<Option<ToDevice>, StorageError> {
        let is_on =
            self.request.extensions.to_device.as_ref().is_some_and(|wanted| wanted.enabled == Some(true));
        if !is_on {
            return Ok(None);
        }
        let mut reached = until;
        let events = self.collector.to_device(txn, self.to_device_since(), None, &mut reached).await?.events;
        told.has_more = reached < until;
        Ok(Some(ToDevice { next_batch: self.collector.token(reached), events }))
    }

    /// Where the client is in the messages to its device; at their start if the token is none of this server.
    fn to_device_since(&self) -> Option<Position> {
        let token = self.request.extensions.to_device.as_ref()?.since.as_deref()?;
        self.collector.shared.store.read_token(token).ok()?
    }
}

/// Notes of which rooms the client was told an extension; of the others it has to be told anew.
fn mark(
    told: &mut Told,
    rooms: Option<&[RoomNid]>,
    is_told: fn(&ToldRoom) -> bool,
    set_told: fn(&mut ToldRoom, bool),
) {
    let rooms: BTreeSet<RoomNid> = rooms.into_iter().flatten().copied().collect();
    for (nid, room) in &mut told.rooms {
        let now = rooms.contains(nid);
        if is_told(room) != now {
            set_told(Arc::make_mut(room), now);
        }
    }
}
