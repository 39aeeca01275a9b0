//! Puts an answer together, out of one snapshot.

use std::collections::{BTreeMap, BTreeSet};

use myelin_storage::{
    EventNid, Position, ReadTxn, RoomNid, StorageError, device_lists, events,
    memberships::{self, Membership},
    one_time_keys,
    rooms::{self, Room},
    to_device,
};
use ruma::{
    OwnedRoomId,
    api::client::filter::{EventFormat, FilterDefinition},
};
use serde::Serialize;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};

use super::{
    DeviceLists, InvitedRoom, JoinedRoom, LeftRoom, Response, Shared, SyncRequest, Timeline,
    own::OwnData,
    response::{Events, KnockedRoom, Marks, Rooms},
    room::Span,
};
use crate::{
    client_event::Form,
    event_fields::EventFields,
    event_filter,
    ignored_users::Ignored,
    mark::Mark,
    notify::News,
    presence::Audience,
    session::Requester,
    timeline::{Access, ReadError, Shown},
};

/// Messages to a device in one answer at most; the others come with the next.
const MAX_TO_DEVICE: u32 = 100;

/// After which place, and up to which one. Everything where there is none to begin after.
type Range = (Option<Position>, Position);

/// One request for an answer.
pub(super) struct Collector<'a> {
    pub(super) shared: &'a Shared,
    pub(super) requester: &'a Requester,
    pub(super) filter: &'a FilterDefinition,
    pub(super) request: &'a SyncRequest,
    /// Up to where the client was told who types and who is online.
    pub(super) marks: Marks,
    /// How the client wants events, and what of them.
    pub(super) form: Form,
    pub(super) fields: EventFields,
}

impl<'a> Collector<'a> {
    /// A request of a client that was told who types and who is online up to the marks.
    pub(super) fn new(
        shared: &'a Shared,
        requester: &'a Requester,
        filter: &'a FilterDefinition,
        request: &'a SyncRequest,
        marks: Marks,
    ) -> Self {
        let form = match filter.event_format {
            EventFormat::Federation => Form::Federation,
            _ => Form::WithoutRoomId,
        };
        let fields = EventFields::new(filter.event_fields.as_deref());
        Self { shared, requester, filter, request, marks, form, fields }
    }

    /// Everything after `since`, or everything.
    pub(super) async fn collect(&self, since: Option<Position>) -> Result<Response, StorageError> {
        let Shared { joined, store, .. } = self.shared;
        let joined_rooms = joined.list(store, &self.requester.user_id).await?;
        // The snapshot shows at least what was committed before it.
        let mut until = *store.committed().borrow();
        let mut snapshot = store.read().await?;
        let txn = &mut snapshot;
        let memberships = memberships::list_of_user(txn, &self.requester.user_id).await?;
        // It shows everything up to the newest place that it shows: so a change of membership is never cut off from
        // what came before it.
        let changed = memberships.iter().map(|membership| membership.position).max();
        until = until.max(changed.unwrap_or(until));
        let news = self.news(&joined_rooms, since, until);
        let has_received = self.has_received(txn, since).await?;
        let to_device = match news.own {
            true => self.to_device(txn, since, changed, &mut until).await?,
            false => Events::default(),
        };
        let mut own = OwnData::read(txn, self, since, news.own).await?;
        let typing = self.typing(txn, &joined_rooms, &mut own).await?;
        let rooms = self.rooms(txn, &memberships, (since, until), news, &mut own).await?;
        let device_lists = match news.people {
            true => self.device_lists(txn, since).await?,
            false => DeviceLists::default(),
        };
        let (counts, unused) = self.one_time_keys(txn).await?;
        let newly_joined = newly_joined(&memberships, since);
        let (presence, mut mark) = self.presence(txn, since, &joined_rooms, &newly_joined).await?;
        drop(snapshot);
        if let Some(since) = since.filter(|_| has_received) {
            self.forget_received(since).await?;
        }
        if !newly_joined.is_empty() {
            mark = self.shared.presence.introduce(&self.requester.user_id, mark).await?;
        }
        let marks = Marks { typing: Some(typing), presence: Some(mark) };
        Ok(Response {
            next_batch: marks.write(&self.token(until)),
            rooms,
            account_data: own.account_data,
            presence,
            to_device,
            device_lists,
            device_one_time_keys_count: counts,
            device_unused_fallback_key_types: unused,
            until,
            marks,
        })
    }

    /// The answer when the time is over. It tells of the keys that are left nevertheless: a client that hears of none
    /// uploads others.
    pub(super) async fn nothing(&self, until: Position, marks: Marks) -> Result<Response, StorageError> {
        let mut txn = self.shared.store.read().await?;
        let (counts, unused) = self.one_time_keys(&mut txn).await?;
        Ok(Response {
            next_batch: marks.write(&self.token(until)),
            rooms: Rooms::default(),
            account_data: Events::default(),
            presence: Events::default(),
            to_device: Events::default(),
            device_lists: DeviceLists::default(),
            device_one_time_keys_count: counts,
            device_unused_fallback_key_types: unused,
            until,
            marks,
        })
    }

    /// Who types in the rooms that the user is in.
    async fn typing(
        &self,
        txn: &mut ReadTxn,
        rooms: &[OwnedRoomId],
        own: &mut OwnData,
    ) -> Result<Mark, StorageError> {
        let changes = self.shared.typing.changes(rooms.iter().map(AsRef::as_ref), self.marks.typing);
        for (room_id, users) in &changes.rooms {
            if let Some(room) = rooms::find(txn, room_id).await? {
                own.add_typing(self, room.nid, users)?;
            }
        }
        Ok(changes.mark)
    }

    /// Who came, went or says something else, of those with whom the user shares a room.
    async fn presence(
        &self,
        txn: &mut ReadTxn,
        since: Option<Position>,
        rooms: &[OwnedRoomId],
        joined: &[RoomNid],
    ) -> Result<(Events, Mark), StorageError> {
        let reader = self.requester.user_id.as_ref();
        let since = since.and(self.marks.presence);
        let changes = self.shared.presence.changes(txn, Audience { reader, since, rooms, joined }).await?;
        let mut events = Vec::with_capacity(changes.users.len());
        for (user_id, status) in changes.users {
            if event_filter::takes_from(&self.filter.presence, "m.presence", &user_id) {
                let event = json!({ "type": "m.presence", "sender": user_id, "content": status.content() });
                let event = to_raw_value(&event)
                    .map_err(|error| StorageError::Inconsistent(format!("presence: {error}")))?;
                events.push(event);
            }
        }
        Ok((Events { events }, changes.mark))
    }

    pub(super) fn token(&self, position: Position) -> String {
        self.shared.store.token_at(position).to_string()
    }

    /// What may have changed for the user. What was committed a moment ago may not have been told yet, and then it is
    /// not known.
    fn news(&self, rooms: &[OwnedRoomId], since: Option<Position>, until: Position) -> News {
        let Shared { notifier, store, .. } = self.shared;
        match since {
            Some(since) if store.is_told(since, until) => {
                notifier.news(&self.requester.user_id, rooms.iter().map(AsRef::as_ref), since)
            }
            _ => News::ALL,
        }
    }

    /// Whether there are messages to the device that the client has, which it says by its token.
    pub(super) async fn has_received(
        &self,
        txn: &mut ReadTxn,
        since: Option<Position>,
    ) -> Result<bool, StorageError> {
        let (Some(device_id), Some(since)) = (&self.requester.device_id, since) else { return Ok(false) };
        let user_id = &self.requester.user_id;
        Ok(!to_device::list(txn, user_id, device_id, Position(i64::MIN), since, 1).await?.is_empty())
    }

    /// Forgets the messages to the device that the client has.
    pub(super) async fn forget_received(&self, since: Position) -> Result<(), StorageError> {
        let Some(device_id) = &self.requester.device_id else { return Ok(()) };
        let mut txn = self.shared.store.write("sync::forget_received").await?;
        to_device::delete_until(&mut txn, &self.requester.user_id, device_id, since).await?;
        txn.commit().await?;
        Ok(())
    }

    /// Messages to the device. If there are more than fit, the answer ends where they end, for everything; unless the
    /// user's memberships changed after that, and then all come.
    pub(super) async fn to_device(
        &self,
        txn: &mut ReadTxn,
        since: Option<Position>,
        changed: Option<Position>,
        until: &mut Position,
    ) -> Result<Events, StorageError> {
        #[derive(Serialize)]
        struct Message<'a> {
            sender: &'a str,
            #[serde(rename = "type")]
            event_type: &'a str,
            content: &'a RawValue,
        }

        let Some(device_id) = &self.requester.device_id else { return Ok(Events::default()) };
        let after = since.unwrap_or(Position(i64::MIN));
        let user_id = &self.requester.user_id;
        let mut messages = to_device::list(txn, user_id, device_id, after, *until, MAX_TO_DEVICE + 1).await?;
        if messages.len() > usize::try_from(MAX_TO_DEVICE).unwrap_or(usize::MAX) {
            // Several messages may stand at one place, and a token cannot stand between them.
            let last = messages[messages.len() - 1].position;
            let fitting = messages.iter().take_while(|message| message.position < last).count();
            match fitting.checked_sub(1).map(|newest| messages[newest].position) {
                Some(end) if changed.is_none_or(|changed| changed <= end) => {
                    messages.truncate(fitting);
                    *until = end;
                }
                _ => {
                    let all = u32::try_from(to_device::MAX_WAITING).unwrap_or(u32::MAX);
                    messages = to_device::list(txn, user_id, device_id, after, *until, all).await?;
                }
            }
        }
        let mut events = Vec::with_capacity(messages.len());
        for message in &messages {
            let unreadable =
                |error: serde_json::Error| StorageError::Inconsistent(format!("to-device: {error}"));
            let content: &RawValue = serde_json::from_str(&message.content).map_err(unreadable)?;
            let (sender, event_type) = (message.sender.as_str(), message.event_type.as_str());
            events.push(to_raw_value(&Message { sender, event_type, content }).map_err(unreadable)?);
        }
        Ok(Events { events })
    }

    pub(super) async fn device_lists(
        &self,
        txn: &mut ReadTxn,
        since: Option<Position>,
    ) -> Result<DeviceLists, StorageError> {
        let Some(since) = since else { return Ok(DeviceLists::default()) };
        let changes = device_lists::list_changes(txn, &self.requester.user_id, since).await?;
        Ok(DeviceLists {
            changed: changes.changed.into_iter().collect(),
            left: changes.left.into_iter().collect(),
        })
    }

    pub(super) async fn one_time_keys(
        &self,
        txn: &mut ReadTxn,
    ) -> Result<(BTreeMap<String, i64>, Vec<String>), StorageError> {
        let Some(device_id) = &self.requester.device_id else { return Ok(Default::default()) };
        let user_id = &self.requester.user_id;
        let mut counts: BTreeMap<String, i64> =
            one_time_keys::count(txn, user_id, device_id).await?.into_iter().collect();
        // A client that hears of no count does not know that it has to upload keys.
        counts.entry("signed_curve25519".to_owned()).or_insert(0);
        let unused = one_time_keys::list_unused_fallback_algorithms(txn, user_id, device_id).await?;
        Ok((counts, unused))
    }

    async fn rooms(
        &self,
        txn: &mut ReadTxn,
        memberships: &[Membership],
        (since, until): Range,
        news: News,
        own: &mut OwnData,
    ) -> Result<Rooms, StorageError> {
        let wanted = self.choose(txn, memberships, (since, until), news, own).await?;
        let nids: Vec<RoomNid> = wanted.iter().map(|membership| membership.room).collect();
        let mut by_nid: BTreeMap<RoomNid, Room> = BTreeMap::new();
        for piece in nids.chunks(1_000) {
            by_nid.extend(rooms::list(txn, piece).await?.into_iter().map(|room| (room.nid, room)));
        }
        let mut answer = Rooms::default();
        let mut joined = Vec::new();
        for membership in wanted {
            let Some(room) = by_nid.remove(&membership.room) else { continue };
            if self.takes(&room) {
                if membership.membership == "join" {
                    joined.push((room.nid, room.room_id.clone()));
                }
                self.room(txn, room, membership, (since, until), own, &mut answer).await?;
            }
        }
        self.count_unread(txn, &joined, &mut answer).await?;
        Ok(answer)
    }

    /// The memberships in rooms that may have something new.
    async fn choose<'m>(
        &self,
        txn: &mut ReadTxn,
        memberships: &'m [Membership],
        (since, until): Range,
        news: News,
        own: &mut OwnData,
    ) -> Result<Vec<&'m Membership>, StorageError> {
        let unwanted = unwanted_invites(txn, memberships, &own.ignored).await?;
        let visible = memberships.iter().filter(|membership| {
            membership.since_position <= until
                && !(membership.forgotten && is_gone(membership))
                && !unwanted.contains(&membership.room)
        });
        let joined: Vec<RoomNid> = memberships
            .iter()
            .filter(|membership| membership.membership == "join")
            .map(|membership| membership.room)
            .collect();
        if news.receipts {
            own.read_receipts(txn, self, &joined, since).await?;
        }
        let Some(since) = since else {
            let visible: Vec<&Membership> = visible.collect();
            if self.filter.room.include_leave {
                return Ok(visible);
            }
            let left = self.left_by_oneself(txn, &visible).await?;
            return Ok(visible.into_iter().filter(|membership| !left.contains(&membership.event)).collect());
        };
        let changed: BTreeSet<RoomNid> =
            rooms::list_changed(txn, &joined, since).await?.into_iter().collect();
        Ok(visible
            .filter(|membership| match membership.membership.as_str() {
                "join" => {
                    self.request.full_state
                        || changed.contains(&membership.room)
                        || own.concerns(membership.room)
                }
                _ => membership.since_position > since,
            })
            .collect())
    }

    /// The memberships by which the user went of its own will. What others did to it is told to a client that begins
    /// as well, as in Synapse.
    async fn left_by_oneself(
        &self,
        txn: &mut ReadTxn,
        memberships: &[&Membership],
    ) -> Result<BTreeSet<EventNid>, StorageError> {
        let gone = memberships.iter().filter(|membership| is_gone(membership));
        let nids: Vec<EventNid> = gone.map(|membership| membership.event).collect();
        let mut left = BTreeSet::new();
        for piece in nids.chunks(1_000) {
            let senders = events::list_senders(txn, piece).await?;
            let own = senders.into_iter().filter(|(_, sender)| *sender == self.requester.user_id);
            left.extend(own.map(|(nid, _)| nid));
        }
        Ok(left)
    }

    pub(super) fn takes(&self, room: &Room) -> bool {
        let filter = &self.filter.room;
        filter.rooms.as_ref().is_none_or(|rooms| rooms.contains(&room.room_id))
            && !filter.not_rooms.contains(&room.room_id)
            && !self.shared.settings.excluded_rooms.contains(&room.room_id)
    }

    async fn room(
        &self,
        txn: &mut ReadTxn,
        room: Room,
        membership: &Membership,
        range: Range,
        own: &mut OwnData,
        answer: &mut Rooms,
    ) -> Result<(), StorageError> {
        let room_id = room.room_id.clone();
        match membership.membership.as_str() {
            "join" => {
                if let Some(joined) = self.joined(txn, room, membership, range, own).await? {
                    answer.join.insert(room_id, joined);
                }
            }
            "invite" => {
                if let Some(invite_state) = self.stripped(txn, room, membership).await? {
                    answer.invite.insert(room_id, InvitedRoom { invite_state });
                }
            }
            "knock" => {
                if let Some(knock_state) = self.stripped(txn, room, membership).await? {
                    answer.knock.insert(room_id, KnockedRoom { knock_state });
                }
            }
            _ => {
                if let Some(left) = self.left(txn, room, membership, range, own).await? {
                    answer.leave.insert(room_id, left);
                }
            }
        }
        Ok(())
    }

    async fn joined(
        &self,
        txn: &mut ReadTxn,
        room: Room,
        membership: &Membership,
        (since, until): Range,
        own: &mut OwnData,
    ) -> Result<Option<JoinedRoom>, StorageError> {
        let Some(access) = Access::of_member(room, own.ignored.clone())? else { return Ok(None) };
        // Whoever joined since then knows nothing of the room.
        let since_of_room = since.filter(|since| membership.since_position <= *since);
        let span = Span { since: since_of_room, until, full_state: self.request.full_state };
        let history = self.history(txn, &access, span).await?;
        if since.is_some() && since_of_room.is_none() {
            own.read_room(txn, self, access.room.nid).await?;
        }
        let (state, state_after) = self.place_state(history.state);
        let joined = JoinedRoom {
            timeline: history.timeline,
            state,
            state_after,
            summary: history.summary,
            account_data: own.take_account_data(access.room.nid),
            ephemeral: own.take_ephemeral(access.room.nid),
            ..JoinedRoom::default()
        };
        let is_new = since_of_room.is_none() || self.request.full_state;
        if !is_new && joined.is_empty() {
            return Ok(None);
        }
        Ok(Some(joined))
    }

    /// Under `state`, or under `state_after` for clients that want it.
    fn place_state(&self, events: Vec<Box<RawValue>>) -> (Option<Events>, Option<Events>) {
        let state = Some(Events { events });
        if self.request.use_state_after { (None, state) } else { (state, None) }
    }

    /// Counts for all rooms of the answer at once. Threads are counted apart only for clients that know of them.
    async fn count_unread(
        &self,
        txn: &mut ReadTxn,
        rooms: &[(RoomNid, OwnedRoomId)],
        answer: &mut Rooms,
    ) -> Result<(), StorageError> {
        let user_id = &self.requester.user_id;
        let told = rooms.iter().filter(|(_, room_id)| answer.join.contains_key(room_id));
        let nids: Vec<RoomNid> = told.map(|(nid, _)| *nid).collect();
        let mut counts = self.shared.notifications.counts(txn, user_id, &nids).await?;
        for (nid, room_id) in rooms {
            let Some(joined) = answer.join.get_mut(room_id) else { continue };
            let Some(counts) = counts.remove(nid) else { continue };
            if self.filter.room.timeline.unread_thread_notifications {
                joined.unread_notifications = counts.main.into();
                joined.unread_thread_notifications =
                    counts.threads.into_iter().map(|(root, count)| (root, count.into())).collect();
            } else {
                joined.unread_notifications = counts.total().into();
            }
        }
        Ok(())
    }

    async fn stripped(
        &self,
        txn: &mut ReadTxn,
        room: Room,
        membership: &Membership,
    ) -> Result<Option<Events>, StorageError> {
        let Some(access) = Access::of_member(room, Ignored::default())? else { return Ok(None) };
        Ok(Some(self.stripped_state(txn, &access, membership.event).await?))
    }

    /// A room that the user has gone from: what came before that, and the going itself.
    async fn left(
        &self,
        txn: &mut ReadTxn,
        room: Room,
        membership: &Membership,
        (since, until): Range,
        own: &mut OwnData,
    ) -> Result<Option<LeftRoom>, StorageError> {
        let room_id = room.room_id.clone();
        match Access::find(txn, &room_id, &self.requester.user_id).await {
            Ok(access) if access.left_by.is_some() => {
                let until = until.min(access.until);
                let span = Span { since, until, full_state: self.request.full_state };
                let history = self.history(txn, &access, span).await?;
                let (state, state_after) = self.place_state(history.state);
                let account_data = own.take_account_data(access.room.nid);
                Ok(Some(LeftRoom { timeline: history.timeline, state, state_after, account_data }))
            }
            // The user never was in the room: an invite was refused or taken back.
            Ok(_) | Err(ReadError::NotInRoom { .. }) => {
                let Some(access) = Access::of_member(room, Ignored::default())? else { return Ok(None) };
                let Some(stored) = events::list(txn, &[membership.event]).await?.pop() else {
                    return Ok(None);
                };
                let reader = self.reader(&access);
                let shown: Vec<Shown> = reader.see_own(&stored)?.into_iter().collect();
                let events = reader.format(txn, &shown, self.form).await?;
                let events = events.into_iter().map(|event| self.fields.pick(event)).collect();
                let timeline = Timeline { events, limited: false, prev_batch: None };
                Ok(Some(LeftRoom { timeline, state: Some(Events::default()), ..LeftRoom::default() }))
            }
            Err(ReadError::Internal(error)) => Err(error),
            Err(ReadError::NotFound(_) | ReadError::InvalidToken) => Ok(None),
        }
    }
}

fn is_gone(membership: &Membership) -> bool {
    matches!(membership.membership.as_str(), "leave" | "ban")
}

/// The rooms that the user joined after the place.
fn newly_joined(memberships: &[Membership], since: Option<Position>) -> Vec<RoomNid> {
    let Some(since) = since else { return Vec::new() };
    let joined = memberships.iter().filter(|membership| membership.membership == "join");
    joined.filter(|membership| membership.since_position > since).map(|membership| membership.room).collect()
}

/// The rooms to which ignored users invite.
pub(super) async fn unwanted_invites(
    txn: &mut ReadTxn,
    memberships: &[Membership],
    ignored: &Ignored,
) -> Result<BTreeSet<RoomNid>, StorageError> {
    if ignored.is_empty() {
        return Ok(BTreeSet::new());
    }
    let invites = memberships.iter().filter(|membership| membership.membership == "invite");
    let rooms: BTreeMap<EventNid, RoomNid> =
        invites.map(|membership| (membership.event, membership.room)).collect();
    let nids: Vec<EventNid> = rooms.keys().copied().collect();
    let mut unwanted = BTreeSet::new();
    for piece in nids.chunks(1_000) {
        let senders = events::list_senders(txn, piece).await?;
        let ignored = senders.into_iter().filter(|(_, sender)| ignored.contains(sender.as_str()));
        unwanted.extend(ignored.filter_map(|(nid, _)| rooms.get(&nid).copied()));
    }
    Ok(unwanted)
}
