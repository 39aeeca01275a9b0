//! Sending messages and state.

use myelin_core::{Event, json::Object};
use myelin_storage::{StorageError, relations, rooms, sent_transactions};
use ruma::{OwnedEventId, RoomId, UserId};

use super::{
    RoomError, Rooms,
    content::{aliases, check_content, read_content},
    membership::MembershipError,
    redact::{RedactError, Redaction},
    relation::Relation,
    turn::{Draft, Turn},
};
use crate::session::Requester;

/// How long a transaction id is remembered, as in Synapse.
const TRANSACTION_LIFETIME_MS: i64 = 24 * 3600 * 1000;

/// An event as a client asks for it.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    pub event_type: &'a str,
    /// Only state has one.
    pub state_key: Option<&'a str>,
    /// The text of a JSON object.
    pub content: &'a str,
    /// What the client calls it; a repeated request gets the same answer.
    pub transaction_id: Option<&'a str>,
}

/// Why an event is not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The content is no JSON that the room's version takes.
    #[error("{0}")]
    BadJson(String),
    /// Memberships have rules of their own.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// So have redactions.
    #[error(transparent)]
    Redact(#[from] RedactError),
    /// An alias does not lead to this room.
    #[error("{0}")]
    BadAlias(String),
    /// The sender has said the same of that event already.
    #[error("Can't send same reaction twice")]
    DuplicateAnnotation,
    #[error(transparent)]
    Room(#[from] RoomError),
}

macro_rules! through_room_error {
    ($($error:ty),*) => {$(
        impl From<$error> for SendError {
            fn from(error: $error) -> Self {
                Self::Room(error.into())
            }
        }
    )*};
}
through_room_error!(StorageError, super::turn::BuildError, crate::ratelimit::LimitExceeded);

impl Rooms {
    /// Sends a message or a state event.
    ///
    /// A state event that changes nothing is not sent: the answer names the event that is there.
    ///
    /// # Errors
    /// [`SendError`]; nothing was stored then.
    pub async fn send(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        new: NewEvent<'_>,
    ) -> Result<OwnedEventId, SendError> {
        let result = self.send_new(requester, room_id, new).await;
        self.or_sent(result, requester, room_id, new.transaction_id).await
    }

    /// What was sent once stays sent, even if it would be refused now.
    pub(super) async fn or_sent<E: From<StorageError>>(
        &self,
        result: Result<OwnedEventId, E>,
        requester: &Requester,
        room_id: &RoomId,
        transaction_id: Option<&str>,
    ) -> Result<OwnedEventId, E> {
        if result.is_ok() || transaction_id.is_none() {
            return result;
        }
        // The other one may be on its way to the disk.
        self.0.turns.settle(room_id).await;
        self.find_sent(requester, room_id, transaction_id).await?.map_or(result, Ok)
    }

    async fn send_new(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        new: NewEvent<'_>,
    ) -> Result<OwnedEventId, SendError> {
        let mut turn = self.0.turns.take(room_id).await?.ok_or(RoomError::UnknownRoom)?;
        let content = read_content(&turn, new.content)?;
        match (new.event_type, new.state_key) {
            ("m.room.member", Some(state_key)) => {
                drop(turn);
                return Ok(self.send_member(requester, room_id, state_key, content).await?);
            }
            ("m.room.redaction", None) => {
                drop(turn);
                let target = content.get_str("redacts").unwrap_or_default().to_owned();
                let redaction = Redaction { target: &target, content, transaction_id: new.transaction_id };
                return Ok(self.redact_with(requester, room_id, redaction).await?);
            }
            _ => {}
        }
        self.count_message(&requester.user_id)?;
        check_content(new.event_type, new.state_key, &content, &self.0.settings.server_name)?;
        self.check_annotation(&turn, &requester.user_id, new.event_type, &content).await?;
        if new.event_type == "m.room.canonical_alias" && new.state_key == Some("") {
            self.check_aliases(&mut turn, &content).await?;
        }
        if let Some(state_key) = new.state_key {
            let before = turn.state(new.event_type, state_key).await?;
            if let Some(before) = before.filter(|before| is_same(before, &requester.user_id, &content)) {
                return Ok(event_id(&before));
            }
        }
        let draft = Draft {
            sender: requester.user_id.clone(),
            event_type: new.event_type.to_owned(),
            state_key: new.state_key.map(str::to_owned),
            content,
            redacts: None,
        };
        let sent = event_id(turn.append(draft).await?);
        Ok(self.store_sent(turn, requester, new.transaction_id, sent).await?)
    }

    /// The event that the device sent under that transaction id before.
    async fn find_sent(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        transaction_id: Option<&str>,
    ) -> Result<Option<OwnedEventId>, StorageError> {
        let (Some(transaction_id), Some(device_id)) = (transaction_id, &requester.device_id) else {
            return Ok(None);
        };
        let mut txn = self.store().read().await?;
        let Some(room) = rooms::find(&mut txn, room_id).await? else { return Ok(None) };
        sent_transactions::find(&mut txn, &requester.user_id, device_id, room.nid, transaction_id).await
    }

    /// Stores a turn whose last event a client sent. It fails if the same request was faster: the answer is what
    /// [`Self::or_sent`] finds then.
    pub(super) async fn store_sent(
        &self,
        turn: Turn,
        requester: &Requester,
        transaction_id: Option<&str>,
        sent: OwnedEventId,
    ) -> Result<OwnedEventId, StorageError> {
        let mut unit = turn.write("room::send").await?;
        if let (Some(device_id), Some(transaction_id)) = (&requester.device_id, transaction_id) {
            let (user_id, room) = (&requester.user_id, unit.room()?);
            if let Some(event) = unit.newest() {
                let (txn, expires_ts) =
                    (&mut unit.txn, self.0.turns.clock.now_ts() + TRANSACTION_LIFETIME_MS);
                sent_transactions::insert(txn, user_id, device_id, room, transaction_id, event, expires_ts)
                    .await?;
            }
        }
        unit.commit().await?;
        Ok(sent)
    }

    /// Nobody says the same of an event twice:
    /// <https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations>.
    async fn check_annotation(
        &self,
        turn: &Turn,
        sender: &UserId,
        event_type: &str,
        content: &Object,
    ) -> Result<(), SendError> {
        let (Some(relation), Some(room)) = (Relation::of(content), turn.head().room) else { return Ok(()) };
        let Some(key) = relation.key else { return Ok(()) };
        // The first one may be on its way.
        turn.settle().await?;
        let mut txn = self.store().read().await?;
        match relations::has_annotated(&mut txn, room, &relation.target, sender, event_type, key).await? {
            true => Err(SendError::DuplicateAnnotation),
            false => Ok(()),
        }
    }

    /// Aliases that a room shows must be its own: <https://spec.matrix.org/v1.19/client-server-api/#mroomcanonical_alias>.
    async fn check_aliases(&self, turn: &mut Turn, content: &Object) -> Result<(), SendError> {
        let before = turn.state("m.room.canonical_alias", "").await?;
        let known: Vec<String> = before.iter().flat_map(|event| aliases(event.content())).collect();
        for alias in aliases(content).into_iter().filter(|alias| !known.contains(alias)) {
            let parsed = ruma::RoomAliasId::parse(&alias)
                .map_err(|_| RoomError::BadContent(format!("{alias} is not a room alias")))?;
            let mut txn = self.store().read().await?;
            let found = myelin_storage::aliases::find(&mut txn, &parsed).await?;
            if found.is_none_or(|found| Some(found.room) != turn.head().room) {
                return Err(SendError::BadAlias(format!("Room alias {alias} does not point to the room")));
            }
        }
        Ok(())
    }
}

fn is_same(before: &Event, sender: &UserId, content: &Object) -> bool {
    before.sender() == sender.as_str() && before.content() == content
}

pub(super) fn event_id(event: &Event) -> OwnedEventId {
    // The core made the id, or read it from the database: it is one.
    OwnedEventId::try_from(event.event_id()).expect("an event has an event id")
}
