//! Reports to the administrators (<https://spec.matrix.org/v1.19/client-server-api/#reporting-content>).

use myelin_config::RateLimit;
use myelin_storage::{
    StorageError, Store, WriteTxn, events,
    reports::{self, Subject},
    rooms, users,
};
use ruma::{EventId, OwnedServerName, OwnedUserId, RoomId, UserId};

use crate::{
    clock::Clock,
    ratelimit::{LimitExceeded, RateLimiter},
    session::Requester,
    timeline::{ReadError, Timelines},
};

/// Bytes of a reason at most.
pub const MAX_REASON_BYTES: usize = 1_000;

/// Why a report is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is no such thing, or the user may not see it.
    #[error("{0}")]
    NotFound(&'static str),
    /// The reason is too long or holds a zero character.
    #[error("a reason may have {MAX_REASON_BYTES} bytes, none of them zero")]
    InvalidReason,
    /// Too many reports.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The database failed.
    #[error(transparent)]
    Internal(#[from] StorageError),
}

/// Takes reports. Cheap to clone.
#[derive(Clone)]
pub struct Reports {
    store: Store,
    clock: Clock,
    timelines: Timelines,
    server_name: OwnedServerName,
    limit: std::sync::Arc<RateLimiter<OwnedUserId>>,
}

impl Reports {
    /// Reports into a store.
    pub fn new(
        store: Store,
        clock: Clock,
        timelines: Timelines,
        server_name: OwnedServerName,
        limit: RateLimit,
    ) -> Self {
        let limit = RateLimiter::new(limit, clock.clone()).into();
        Self { store, clock, timelines, server_name, limit }
    }

    /// Reports an event that the user can see.
    ///
    /// # Errors
    /// [`ReportError`] says why it is refused.
    pub async fn report_event(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        event_id: &EventId,
        reason: Option<&str>,
        score: Option<i64>,
    ) -> Result<(), ReportError> {
        self.admit(requester, reason)?;
        const UNSEEN: ReportError =
            ReportError::NotFound("Unable to report event: it does not exist or you aren't able to see it.");
        match self.timelines.event(requester, room_id, event_id).await {
            Ok(_) => {}
            Err(ReadError::Internal(error)) => return Err(error.into()),
            Err(_) => return Err(UNSEEN),
        }
        let mut txn = self.store.write("reports::report_event").await?;
        let event = events::find(&mut txn, event_id).await?.ok_or(UNSEEN)?;
        let subject = Subject::Event { room: event.room, event: event.nid, score };
        self.insert(txn, requester, &subject, reason).await
    }

    /// Reports a room.
    ///
    /// # Errors
    /// [`ReportError`] says why it is refused.
    pub async fn report_room(
        &self,
        requester: &Requester,
        room_id: &RoomId,
        reason: Option<&str>,
    ) -> Result<(), ReportError> {
        self.admit(requester, reason)?;
        let mut txn = self.store.write("reports::report_room").await?;
        let room =
            rooms::find(&mut txn, room_id).await?.ok_or(ReportError::NotFound("Room does not exist"))?;
        self.insert(txn, requester, &Subject::Room(room.nid), reason).await
    }

    /// Reports a user. A user of this server who is not there is reported to nobody, without a word: so nobody learns
    /// who is.
    ///
    /// # Errors
    /// [`ReportError`] says why it is refused.
    pub async fn report_user(
        &self,
        requester: &Requester,
        user_id: &UserId,
        reason: Option<&str>,
    ) -> Result<(), ReportError> {
        self.admit(requester, reason)?;
        let mut txn = self.store.write("reports::report_user").await?;
        if user_id.server_name() == self.server_name && users::find(&mut txn, user_id).await?.is_none() {
            return Ok(());
        }
        self.insert(txn, requester, &Subject::User(user_id.to_owned()), reason).await
    }

    fn admit(&self, requester: &Requester, reason: Option<&str>) -> Result<(), ReportError> {
        self.limit.record(requester.user_id.clone())?;
        match reason {
            Some(reason) if reason.len() > MAX_REASON_BYTES => Err(ReportError::InvalidReason),
            _ => Ok(()),
        }
    }

    async fn insert(
        &self,
        mut txn: WriteTxn,
        requester: &Requester,
        subject: &Subject,
        reason: Option<&str>,
    ) -> Result<(), ReportError> {
        reports::insert(&mut txn, &requester.user_id, subject, reason, self.clock.now_ts()).await?;
        txn.commit().await?;
        Ok(())
    }
}
