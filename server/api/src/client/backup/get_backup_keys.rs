//! [`GET /room_keys/keys`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3room_keyskeys)

use axum::{extract::State, response::Response};
use ruma::api::client::backup::get_backup_keys::v3::Request;

use super::write_keys::{self, Scope};
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Response, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let keys = state.services.key_backups.read_keys(&requester.user_id, &body.version, None).await?;
    Ok(write_keys::answer(keys, Scope::AllRooms))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::TryStreamExt;
    use http::{Request, header};
    use myelin_testkit::TestServer;
    use serde_json::{Map, Value, json};
    use tower::ServiceExt;

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

    #[tokio::test]
    async fn large_backup_is_never_in_memory_as_a_whole() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let version = create(&server, &alice).await;
        let path = format!("{KEYS}?version={version}");
        let sessions = |of: &str| -> Map<String, Value> {
            (0..350).map(|number| (format!("{of}\"{number}"), key(number))).collect()
        };
        let all = json!({ "rooms": {
            "!a\"b:x": { "sessions": sessions("a") },
            "!b:x": { "sessions": { "1": key(1) } },
            "!c:x": { "sessions": sessions("c") },
        } });
        server.put(&alice, &path, all.clone()).await.ok();
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {}", alice.token));
        let answer = server.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let pieces: Vec<_> = answer.into_body().into_data_stream().try_collect().await.unwrap();
        let whole = pieces.concat();
        assert_eq!(serde_json::from_slice::<Value>(&whole).unwrap(), all);
        assert!(pieces.iter().all(|piece| piece.len() < whole.len() / 4));
    }
}
