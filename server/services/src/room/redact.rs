//! Taking back what was said: <https://spec.matrix.org/v1.19/client-server-api/#redactions>.

use myelin_core::{
    Event,
    auth::AuthState,
    json::Object,
    power_levels::{Action, PowerLevels},
};
use myelin_storage::{StorageError, events, rooms};
use ruma::{EventId, OwnedEventId, RoomId};

use super::{
    RoomError, Rooms,
    send::event_id,
    turn::{Draft, Turn},
};
use crate::session::Requester;

/// Why an event is not redacted.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// There is no such event in the room.
    #[error("could not find event {0}")]
    UnknownEvent(String),
    #[error(transparent)]
    Room(#[from] RoomError),
}

/// A redaction as a client asks for it.
pub(super) struct Redaction<'a> {
    pub(super) target: &'a str,
    pub(super) content: Object,
    pub(super) transaction_id: Option<&'a str>,
}

impl From<StorageError> for RedactError {
    fn from(error: StorageError) -> Self {
        Self::Room(error.into())
    }
}

impl Rooms {
    /// Redacts an event: one's own, or anybody's with the power for it.
    ///
    /// # Errors
    /// [`RedactError`]; nothing was stored then.
    pub async fn redact(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        target: &EventId,
        reason: Option<&str>,
        transaction_id: Option<&str>,
    ) -> Result<OwnedEventId, RedactError> {
        let content = reason.map(|reason| Object::from_iter([("reason", reason)])).unwrap_or_default();
        let redaction = Redaction { target: target.as_str(), content, transaction_id };
        let result = self.redact_with(requester, room_id, redaction).await;
        self.or_sent(result, requester, room_id, transaction_id).await
    }

    /// Without looking whether it was sent before, which only matters where it is refused now.
    pub(super) async fn redact_with(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        redaction: Redaction<'_>,
    ) -> Result<OwnedEventId, RedactError> {
        let Redaction { target, content, transaction_id } = redaction;
        let limits = &self.0.limits;
        let limiter = limits.admin_redactions.as_ref().filter(|_| requester.is_admin);
        limiter.unwrap_or(&limits.messages).record(requester.user_id.clone()).map_err(RoomError::from)?;
        let mut turn = self.0.turns.take(room_id).await?.ok_or(RoomError::UnknownRoom)?;
        self.check_target(&mut turn, requester, room_id, target).await?;
        let draft = Draft {
            redacts: Some(target.to_owned()),
            ..Draft::message(&requester.user_id, "m.room.redaction", content)
        };
        let sent = event_id(turn.append(draft).await.map_err(RoomError::from)?);
        Ok(self.store_sent(turn, requester, transaction_id, sent).await?)
    }

    /// Whether this user may redact that event. The room's rules leave it to the server that applies a redaction.
    async fn check_target(
        &self,
        turn: &mut Turn,
        requester: &Requester,
        room_id: &RoomId,
        target: &str,
    ) -> Result<(), RedactError> {
        turn.read(&[("m.room.create", ""), ("m.room.power_levels", "")]).await?;
        let unknown = || RedactError::UnknownEvent(target.to_owned());
        let target = EventId::parse(target).map_err(|_| unknown())?;
        let mut txn = self.store().read().await?;
        let found = match events::find(&mut txn, &target).await? {
            Some(found) => {
                let room = rooms::get(&mut txn, found.room).await?;
                if room.room_id != room_id {
                    let reason = "Cannot redact event from a different room".to_owned();
                    return Err(RoomError::BadContent(reason).into());
                }
                Some(found.read(room.rules()?)?)
            }
            None => None,
        };
        drop(txn);
        let forbidden = |reason: &str| Err(RoomError::Forbidden(reason.to_owned()).into());
        match found.as_ref().map(Event::event_type) {
            Some("m.room.create") => return forbidden("Redacting create events is not permitted"),
            Some("m.room.server_acl") => return forbidden("Redacting server ACL events is not permitted"),
            _ => {}
        }
        let head = turn.head();
        let Some(create) = head.known.get("m.room.create", "") else { return Err(unknown()) };
        let levels = PowerLevels::new(head.rules, create, head.known.get("m.room.power_levels", ""));
        if levels.allows(requester.user_id.as_str(), Action::Redact).unwrap_or(false) {
            return if found.is_some() { Ok(()) } else { Err(unknown()) };
        }
        match found {
            None => Err(unknown()),
            Some(event) if event.sender() == requester.user_id.as_str() => Ok(()),
            Some(_) => forbidden("You don't have permission to redact events"),
        }
    }
}
