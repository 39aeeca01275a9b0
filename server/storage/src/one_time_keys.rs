//! One-time and fallback keys: <https://spec.matrix.org/v1.19/client-server-api/#one-time-and-fallback-keys>.
//!
//! They go with their device.

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{
    Position, ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// A key that a device uploads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    /// The part of its name in front of the colon.
    pub algorithm: String,
    /// The part behind it.
    pub key_id: String,
    /// A string or an object, in canonical form.
    pub json: String,
}

impl FromRow for Key {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self { algorithm: row.get(0)?, key_id: row.get(1)?, json: row.get(2)? })
    }
}

/// A wish for a key of that algorithm of a device.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The user.
    pub user_id: OwnedUserId,
    /// The device.
    pub device_id: OwnedDeviceId,
    /// The algorithm, such as `signed_curve25519`.
    pub algorithm: String,
}

/// A key that was given out.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The user.
    pub user_id: OwnedUserId,
    /// The device.
    pub device_id: OwnedDeviceId,
    /// The key.
    pub key: Key,
}

impl FromRow for Claimed {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            user_id: row.get(0)?,
            device_id: row.get(1)?,
            key: Key { algorithm: row.get(2)?, key_id: row.get(3)?, json: row.get(4)? },
        })
    }
}

/// Those of the keys of a device that have one of these ids and are not given out.
pub async fn list_with_ids(
    txn: &mut ReadTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    key_ids: &[&str],
) -> Result<Vec<Key>, StorageError> {
    txn.fetch_all(LIST_WITH_IDS, args![user_id, device_id, Value::list(key_ids)]).await
}

/// Adds keys of a device, which must exist and have none of that algorithm and id.
pub async fn insert(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    keys: &[Key],
    position: Position,
) -> Result<(), StorageError> {
    let rows = keys.iter().map(|key| [&key.algorithm, &key.key_id, &key.json]);
    txn.write(INSERT, args![user_id, device_id, position, Value::list(rows)]).await?;
    Ok(())
}

/// How many keys of each algorithm a device has left.
pub async fn count(
    txn: &mut ReadTxn,
    user_id: &UserId,
    device_id: &DeviceId,
) -> Result<Vec<(String, i64)>, StorageError> {
    txn.fetch_all(COUNT, args![user_id, device_id]).await
}

/// Takes the oldest key for each claim that there is one for. It is gone then: nobody else gets it.
///
/// Claims must differ in user, device or algorithm.
pub async fn take(txn: &mut WriteTxn, claims: &[Claim]) -> Result<Vec<Claimed>, StorageError> {
    let claimed: Vec<Claimed> = txn.fetch_all(FIND_OLDEST, args![list_claims(claims)]).await?;
    let taken = claimed.iter().map(|claimed| {
        [claimed.user_id.as_str(), claimed.device_id.as_str(), &claimed.key.algorithm, &claimed.key.key_id]
    });
    txn.write(DELETE, args![Value::list(taken)]).await?;
    Ok(claimed)
}

/// Replaces the fallback key of its algorithm. The same key again stays marked as used, if it is.
pub async fn set_fallback(
    txn: &mut WriteTxn,
    user_id: &UserId,
    device_id: &DeviceId,
    key: &Key,
) -> Result<(), StorageError> {
    txn.write(SET_FALLBACK, args![user_id, device_id, &key.algorithm, &key.key_id, &key.json]).await?;
    Ok(())
}

/// The fallback keys for the claims that there is one for; they are marked as used.
pub async fn use_fallback(txn: &mut WriteTxn, claims: &[Claim]) -> Result<Vec<Claimed>, StorageError> {
    let claimed: Vec<Claimed> = txn.fetch_all(FIND_FALLBACK, args![list_claims(claims)]).await?;
    let used = claimed
        .iter()
        .map(|claimed| [claimed.user_id.as_str(), claimed.device_id.as_str(), &claimed.key.algorithm]);
    txn.write(MARK_FALLBACK_USED, args![Value::list(used)]).await?;
    Ok(claimed)
}

/// The algorithms of which a device has a fallback key that was not given out yet.
pub async fn list_unused_fallback_algorithms(
    txn: &mut ReadTxn,
    user_id: &UserId,
    device_id: &DeviceId,
) -> Result<Vec<String>, StorageError> {
    txn.fetch_all(LIST_UNUSED_FALLBACK, args![user_id, device_id]).await
}

fn list_claims(claims: &[Claim]) -> Value {
    Value::list(
        claims
            .iter()
            .map(|claim| [claim.user_id.as_str(), claim.device_id.as_str(), claim.algorithm.as_str()]),
    )
}

sql! {
    LIST_WITH_IDS = "
        SELECT algorithm, key_id, json FROM one_time_keys
        WHERE user_id = $1 AND device_id = $2 AND key_id IN (SELECT value FROM json_each($3))
        ORDER BY algorithm, key_id";
    INSERT = "
        INSERT INTO one_time_keys (user_id, device_id, algorithm, key_id, position, json)
        SELECT
            CAST($1 AS TEXT), CAST($2 AS TEXT), json_extract(value, '$[0]'), json_extract(value, '$[1]'),
            CAST($3 AS BIGINT), json_extract(value, '$[2]')
        FROM json_each($4)";
    COUNT = "
        SELECT algorithm, COUNT(*) FROM one_time_keys
        WHERE user_id = $1 AND device_id = $2
        GROUP BY algorithm
        ORDER BY algorithm";
    FIND_OLDEST = "
        SELECT keys.user_id, keys.device_id, keys.algorithm, keys.key_id, keys.json
        FROM json_each($1) AS claims
        JOIN one_time_keys AS keys
            ON keys.user_id = json_extract(claims.value, '$[0]')
            AND keys.device_id = json_extract(claims.value, '$[1]')
            AND keys.algorithm = json_extract(claims.value, '$[2]')
            AND keys.key_id = (
                SELECT oldest.key_id
                FROM one_time_keys AS oldest
                WHERE oldest.user_id = json_extract(claims.value, '$[0]')
                    AND oldest.device_id = json_extract(claims.value, '$[1]')
                    AND oldest.algorithm = json_extract(claims.value, '$[2]')
                ORDER BY oldest.position, oldest.key_id
                LIMIT 1
            )";
    DELETE = "
        DELETE FROM one_time_keys
        WHERE (user_id, device_id, algorithm, key_id) IN (
            SELECT
                json_extract(value, '$[0]'), json_extract(value, '$[1]'),
                json_extract(value, '$[2]'), json_extract(value, '$[3]')
            FROM json_each($1)
        )";
    SET_FALLBACK = "
        INSERT INTO fallback_keys (user_id, device_id, algorithm, key_id, used, json)
        VALUES ($1, $2, $3, $4, FALSE, $5)
        ON CONFLICT (user_id, device_id, algorithm) DO UPDATE
            SET key_id = excluded.key_id, used = FALSE, json = excluded.json
            WHERE fallback_keys.key_id <> excluded.key_id OR fallback_keys.json <> excluded.json";
    FIND_FALLBACK = "
        SELECT keys.user_id, keys.device_id, keys.algorithm, keys.key_id, keys.json
        FROM json_each($1) AS claims
        JOIN fallback_keys AS keys
            ON keys.user_id = json_extract(claims.value, '$[0]')
            AND keys.device_id = json_extract(claims.value, '$[1]')
            AND keys.algorithm = json_extract(claims.value, '$[2]')";
    MARK_FALLBACK_USED = "
        UPDATE fallback_keys SET used = TRUE
        WHERE NOT used AND (user_id, device_id, algorithm) IN (
            SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
            FROM json_each($1)
        )";
    LIST_UNUSED_FALLBACK = "
        SELECT algorithm FROM fallback_keys
        WHERE user_id = $1 AND device_id = $2 AND NOT used
        ORDER BY algorithm";
}

#[cfg(test)]
mod tests;
