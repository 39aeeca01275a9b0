//! Rooms and their summaries, which sync and lists of rooms read instead of the state.

use myelin_core::{RoomVersion, RoomVersionRules};
use ruma::{OwnedRoomId, RoomId, RoomVersionId, UserId};

use crate::{
    Position, ReadTxn, RoomNid, StateId, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// A room that this server knows.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its number.
    pub nid: RoomNid,
    /// Its id.
    pub room_id: OwnedRoomId,
    /// Its version, which says how its events are read.
    pub version: RoomVersionId,
    /// The current state; none until the first event is accepted.
    pub state: Option<StateId>,
    /// The newest event.
    pub latest_position: Position,
    /// The newest event that moves the room up in a list of rooms.
    pub bump_position: Position,
    /// How many users are joined.
    pub joined_members: u32,
    /// How many users are invited.
    pub invited_members: u32,
    /// What the state events say.
    pub summary: RoomSummary,
}

impl Room {
    /// How its events are read and judged.
    ///
    /// # Errors
    /// If the room has a version that this program does not know.
    pub fn rules(&self) -> Result<&'static RoomVersionRules, StorageError> {
        let version: RoomVersion = self.version.as_str().parse().map_err(|_| {
            StorageError::Inconsistent(format!("{} has room version {}", self.room_id, self.version))
        })?;
        Ok(version.rules())
    }
}

/// What single state events say about a room, each as the string in their content; none where there is no event.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RoomSummary {
    /// `type` of `m.room.create`.
    pub room_type: Option<String>,
    /// `m.room.name`.
    pub name: Option<String>,
    /// `m.room.topic`.
    pub topic: Option<String>,
    /// `alias` of `m.room.canonical_alias`.
    pub canonical_alias: Option<String>,
    /// `url` of `m.room.avatar`.
    pub avatar_url: Option<String>,
    /// `algorithm` of `m.room.encryption`.
    pub encryption: Option<String>,
    /// `join_rule` of `m.room.join_rules`.
    pub join_rule: Option<String>,
    /// `m.room.history_visibility`.
    pub history_visibility: Option<String>,
    /// `m.room.guest_access`.
    pub guest_access: Option<String>,
}

impl FromRow for Room {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            nid: row.get(0)?,
            room_id: row.get(1)?,
            version: row.get(2)?,
            state: StateId::from_columns(row, 3)?,
            latest_position: row.get(5)?,
            bump_position: row.get(6)?,
            joined_members: row.get(7)?,
            invited_members: row.get(8)?,
            summary: RoomSummary {
                room_type: row.get(9)?,
                name: row.get(10)?,
                topic: row.get(11)?,
                canonical_alias: row.get(12)?,
                avatar_url: row.get(13)?,
                encryption: row.get(14)?,
                join_rule: row.get(15)?,
                history_visibility: row.get(16)?,
                guest_access: row.get(17)?,
            },
        })
    }
}

/// Makes a room known, or finds it if it is.
pub async fn insert(
    txn: &mut WriteTxn,
    room_id: &RoomId,
    version: &RoomVersionId,
) -> Result<RoomNid, StorageError> {
    txn.write(INSERT, args![room_id, version]).await?;
    txn.fetch_one(FIND_NID, args![room_id]).await
}

/// The room of that id.
pub async fn find(txn: &mut ReadTxn, room_id: &RoomId) -> Result<Option<Room>, StorageError> {
    txn.fetch_optional(FIND, args![room_id]).await
}

/// The room of that number.
pub async fn get(txn: &mut ReadTxn, room: RoomNid) -> Result<Room, StorageError> {
    txn.fetch_one(GET, args![room]).await
}

/// The rooms of those numbers, in no order. Give it a page, not everything.
pub async fn list(txn: &mut ReadTxn, rooms: &[RoomNid]) -> Result<Vec<Room>, StorageError> {
    txn.fetch_all(LIST, args![Value::list(rooms.iter().map(|room| room.0))]).await
}

/// The rooms that a user is in, in the order of joining.
pub async fn list_joined(txn: &mut ReadTxn, user_id: &UserId) -> Result<Vec<Room>, StorageError> {
    txn.fetch_all(LIST_JOINED, args![user_id]).await
}

/// The ids of the rooms that any of the users is in.
pub async fn list_ids_of_users(
    txn: &mut ReadTxn,
    users: &[&UserId],
) -> Result<Vec<OwnedRoomId>, StorageError> {
    txn.fetch_all(LIST_IDS_OF_USERS, args![Value::list(users)]).await
}

/// Which of those rooms have events after the position.
pub async fn list_changed(
    txn: &mut ReadTxn,
    rooms: &[RoomNid],
    after: Position,
) -> Result<Vec<RoomNid>, StorageError> {
    txn.fetch_all(LIST_CHANGED, args![Value::list(rooms.iter().map(|room| room.0)), after]).await
}

/// The state that a room had at a place; none if it is the current one.
pub async fn find_state_at(
    txn: &mut ReadTxn,
    room: RoomNid,
    at: Position,
) -> Result<Option<StateId>, StorageError> {
    let found: Option<StateAt> = txn.fetch_optional(FIND_STATE_AT, args![room, at]).await?;
    Ok(found.and_then(|found| found.0))
}

/// Notes what the state of a room was before a place, where the event that stands there does not say it: because it
/// does not follow all of the room's newest events, or because none stands there.
pub async fn record_state_before(
    txn: &mut WriteTxn,
    room: RoomNid,
    position: Position,
    state: StateId,
) -> Result<(), StorageError> {
    txn.write(RECORD_STATE_BEFORE, args![room, position, state.line, state.version]).await?;
    Ok(())
}

struct StateAt(Option<StateId>);

impl FromRow for StateAt {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self(StateId::from_columns(row, 0)?))
    }
}

/// Moves a room on from its newest event to a newer one and the state after that. `bump` moves it up in lists of
/// rooms. It fails, and so the unit, if the room is not where the caller believes.
pub async fn advance(
    txn: &mut WriteTxn,
    room: RoomNid,
    from: Position,
    to: Position,
    bump: bool,
    state: StateId,
) -> Result<(), StorageError> {
    txn.write_one(ADVANCE, args![room, from, to, bump, state.line, state.version]).await
}

/// Points a room at another current state, without an event.
pub async fn set_state(txn: &mut WriteTxn, room: RoomNid, state: StateId) -> Result<(), StorageError> {
    txn.write(SET_STATE, args![room, state.line, state.version]).await?;
    Ok(())
}

/// Stores what the state events say now.
pub async fn set_summary(
    txn: &mut WriteTxn,
    room: RoomNid,
    summary: &RoomSummary,
) -> Result<(), StorageError> {
    let RoomSummary {
        room_type,
        name,
        topic,
        canonical_alias,
        avatar_url,
        encryption,
        join_rule,
        history_visibility,
        guest_access,
    } = summary.clone();
    let args = args![
        room,
        room_type,
        name,
        topic,
        canonical_alias,
        avatar_url,
        encryption,
        join_rule,
        history_visibility,
        guest_access
    ];
    txn.write(SET_SUMMARY, args).await?;
    Ok(())
}

sql! {
    INSERT = "
        INSERT INTO rooms (room_id, room_version, latest_position, bump_position, joined_members, invited_members)
        VALUES ($1, $2, 0, 0, 0, 0)
        ON CONFLICT (room_id) DO NOTHING";
    FIND_NID = "SELECT room_nid FROM rooms WHERE room_id = $1";
    FIND = "
        SELECT room_nid, room_id, room_version, state_line, state_version, latest_position, bump_position,
            joined_members, invited_members, room_type, name, topic, canonical_alias, avatar_url, encryption,
            join_rule, history_visibility, guest_access
        FROM rooms WHERE room_id = $1";
    GET = "
        SELECT room_nid, room_id, room_version, state_line, state_version, latest_position, bump_position,
            joined_members, invited_members, room_type, name, topic, canonical_alias, avatar_url, encryption,
            join_rule, history_visibility, guest_access
        FROM rooms WHERE room_nid = $1";
    LIST = "
        SELECT room_nid, room_id, room_version, state_line, state_version, latest_position, bump_position,
            joined_members, invited_members, room_type, name, topic, canonical_alias, avatar_url, encryption,
            join_rule, history_visibility, guest_access
        FROM rooms WHERE room_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
    LIST_JOINED = "
        SELECT rooms.room_nid, room_id, room_version, state_line, state_version, latest_position, bump_position,
            joined_members, invited_members, room_type, name, topic, canonical_alias, avatar_url, encryption,
            join_rule, history_visibility, guest_access
        FROM members JOIN rooms ON rooms.room_nid = members.room_nid
        WHERE user_id = $1 AND membership = 'join'
        ORDER BY since_position, rooms.room_nid";
    LIST_IDS_OF_USERS = "
        SELECT DISTINCT rooms.room_id
        FROM members JOIN rooms ON rooms.room_nid = members.room_nid
        WHERE members.user_id IN (SELECT value FROM json_each($1)) AND members.membership = 'join'
        ORDER BY rooms.room_id";
    LIST_CHANGED = "
        SELECT room_nid FROM rooms
        WHERE room_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) AND latest_position > $2";
    FIND_STATE_AT = "
        SELECT state_line, state_version
        FROM (
            SELECT position, follows, state_line, state_version FROM (
                SELECT position, 0 AS follows, state_line, state_version FROM room_states
                WHERE room_nid = $1 AND position > $2 ORDER BY position LIMIT 1
            ) AS recorded
            UNION ALL
            SELECT position, follows, state_line, state_version FROM (
                SELECT position, 1 AS follows, state_line, state_version FROM events
                WHERE room_nid = $1 AND position > $2 ORDER BY position LIMIT 1
            ) AS next
        ) AS found
        ORDER BY position, follows LIMIT 1";
    RECORD_STATE_BEFORE = "
        INSERT INTO room_states (room_nid, position, state_line, state_version) VALUES ($1, $2, $3, $4)
        ON CONFLICT (room_nid, position) DO NOTHING";
    ADVANCE = "
        UPDATE rooms SET latest_position = $3, bump_position = CASE WHEN $4 THEN $3 ELSE bump_position END,
            state_line = $5, state_version = $6
        WHERE room_nid = $1 AND latest_position = $2";
    SET_STATE = "UPDATE rooms SET state_line = $2, state_version = $3 WHERE room_nid = $1";
    SET_SUMMARY = "
        UPDATE rooms SET room_type = $2, name = $3, topic = $4, canonical_alias = $5, avatar_url = $6,
            encryption = $7, join_rule = $8, history_visibility = $9, guest_access = $10
        WHERE room_nid = $1";
}
