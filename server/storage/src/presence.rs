//! What users were last (<https://spec.matrix.org/v1.19/client-server-api/#presence>). Who is there now is known in memory;
//! this is for the time after a start.

use ruma::{OwnedUserId, UserId};

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, Value, args, sql},
};

/// What a user was last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Presence {
    pub user_id: OwnedUserId,
    /// `online`, `offline` or `unavailable`.
    pub state: String,
    /// What the user says of itself.
    pub message: Option<String>,
    /// When there was a sign of life last, in milliseconds since 1970.
    pub last_active_ts: i64,
}

impl FromRow for Presence {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self {
            user_id: row.get(0)?,
            state: row.get(1)?,
            message: row.get(2)?,
            last_active_ts: row.get(3)?,
        })
    }
}

/// Stores what users are, in place of what they were. Closed accounts are passed over.
pub async fn put(txn: &mut WriteTxn, users: &[Presence]) -> Result<(), StorageError> {
    let rows = users
        .iter()
        .map(|user| serde_json::json!([user.user_id, user.state, user.message, user.last_active_ts]));
    txn.write(PUT, args![Value::list(rows)]).await?;
    Ok(())
}

/// Those who were active last, `limit` at most, the last one first.
pub async fn list(txn: &mut ReadTxn, limit: u32) -> Result<Vec<Presence>, StorageError> {
    txn.fetch_all(LIST, args![limit]).await
}

/// Forgets a user.
pub async fn delete(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.write(DELETE, args![user_id]).await?;
    Ok(())
}

sql! {
    PUT = "
        INSERT INTO presence (user_id, state, message, last_active_ts)
        SELECT
            users.user_id, json_extract(value, '$[1]'), json_extract(value, '$[2]'),
            CAST(json_extract(value, '$[3]') AS BIGINT)
        FROM json_each($1)
        JOIN users ON users.user_id = json_extract(value, '$[0]') AND NOT users.is_deactivated
        WHERE TRUE
        ON CONFLICT (user_id) DO UPDATE SET
            state = excluded.state, message = excluded.message, last_active_ts = excluded.last_active_ts";
    LIST = "
        SELECT user_id, state, message, last_active_ts FROM presence
        ORDER BY last_active_ts DESC
        LIMIT $1";
    DELETE = "DELETE FROM presence WHERE user_id = $1";
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;
    use crate::{testing::TestStore, tests::insert_user, users};

    fn presence(user_id: &UserId, message: Option<&str>, last_active_ts: i64) -> Presence {
        let (user_id, message) = (user_id.to_owned(), message.map(str::to_owned));
        Presence { user_id, state: "online".to_owned(), message, last_active_ts }
    }

    #[tokio::test]
    async fn last_state_of_open_accounts_is_kept_and_read_newest_first() {
        let store = TestStore::open().await;
        let [alice, bob, closed] =
            [user_id!("@alice:myelin.test"), user_id!("@bob:myelin.test"), user_id!("@closed:myelin.test")];
        let mut txn = store.write("test").await.unwrap();
        for user_id in [alice, bob, closed] {
            insert_user(&mut txn, user_id, &[]).await;
        }
        users::deactivate(&mut txn, closed, false).await.unwrap();
        let nobody = user_id!("@nobody:myelin.test");
        let old = [presence(alice, Some("old"), 1), presence(bob, None, 2), presence(closed, None, 3)];
        put(&mut txn, &old).await.unwrap();
        put(&mut txn, &[presence(alice, Some("new"), 4), presence(nobody, None, 5)]).await.unwrap();
        let expected = [presence(alice, Some("new"), 4), presence(bob, None, 2)];
        assert_eq!(list(&mut txn, 9).await.unwrap(), expected);
        assert_eq!(list(&mut txn, 1).await.unwrap(), expected[..1]);
        delete(&mut txn, alice).await.unwrap();
        assert_eq!(list(&mut txn, 9).await.unwrap(), expected[1..]);
    }
}
