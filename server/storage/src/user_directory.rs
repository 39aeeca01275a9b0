//! Whom users find: <https://spec.matrix.org/v1.19/client-server-api/#user-directory>.

use ruma::{OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
    words,
};

/// Words of a user that are kept at most, of each source.
const MAX_WORDS: usize = 64;

/// What a word of each source counts. A whole word counts twice, so that it is more than a beginning of another.
const LOCAL_PART: i64 = 7;
const DISPLAY_NAME: i64 = 6;
const SERVER: i64 = 1;

/// Whom to look for.
#[derive(Clone, Copy, Debug)]
pub struct UserQuery<'a> {
    /// Who looks.
    pub searcher: &'a UserId,
    /// Beginnings of words, folded, all different; each has to fit.
    pub words: &'a [String],
    /// Everybody, but for the one who looks; not only those in shared and public rooms.
    pub everybody: bool,
    /// Users of this server only.
    pub only_local: bool,
    /// Users of this server before others who fit as well.
    pub local_first: bool,
    /// Also users whose accounts are locked.
    pub with_locked: bool,
    pub limit: u32,
}

/// Somebody who was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FoundUser {
    pub user_id: OwnedUserId,
    /// Of the global profile: what a user shows in one room is for that room.
    pub display_name: Option<String>,
    /// See `display_name`.
    pub avatar_url: Option<String>,
}

impl FromRow for FoundUser {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self { user_id: row.get(0)?, display_name: row.get(1)?, avatar_url: row.get(2)? })
    }
}

/// Replaces the words by which a user is found. Whoever stores a profile does this in the same unit.
pub(crate) async fn set(
    txn: &mut WriteTxn,
    user_id: &UserId,
    display_name: Option<&str>,
) -> Result<(), StorageError> {
    delete(txn, user_id).await?;
    let sources = [
        (user_id.localpart(), LOCAL_PART),
        (display_name.unwrap_or_default(), DISPLAY_NAME),
        (user_id.server_name().as_str(), SERVER),
    ];
    for (text, weight) in sources {
        let words = words::distinct(text, MAX_WORDS);
        if !words.is_empty() {
            txn.write(INSERT, args![user_id, weight, Value::list(words)]).await?;
        }
    }
    Ok(())
}

/// Lets nobody find the user any more.
pub(crate) async fn delete(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.write(DELETE, args![user_id]).await?;
    Ok(())
}

/// The users who fit, best first. Closed accounts, those of application services and of the operator's support are
/// not found.
pub async fn search(txn: &mut ReadTxn, query: UserQuery<'_>) -> Result<Vec<FoundUser>, StorageError> {
    let UserQuery { searcher, words, everybody, only_local, local_first, with_locked, limit } = query;
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let count = i64::try_from(words.len()).unwrap_or(i64::MAX);
    let args = args![
        Value::list(words),
        // Above every character that a word has.
        "\u{10FFFF}",
        count,
        searcher,
        only_local,
        local_first,
        with_locked,
        limit,
        everybody
    ];
    txn.fetch_all(SEARCH, args).await
}

sql! {
    DELETE = "DELETE FROM user_directory_words WHERE user_id = $1";
    INSERT = "
        INSERT INTO user_directory_words (word, user_id, weight)
        SELECT value, $1, $2 FROM json_each($3) WHERE TRUE
        ON CONFLICT (word, user_id) DO NOTHING";
    SEARCH = "
        WITH fitting (user_id, score) AS (
            SELECT user_id, SUM(score)
            FROM (
                SELECT user_id, MAX(CASE WHEN word = wanted.value THEN 2 * weight ELSE weight END) AS score
                FROM json_each($1) AS wanted
                JOIN user_directory_words ON word >= wanted.value AND word < wanted.value || CAST($2 AS TEXT)
                GROUP BY user_id, wanted.value
            ) AS scores
            GROUP BY user_id HAVING COUNT(*) = $3
            ORDER BY SUM(score) DESC, user_id LIMIT 10000
        )
        SELECT fitting.user_id, display_name, avatar_url
        FROM fitting
        LEFT JOIN users ON users.user_id = fitting.user_id
        LEFT JOIN profiles ON profiles.user_id = fitting.user_id
        WHERE (users.user_id IS NOT NULL OR NOT $5)
            AND (users.user_id IS NULL OR (NOT is_deactivated AND (NOT is_locked OR $7)
                AND appservice_id IS NULL AND COALESCE(user_type, '') <> 'support'))
            AND CASE WHEN $9 THEN fitting.user_id <> $4 ELSE
                EXISTS (
                    SELECT 1
                    FROM members JOIN rooms ON rooms.room_nid = members.room_nid
                    WHERE members.user_id = fitting.user_id AND membership = 'join'
                        AND (join_rule = 'public' OR history_visibility = 'world_readable')
                )
                OR (fitting.user_id <> $4 AND EXISTS (
                    SELECT 1
                    FROM members AS theirs
                    JOIN members AS own ON own.room_nid = theirs.room_nid
                    WHERE theirs.user_id = fitting.user_id AND theirs.membership = 'join'
                        AND own.user_id = $4 AND own.membership = 'join'
                ))
            END
        ORDER BY score DESC, CASE WHEN $6 AND users.user_id IS NOT NULL THEN 0 ELSE 1 END,
            display_name IS NULL, avatar_url IS NULL, fitting.user_id
        LIMIT $8";
}

#[cfg(test)]
mod tests;
