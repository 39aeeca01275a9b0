//! What aliases have to do with a room's state.

use myelin_core::{
    auth::AuthState,
    json::Value,
    power_levels::{Action, PowerLevels},
};
use ruma::{RoomAliasId, RoomId, UserId};

use super::{RoomError, Rooms, turn::Draft};

const CANONICAL_ALIAS: &str = "m.room.canonical_alias";

impl Rooms {
    /// Whether the user has the power to say which alias is the main one, which is also asked for listing a room.
    ///
    /// # Errors
    /// [`RoomError::UnknownRoom`].
    pub async fn may_set_canonical_alias(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
    ) -> Result<bool, RoomError> {
        let mut turn = self.0.turns.take(room_id).await?.ok_or(RoomError::UnknownRoom)?;
        turn.read(&[("m.room.create", ""), ("m.room.power_levels", "")]).await?;
        let head = turn.head();
        let Some(create) = head.known.get("m.room.create", "") else { return Ok(false) };
        let levels = PowerLevels::new(head.rules, create, head.known.get("m.room.power_levels", ""));
        Ok(levels.allows(user_id.as_str(), Action::State(CANONICAL_ALIAS)).unwrap_or(false))
    }

    /// Takes an alias out of what the room says about its aliases, if it is in there.
    ///
    /// # Errors
    /// [`RoomError::Forbidden`] if the user may not.
    pub async fn drop_canonical_alias(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
        alias: &RoomAliasId,
    ) -> Result<(), RoomError> {
        let mut turn = self.0.turns.take(room_id).await?.ok_or(RoomError::UnknownRoom)?;
        let Some(before) = turn.state(CANONICAL_ALIAS, "").await? else { return Ok(()) };
        let mut content = before.content().clone();
        if content.get_str("alias") == Some(alias.as_str()) {
            content.remove("alias");
        }
        if let Some(others) = content.get("alt_aliases").and_then(Value::as_array) {
            let kept: Vec<Value> =
                others.iter().filter(|other| other.as_str() != Some(alias.as_str())).cloned().collect();
            content.insert("alt_aliases", Value::Array(kept));
        }
        if content == *before.content() {
            return Ok(());
        }
        turn.append(Draft::state(user_id, CANONICAL_ALIAS, "", content)).await?;
        Ok(turn.store("room::drop_canonical_alias").await?)
    }
}
