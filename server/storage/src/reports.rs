//! What users reported to the administrators
//! (<https://spec.matrix.org/v1.19/client-server-api/#reporting-content>).

use ruma::{OwnedUserId, UserId};

use crate::{
    EventNid, ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{FromRow, Row, args, sql},
};

/// What a report is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// An event of a room; the score goes from -100, most offensive, to 0.
    Event { room: RoomNid, event: EventNid, score: Option<i64> },
    /// A room.
    Room(RoomNid),
    /// A user.
    User(OwnedUserId),
}

impl Subject {
    fn kind(&self) -> &'static str {
        match self {
            Self::Event { .. } => "event",
            Self::Room(_) => "room",
            Self::User(_) => "user",
        }
    }
}

/// A report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// Counts up.
    pub number: i64,
    /// Who reports.
    pub reporter: OwnedUserId,
    /// What is reported.
    pub subject: Subject,
    /// Why, in the reporter's words.
    pub reason: Option<String>,
    /// When, in milliseconds since 1970.
    pub received_ts: i64,
}

impl FromRow for Report {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        let columns = (row.get::<Option<RoomNid>>(2)?, row.get::<Option<EventNid>>(3)?, row.get(4)?);
        let subject = match columns {
            (Some(room), Some(event), None) => Subject::Event { room, event, score: row.get(6)? },
            (Some(room), None, None) => Subject::Room(room),
            (None, None, Some(user_id)) => Subject::User(user_id),
            _ => return Err(StorageError::Inconsistent("a report is about nothing".to_owned())),
        };
        Ok(Self {
            number: row.get(0)?,
            reporter: row.get(1)?,
            subject,
            reason: row.get(5)?,
            received_ts: row.get(7)?,
        })
    }
}

/// Stores a report.
pub async fn insert(
    txn: &mut WriteTxn,
    reporter: &UserId,
    subject: &Subject,
    reason: Option<&str>,
    received_ts: i64,
) -> Result<(), StorageError> {
    let (room, event, user_id, score) = match subject {
        Subject::Event { room, event, score } => (Some(*room), Some(*event), None, *score),
        Subject::Room(room) => (Some(*room), None, None, None),
        Subject::User(user_id) => (None, None, Some(user_id), None),
    };
    let args = args![subject.kind(), reporter, room, event, user_id, reason, score, received_ts];
    txn.write(INSERT, args).await?;
    Ok(())
}

/// Up to `limit` reports of all kinds after that number, oldest first.
pub async fn list(txn: &mut ReadTxn, after: i64, limit: u32) -> Result<Vec<Report>, StorageError> {
    txn.fetch_all(LIST, args![after, limit]).await
}

sql! {
    INSERT = "INSERT INTO reports (kind, reporter, room_nid, event_nid, user_id, reason, score, received_ts)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    LIST = "SELECT report_nid, reporter, room_nid, event_nid, user_id, reason, score, received_ts
        FROM reports
        WHERE report_nid > $1
        ORDER BY report_nid
        LIMIT $2";
}
