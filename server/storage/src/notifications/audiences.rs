//! Sets of users that events notify.
//!
//! In a large room each join or leave makes another set. Such a set is stored by its difference to one that is stored
//! whole, its base, as long as that is short: about the square root of the number of members is where differences
//! begin to take more than bases.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Digest, read_digest};
use crate::{
    AudienceNid, ReadTxn, RoomNid, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// Sets of fewer users are stored whole.
const SMALL: usize = 64;

/// Bases that are tried: a room may have a few kinds of sets, such as all and all that are not silent.
const TRIED_BASES: u32 = 3;

/// A set of users.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audience {
    pub nid: AudienceNid,
    /// What the set is known by: SHA-256 of its members as a sorted JSON list.
    pub digest: Digest,
    pub members: Members,
}

/// Who is in a set of users.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Members {
    /// All of them, in the order of their ids.
    Whole(Vec<Box<str>>),
    /// Those of another set, which is whole, but for some; in the order of their ids.
    Difference { base: AudienceNid, base_digest: Digest, added: Vec<Box<str>>, removed: Vec<Box<str>> },
}

#[derive(Deserialize, Serialize)]
struct Difference<T> {
    added: Vec<T>,
    removed: Vec<T>,
}

impl FromRow for Audience {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        let text: String = row.get(2)?;
        let base: Option<AudienceNid> = row.get(3)?;
        let members = match base {
            None => Members::Whole(read(&text)?),
            Some(base) => {
                let Difference { added, removed } = read(&text)?;
                Members::Difference { base, base_digest: read_digest(row, 4)?, added, removed }
            }
        };
        Ok(Self { nid: row.get(0)?, digest: read_digest(row, 1)?, members })
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError::Inconsistent(format!("a set of users: {error}")))
}

/// Those sets of users.
pub async fn list_audiences(
    txn: &mut ReadTxn,
    audiences: &[AudienceNid],
) -> Result<Vec<Audience>, StorageError> {
    txn.fetch_all(LIST, args![Value::list(audiences.iter().map(|audience| audience.0))]).await
}

/// The set of those members, a sorted JSON list with that SHA-256. It is stored if the room has had no such set before,
/// and stays at least as long as a notification of the room names it.
pub async fn intern_audience(
    txn: &mut WriteTxn,
    room: RoomNid,
    digest: &Digest,
    members: &str,
) -> Result<AudienceNid, StorageError> {
    if let Some(found) = txn.fetch_optional(FIND, args![room, digest.as_slice()]).await? {
        return Ok(found);
    }
    let sorted: Vec<String> = read(members)?;
    let count = i64::try_from(sorted.len()).unwrap_or(i64::MAX);
    let (base, text) = match find_base(txn, room, &sorted).await? {
        Some((base, difference)) => (Some(base), difference),
        None => (None, members.to_owned()),
    };
    txn.fetch_one(INSERT, args![room, digest.as_slice(), text, base, count]).await
}

/// Forgets the sets of a room that are not used any more.
pub(super) async fn prune(txn: &mut WriteTxn, room: RoomNid) -> Result<(), StorageError> {
    txn.write(PRUNE, args![room]).await?;
    Ok(())
}

/// A base that the set differs little from, and that difference.
async fn find_base(
    txn: &mut ReadTxn,
    room: RoomNid,
    members: &[String],
) -> Result<Option<(AudienceNid, String)>, StorageError> {
    if members.len() < SMALL {
        return Ok(None);
    }
    let most = (2 * members.len()).isqrt();
    let (least_count, most_count) = (members.len() - most, members.len() + most);
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let args = args![room, count(least_count), count(most_count), TRIED_BASES];
    let bases: Vec<(AudienceNid, String)> = txn.fetch_all(LIST_BASES, args).await?;
    for (base, text) in bases {
        let of_base: Vec<String> = read(&text)?;
        if let Some(difference) = difference(&of_base, members, most) {
            // Two lists of texts are always JSON.
            let text = serde_json::json!(difference).to_string();
            return Ok(Some((base, text)));
        }
    }
    Ok(None)
}

/// What makes `new` of `base`, both sorted, if that is no more than `most` members.
fn difference<'a>(base: &'a [String], new: &'a [String], most: usize) -> Option<Difference<&'a str>> {
    let mut found = Difference { added: Vec::new(), removed: Vec::new() };
    let (mut base, mut new) = (base.iter().peekable(), new.iter().peekable());
    loop {
        if found.added.len() + found.removed.len() > most {
            return None;
        }
        let order = match (base.peek(), new.peek()) {
            (None, None) => return Some(found),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(of_base), Some(of_new)) => of_base.cmp(of_new),
        };
        let of_base = if order.is_le() { base.next() } else { None };
        let of_new = if order.is_ge() { new.next() } else { None };
        match order {
            Ordering::Less => found.removed.extend(of_base.map(String::as_str)),
            Ordering::Equal => {}
            Ordering::Greater => found.added.extend(of_new.map(String::as_str)),
        }
    }
}

sql! {
    FIND = "SELECT audience_nid FROM audiences WHERE room_nid = $1 AND digest = $2";
    INSERT = "INSERT INTO audiences (room_nid, digest, members, base_nid, member_count)
        VALUES ($1, $2, $3, $4, $5)
        RETURNING audience_nid";
    LIST_BASES = "SELECT audience_nid, members
        FROM audiences
        WHERE room_nid = $1 AND base_nid IS NULL AND member_count BETWEEN $2 AND $3
        ORDER BY audience_nid DESC
        LIMIT $4";
    LIST = "SELECT audiences.audience_nid, audiences.digest, audiences.members, bases.audience_nid, bases.digest
        FROM audiences
        LEFT JOIN audiences AS bases ON bases.audience_nid = audiences.base_nid
        WHERE audiences.audience_nid IN (SELECT CAST(value AS BIGINT) FROM json_each($1))";
    PRUNE = "DELETE FROM audiences
        WHERE room_nid = $1
            AND audience_nid NOT IN (SELECT audience_nid FROM notifications WHERE room_nid = $1)
            AND audience_nid NOT IN (
                SELECT base_nid FROM audiences AS others WHERE others.room_nid = $1 AND others.base_nid IS NOT NULL
            )";
}
