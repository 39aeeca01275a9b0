//! [`GET /room_keys/keys`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeys)

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use myelin_services::key_backup::Selection;
use ruma::api::client::backup::get_backup_keys::v3::Request;
use serde::Serialize;

use super::{RoomKeys, show_key};
use crate::{error::ApiError, request::Authenticated, state::ApiState};

#[derive(Serialize)]
struct AllKeys {
    rooms: BTreeMap<String, RoomKeys>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Response, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let selection = Selection::default();
    let keys = state.services.key_backups.list_keys(&requester.user_id, &body.version, selection).await?;
    let mut rooms: BTreeMap<String, RoomKeys> = BTreeMap::new();
    for key in keys {
        let (room_id, session_id) = (key.room_id.clone(), key.session_id.clone());
        rooms.entry(room_id).or_default().sessions.insert(session_id, show_key(key)?);
    }
    Ok(Json(AllKeys { rooms }).into_response())
}

#[cfg(test)]
mod tests {
    use myelin_testkit::TestServer;
    use serde_json::json;

    use super::super::tests::{KEYS, create, fill, key};

    #[tokio::test]
    async fn all_keys_are_given_to_their_owner() {
        let server = TestServer::start().await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        let version = create(&server, &alice).await;
        let path = format!("{KEYS}?version={version}");
        assert_eq!(server.get(&alice, &path).await.ok(), json!({ "rooms": {} }));
        fill(&server, &alice, &version).await;
        let expected = json!({ "rooms": {
            "!a:x": { "sessions": { "1": key(1), "2": key(2) } },
            "!b:x": { "sessions": { "1": key(3) } },
        } });
        assert_eq!(server.get(&alice, &path).await.ok(), expected);
        server.get(&bob, &path).await.refused(404, "M_NOT_FOUND");
        server.get(&alice, KEYS).await.refused(400, "M_MISSING_PARAM");
    }
}
