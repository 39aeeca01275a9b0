//! Whose devices or keys changed: <https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user>.

use std::collections::BTreeSet;

use ruma::{OwnedRoomId, OwnedUserId, UserId};

use crate::{
    Position, ReadTxn, StorageError, WriteTxn,
    engine::{args, sql},
};

/// What a client has to do with the lists of devices that it keeps.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeviceListChanges {
    /// Whose devices it has to ask for again: those who changed them and share a room with it, and those who share
    /// an encrypted room with it since then.
    pub changed: BTreeSet<OwnedUserId>,
    /// Whose it can forget: those who share no encrypted room with it any more.
    pub left: BTreeSet<OwnedUserId>,
}

impl DeviceListChanges {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.left.is_empty()
    }
}

/// Records that devices with keys of a user, or the user's cross-signing keys, changed.
///
/// Gives the rooms in which others have to hear of it: those that the user is joined to.
pub async fn record_change(
    txn: &mut WriteTxn,
    user_id: &UserId,
    position: Position,
) -> Result<Vec<OwnedRoomId>, StorageError> {
    txn.write(RECORD_CHANGE, args![user_id, position]).await?;
    txn.fetch_all(LIST_ROOMS, args![user_id]).await
}

/// Records that a user signed the keys of another one, which only the signer sees.
pub async fn record_signed(
    txn: &mut WriteTxn,
    signer: &UserId,
    user_id: &UserId,
    position: Position,
) -> Result<(), StorageError> {
    txn.write(RECORD_SIGNED, args![signer, user_id, position]).await?;
    Ok(())
}

/// What changed for a user after the position: by changes of keys, and by joins and leaves of the user and of others.
///
/// A user may be in `changed` without need. Nobody is in both.
pub async fn list_changes(
    txn: &mut ReadTxn,
    user_id: &UserId,
    after: Position,
) -> Result<DeviceListChanges, StorageError> {
    let mut changes = DeviceListChanges::default();
    for sql in [CHANGED, SIGNED, BEGAN_TO_SHARE] {
        let users: Vec<OwnedUserId> = txn.fetch_all(sql, args![user_id, after]).await?;
        changes.changed.extend(users);
    }
    let left: Vec<OwnedUserId> = txn.fetch_all(ENDED_TO_SHARE, args![user_id, after]).await?;
    changes.left = left.into_iter().filter(|user| !changes.changed.contains(user)).collect();
    Ok(changes)
}

sql! {
    RECORD_CHANGE = "
        INSERT INTO device_lists (user_id, position) VALUES ($1, $2)
        ON CONFLICT (user_id) DO UPDATE SET position = excluded.position";
    LIST_ROOMS = "
        SELECT rooms.room_id
        FROM members JOIN rooms ON rooms.room_nid = members.room_nid
        WHERE members.user_id = $1 AND members.membership = 'join'
        ORDER BY rooms.room_id";
    RECORD_SIGNED = "
        INSERT INTO signed_users (signer_user_id, user_id, position) VALUES ($1, $2, $3)
        ON CONFLICT (signer_user_id, user_id) DO UPDATE SET position = excluded.position";
    CHANGED = "
        SELECT lists.user_id
        FROM device_lists AS lists
        WHERE lists.position > $2 AND (lists.user_id = $1 OR EXISTS (
            SELECT 1
            FROM members AS theirs
            JOIN members AS own ON own.user_id = $1 AND own.room_nid = theirs.room_nid
            WHERE theirs.user_id = lists.user_id AND theirs.membership = 'join' AND own.membership = 'join'
        ))";
    SIGNED = "SELECT user_id FROM signed_users WHERE signer_user_id = $1 AND position > $2";
    // Invited users count, because those who are in the room encrypt for them too. Of a room that the user joined
    // since then everybody is new, of the others those who came since then.
    BEGAN_TO_SHARE = "
        SELECT theirs.user_id
        FROM members AS own
        JOIN rooms ON rooms.room_nid = own.room_nid
        JOIN members AS theirs ON theirs.room_nid = own.room_nid
        WHERE own.user_id = $1 AND own.membership = 'join' AND own.since_position > $2
            AND rooms.encryption IS NOT NULL AND theirs.membership IN ('join', 'invite')
        UNION
        SELECT theirs.user_id
        FROM members AS own
        JOIN rooms ON rooms.room_nid = own.room_nid
        JOIN members AS theirs ON theirs.room_nid = own.room_nid
        WHERE own.user_id = $1 AND own.membership = 'join' AND theirs.since_position > $2 AND theirs.position > $2
            AND rooms.encryption IS NOT NULL AND theirs.membership IN ('join', 'invite')";
    ENDED_TO_SHARE = "
        SELECT gone.user_id
        FROM (
            SELECT theirs.user_id
            FROM members AS own
            JOIN rooms ON rooms.room_nid = own.room_nid
            JOIN members AS theirs ON theirs.room_nid = own.room_nid
            WHERE own.user_id = $1 AND own.membership IN ('leave', 'ban') AND own.since_position > $2
                AND rooms.encryption IS NOT NULL AND theirs.membership IN ('join', 'invite')
            UNION
            SELECT theirs.user_id
            FROM members AS own
            JOIN rooms ON rooms.room_nid = own.room_nid
            JOIN members AS theirs ON theirs.room_nid = own.room_nid
            WHERE own.user_id = $1 AND own.membership = 'join' AND theirs.since_position > $2 AND theirs.position > $2
                AND rooms.encryption IS NOT NULL AND theirs.membership IN ('leave', 'ban')
        ) AS gone
        WHERE gone.user_id <> $1 AND NOT EXISTS (
            SELECT 1
            FROM members AS theirs
            JOIN members AS own ON own.user_id = $1 AND own.room_nid = theirs.room_nid
            JOIN rooms ON rooms.room_nid = theirs.room_nid
            WHERE theirs.user_id = gone.user_id AND theirs.membership IN ('join', 'invite')
                AND own.membership = 'join' AND rooms.encryption IS NOT NULL
        )";
}

#[cfg(test)]
mod tests;
