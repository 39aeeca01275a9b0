//! What users tell of themselves: <https://spec.matrix.org/v1.19/client-server-api/#profiles>.

use ruma::UserId;

use crate::{
    ReadTxn, StorageError, WriteTxn,
    engine::{FromRow, Row, args, sql},
    user_directory,
};

/// The profile of a user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profile {
    /// `displayname`.
    pub display_name: Option<String>,
    /// `avatar_url`.
    pub avatar_url: Option<String>,
    /// All other fields, a JSON object.
    pub fields: String,
}

impl Default for Profile {
    fn default() -> Self {
        Self { display_name: None, avatar_url: None, fields: "{}".to_owned() }
    }
}

impl FromRow for Profile {
    fn from_row(row: &Row) -> Result<Self, StorageError> {
        Ok(Self { display_name: row.get(0)?, avatar_url: row.get(1)?, fields: row.get(2)? })
    }
}

/// The profile of a user, if there ever was one.
pub async fn find(txn: &mut ReadTxn, user_id: &UserId) -> Result<Option<Profile>, StorageError> {
    txn.fetch_optional(FIND, args![user_id]).await
}

/// Stores a whole profile, by which the user is found from then on.
pub async fn set(txn: &mut WriteTxn, user_id: &UserId, profile: &Profile) -> Result<(), StorageError> {
    let Profile { display_name, avatar_url, fields } = profile;
    txn.write(SET, args![user_id, display_name.as_deref(), avatar_url.as_deref(), fields]).await?;
    user_directory::set(txn, user_id, display_name.as_deref()).await
}

/// Forgets a profile; nobody finds the user any more.
pub async fn delete(txn: &mut WriteTxn, user_id: &UserId) -> Result<(), StorageError> {
    txn.write(DELETE, args![user_id]).await?;
    user_directory::delete(txn, user_id).await
}

sql! {
    FIND = "SELECT display_name, avatar_url, fields FROM profiles WHERE user_id = $1";
    SET = "
        INSERT INTO profiles (user_id, display_name, avatar_url, fields) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id) DO UPDATE SET display_name = excluded.display_name,
            avatar_url = excluded.avatar_url, fields = excluded.fields";
    DELETE = "DELETE FROM profiles WHERE user_id = $1";
}
