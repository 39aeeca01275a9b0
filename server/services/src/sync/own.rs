//! What belongs to the user: account data, push rules, and the receipts that the user may see.

use std::collections::BTreeMap;

use myelin_storage::{
    Position, ReadTxn, RoomNid, StorageError, account_data,
    receipts::{self, Receipt},
};
use ruma::OwnedUserId;
use serde::Serialize;
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

use super::{collect::Collector, response::Events};
use crate::{event_filter, ignored_users::Ignored};

/// The user's data that changed, by room.
#[derive(Default)]
pub(super) struct OwnData {
    pub(super) ignored: Ignored,
    pub(super) account_data: Events,
    of_rooms: BTreeMap<RoomNid, Vec<Box<RawValue>>>,
    receipts: BTreeMap<RoomNid, Box<RawValue>>,
    typing: BTreeMap<RoomNid, Box<RawValue>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "type")]
    data_type: &'a str,
    content: &'a RawValue,
}

impl OwnData {
    /// Reads what changed after `since`, or everything; only what is needed to read other things, if it is known that
    /// nothing changed.
    pub(super) async fn read(
        txn: &mut ReadTxn,
        collector: &Collector<'_>,
        since: Option<Position>,
        may_be_new: bool,
    ) -> Result<Self, StorageError> {
        let user_id = &collector.requester.user_id;
        let mut own = Self { ignored: Ignored::of(txn, user_id).await?, ..Self::default() };
        if !may_be_new {
            return Ok(own);
        }
        let after = since.unwrap_or(Position(i64::MIN));
        for entry in account_data::list_changes(txn, user_id, after).await? {
            own.add(collector, &entry)?;
        }
        let push_rules = &collector.shared.push_rules;
        let rules = match since {
            None => Some(push_rules.content(txn, user_id).await?),
            Some(since) => push_rules.content_changed_after(txn, user_id, since).await?,
        };
        if let Some(rules) = rules
            && event_filter::takes_type(&collector.filter.account_data, "m.push_rules")
        {
            let event = json!({ "type": "m.push_rules", "content": rules });
            own.account_data.events.push(to_raw_value(&event).map_err(unreadable)?);
        }
        Ok(own)
    }

    /// Reads all of a room that the user joined since the last answer.
    pub(super) async fn read_room(
        &mut self,
        txn: &mut ReadTxn,
        collector: &Collector<'_>,
        room: RoomNid,
    ) -> Result<(), StorageError> {
        self.read_data_of(txn, collector, &[room]).await?;
        self.read_receipts(txn, collector, &[room], None).await
    }

    /// Reads all account data of some rooms.
    pub(super) async fn read_data_of(
        &mut self,
        txn: &mut ReadTxn,
        collector: &Collector<'_>,
        rooms: &[RoomNid],
    ) -> Result<(), StorageError> {
        for room in rooms {
            self.of_rooms.remove(room);
        }
        for piece in rooms.chunks(1_000) {
            for entry in account_data::list_of_rooms(txn, &collector.requester.user_id, piece).await? {
                self.add(collector, &entry)?;
            }
        }
        Ok(())
    }

    /// Reads the receipts of rooms that came after `since`, or all.
    pub(super) async fn read_receipts(
        &mut self,
        txn: &mut ReadTxn,
        collector: &Collector<'_>,
        rooms: &[RoomNid],
        since: Option<Position>,
    ) -> Result<(), StorageError> {
        if !event_filter::takes_type_in_room(&collector.filter.room.ephemeral, "m.receipt") {
            return Ok(());
        }
        let after = since.unwrap_or(Position(i64::MIN));
        let found = receipts::list_changes(txn, &collector.requester.user_id, rooms, after).await?;
        self.add_receipts(&found)
    }

    /// Reads of rooms that the client begins to look at what it needs to know of receipts: the user's own, and those
    /// that moved since the oldest event that it is shown. A large room has one of each of its members.
    pub(super) async fn begin_receipts(
        &mut self,
        txn: &mut ReadTxn,
        collector: &Collector<'_>,
        rooms: &BTreeMap<RoomNid, Position>,
    ) -> Result<(), StorageError> {
        let user_id = &collector.requester.user_id;
        let nids: Vec<RoomNid> = rooms.keys().copied().collect();
        let mut found = receipts::list_own_changes(txn, user_id, &nids, Position(i64::MIN)).await?;
        for (room, oldest) in rooms {
            found.extend(receipts::list_changes(txn, user_id, &[*room], *oldest).await?);
        }
        self.add_receipts(&found)
    }

    fn add_receipts(&mut self, found: &[Receipt]) -> Result<(), StorageError> {
        let mut by_room: BTreeMap<RoomNid, Map<String, Value>> = BTreeMap::new();
        for receipt in found {
            add_receipt(by_room.entry(receipt.room).or_default(), receipt);
        }
        for (room, content) in by_room {
            let event = json!({ "type": "m.receipt", "content": content });
            self.receipts.insert(room, to_raw_value(&event).map_err(unreadable)?);
        }
        Ok(())
    }

    /// Whether something of the room is to be told.
    pub(super) fn concerns(&self, room: RoomNid) -> bool {
        self.of_rooms.contains_key(&room)
            || self.receipts.contains_key(&room)
            || self.typing.contains_key(&room)
    }

    pub(super) fn take_account_data(&mut self, room: RoomNid) -> Events {
        Events { events: self.of_rooms.remove(&room).unwrap_or_default() }
    }

    pub(super) fn take_ephemeral(&mut self, room: RoomNid) -> Events {
        let events = self.receipts.remove(&room).into_iter().chain(self.typing.remove(&room));
        Events { events: events.collect() }
    }

    /// Who types in a room now, perhaps nobody any more.
    pub(super) fn add_typing(
        &mut self,
        collector: &Collector<'_>,
        room: RoomNid,
        users: &[OwnedUserId],
    ) -> Result<(), StorageError> {
        if event_filter::takes_type_in_room(&collector.filter.room.ephemeral, "m.typing") {
            let event = json!({ "type": "m.typing", "content": { "user_ids": users } });
            self.typing.insert(room, to_raw_value(&event).map_err(unreadable)?);
        }
        Ok(())
    }

    fn add(
        &mut self,
        collector: &Collector<'_>,
        entry: &account_data::AccountData,
    ) -> Result<(), StorageError> {
        let filter = collector.filter;
        let data_type = entry.data_type.as_str();
        let is_wanted = match entry.room {
            None => event_filter::takes_type(&filter.account_data, data_type),
            Some(_) => event_filter::takes_type_in_room(&filter.room.account_data, data_type),
        };
        if !is_wanted {
            return Ok(());
        }
        let content: &RawValue = serde_json::from_str(&entry.content).map_err(unreadable)?;
        let event = to_raw_value(&Entry { data_type, content }).map_err(unreadable)?;
        match entry.room {
            None => self.account_data.events.push(event),
            Some(room) => self.of_rooms.entry(room).or_default().push(event),
        }
        Ok(())
    }
}

/// `event id → type → user → time and thread`, see <https://spec.matrix.org/v1.19/client-server-api/#mreceipt>.
fn add_receipt(content: &mut Map<String, Value>, receipt: &Receipt) {
    let mut detail = json!({ "ts": receipt.ts });
    if let Some(thread) = &receipt.thread {
        detail["thread_id"] = json!(thread);
    }
    let of_event = content.entry(receipt.event_id.as_str()).or_insert_with(|| json!({}));
    of_event[&receipt.receipt_type][receipt.user_id.as_str()] = detail;
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn unreadable(error: serde_json::Error) -> StorageError {
    StorageError::Inconsistent(format!("account data: {error}"))
}
