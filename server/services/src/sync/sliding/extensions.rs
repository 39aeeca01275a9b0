//! What is new besides rooms: messages to the device, keys, account data and receipts.

use std::collections::{BTreeMap, BTreeSet};

use myelin_storage::{Position, ReadTxn, RoomNid, StorageError};
use ruma::OwnedRoomId;
use serde_json::{json, value::to_raw_value};

use super::{
    OwnData, Slide,
    connection::Told,
    request::ExtensionRequests,
    response::{AccountData, EndToEnd, EventByRoom, Extensions, ToDevice},
};

impl Slide<'_> {
    /// `begun` are the rooms that the client did not know before this answer.
    pub(super) async fn extensions(
        &self,
        txn: &mut ReadTxn,
        since: Option<Position>,
        until: Position,
        told: &mut Told,
        names: &BTreeMap<RoomNid, &OwnedRoomId>,
        begun: &[RoomNid],
    ) -> Result<Extensions, StorageError> {
        let wanted = &self.request.extensions;
        let to_device = self.to_device(txn, until, told).await?;
        let mut extensions = Extensions { to_device, ..Extensions::default() };
        if ExtensionRequests::is_on(wanted.e2ee) {
            let (counts, unused) = self.collector.one_time_keys(txn).await?;
            extensions.e2ee = Some(EndToEnd {
                device_lists: self.collector.device_lists(txn, since).await?,
                device_one_time_keys_count: counts,
                device_unused_fallback_key_types: unused,
            });
        }
        if ExtensionRequests::is_on(wanted.typing) {
            extensions.typing = Some(self.typing(told, names)?);
        }
        let wants_data = ExtensionRequests::is_on(wanted.account_data);
        let wants_receipts = ExtensionRequests::is_on(wanted.receipts);
        if !wants_data && !wants_receipts {
            return Ok(extensions);
        }
        let mut own = OwnData::read(txn, &self.collector, since).await?;
        let begun: BTreeSet<RoomNid> = begun.iter().copied().collect();
        let known: Vec<RoomNid> = told
            .rooms
            .iter()
            .filter(|(nid, room)| room.membership == "join" && !begun.contains(nid))
            .map(|(nid, _)| *nid)
            .collect();
        own.read_receipts(txn, &self.collector, &known, since).await?;
        for room in &begun {
            own.read_room(txn, &self.collector, *room).await?;
        }
        let (mut data, mut receipts) = (AccountData::default(), EventByRoom::default());
        for nid in told.rooms.keys() {
            let Some(room_id) = names.get(nid) else { continue };
            let of_room = own.take_account_data(*nid).events;
            if !of_room.is_empty() {
                data.rooms.insert((*room_id).clone(), of_room);
            }
            if let Some(receipt) = own.take_ephemeral(*nid).events.pop() {
                receipts.rooms.insert((*room_id).clone(), receipt);
            }
        }
        data.global = own.account_data.events;
        extensions.account_data = wants_data.then_some(data);
        extensions.receipts = wants_receipts.then_some(receipts);
        Ok(extensions)
    }

    /// Who types in the rooms that the client knows.
    fn typing(
        &self,
        told: &mut Told,
        names: &BTreeMap<RoomNid, &OwnedRoomId>,
    ) -> Result<EventByRoom, StorageError> {
        let joined = told.rooms.iter().filter(|(_, room)| room.membership == "join");
        let rooms = joined.filter_map(|(nid, _)| names.get(nid)).map(AsRef::as_ref);
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
        match self.to_device_since() {
            Some(since) => self.collector.acknowledge(since).await,
            None => Ok(()),
        }
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
