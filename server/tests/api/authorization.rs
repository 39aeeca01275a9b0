//! What a user may not ask: about rooms that one is not in, about rooms that are not, and about what is another's. The
//! tables hold every endpoint that is served and names a room or something of a user.

use axum::body::Body;
use http::{Request, header};
use myelin_testkit::{TestServer, TestUser};
use serde_json::{Value, json};

use crate::{Endpoint, endpoints};

/// An endpoint, with the query and the body of a good request; what a member of the room gets with it, a stranger to the
/// room, and who names a room that is not.
type OfRoom = (&'static str, &'static str, &'static str, u16, Refusal, Refusal);

/// The status and the `errcode`.
type Refusal = (u16, &'static str);

const FORBIDDEN: Refusal = (403, "M_FORBIDDEN");
const NOT_FOUND: Refusal = (404, "M_NOT_FOUND");
/// What is no secret, or needs no room.
const FINE: Refusal = (200, "");

const CAROL: &str = r#"{"user_id": "@carol:myelin.test"}"#;

const OF_ROOMS: &[OfRoom] = &[
    ("GET /_matrix/client/v1/room_summary/{roomIdOrAlias}", "", "", 200, NOT_FOUND, NOT_FOUND),
    ("GET /_matrix/client/v1/rooms/{roomId}/hierarchy", "", "", 200, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}", "", "", 200, FORBIDDEN, FORBIDDEN),
    (
        "GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}",
        "",
        "",
        200,
        FORBIDDEN,
        FORBIDDEN,
    ),
    (
        "GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}",
        "",
        "",
        200,
        FORBIDDEN,
        FORBIDDEN,
    ),
    ("GET /_matrix/client/v1/rooms/{roomId}/threads", "", "", 200, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event", "ts=0&dir=f", "", 200, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v3/directory/list/room/{roomId}", "", "", 200, FINE, NOT_FOUND),
    (
        "PUT /_matrix/client/v3/directory/list/room/{roomId}",
        "",
        r#"{"visibility": "public"}"#,
        200,
        FORBIDDEN,
        NOT_FOUND,
    ),
    ("POST /_matrix/client/v3/join/{roomIdOrAlias}", "", "{}", 200, FORBIDDEN, FORBIDDEN),
    ("POST /_matrix/client/v3/knock/{roomIdOrAlias}", "", "{}", 403, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v3/rooms/{roomId}/aliases", "", "", 200, FORBIDDEN, FORBIDDEN),
    ("POST /_matrix/client/v3/rooms/{roomId}/ban", "", CAROL, 200, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v3/rooms/{roomId}/context/{eventId}", "", "", 200, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}", "", "", 200, FORBIDDEN, FORBIDDEN),
    ("POST /_matrix/client/v3/rooms/{roomId}/forget", "", "{}", 400, FORBIDDEN, FORBIDDEN),
    ("POST /_matrix/client/v3/rooms/{roomId}/invite", "", CAROL, 200, FORBIDDEN, FORBIDDEN),
    ("POST /_matrix/client/v3/rooms/{roomId}/join", "", "{}", 200, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v3/rooms/{roomId}/joined_members", "", "", 200, FORBIDDEN, FORBIDDEN),
    ("POST /_matrix/client/v3/rooms/{roomId}/kick", "", CAROL, 403, FORBIDDEN, FORBIDDEN),
    ("POST /_matrix/client/v3/rooms/{roomId}/leave", "", "{}", 200, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v3/rooms/{roomId}/members", "", "", 200, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v3/rooms/{roomId}/messages", "dir=b", "", 200, FORBIDDEN, FORBIDDEN),
    (
        "POST /_matrix/client/v3/rooms/{roomId}/read_markers",
        "",
        r#"{"m.read": "EVENT"}"#,
        200,
        FORBIDDEN,
        FORBIDDEN,
    ),
    (
        "POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}",
        "",
        "{}",
        200,
        FORBIDDEN,
        FORBIDDEN,
    ),
    ("PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}", "", "{}", 200, FORBIDDEN, FORBIDDEN),
    ("POST /_matrix/client/v3/rooms/{roomId}/report", "", r#"{"reason": "x"}"#, 200, FINE, NOT_FOUND),
    ("POST /_matrix/client/v3/rooms/{roomId}/report/{eventId}", "", "{}", 200, NOT_FOUND, NOT_FOUND),
    ("PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}", "", "{}", 200, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v3/rooms/{roomId}/state", "", "", 200, FORBIDDEN, FORBIDDEN),
    ("GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}", "", "", 404, FORBIDDEN, FORBIDDEN),
    (
        "PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}",
        "",
        "{}",
        200,
        FORBIDDEN,
        FORBIDDEN,
    ),
    (
        "PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}",
        "",
        r#"{"typing": false}"#,
        200,
        FORBIDDEN,
        FORBIDDEN,
    ),
    ("POST /_matrix/client/v3/rooms/{roomId}/unban", "", CAROL, 403, FORBIDDEN, FORBIDDEN),
    (
        "POST /_matrix/client/v3/rooms/{roomId}/upgrade",
        "",
        r#"{"new_version": "11"}"#,
        200,
        FORBIDDEN,
        FORBIDDEN,
    ),
    (
        "GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}",
        "",
        "",
        404,
        NOT_FOUND,
        NOT_FOUND,
    ),
    (
        "PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}",
        "",
        "{}",
        200,
        FORBIDDEN,
        FORBIDDEN,
    ),
    ("GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags", "", "", 200, FINE, FINE),
    ("DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}", "", "", 200, FORBIDDEN, FORBIDDEN),
    ("PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}", "", "{}", 200, FORBIDDEN, FORBIDDEN),
];

/// An endpoint, with the body of a good request; what the owner of the thing gets with it, and another user.
type OfUser = (&'static str, &'static str, u16, Refusal);

const OF_USERS: &[OfUser] = &[
    ("GET /_matrix/client/v1/admin/lock/{userId}", "", 403, FORBIDDEN),
    ("PUT /_matrix/client/v1/admin/lock/{userId}", r#"{"locked": true}"#, 403, FORBIDDEN),
    ("GET /_matrix/client/v3/devices/{deviceId}", "", 200, NOT_FOUND),
    ("PUT /_matrix/client/v3/devices/{deviceId}", "{}", 200, NOT_FOUND),
    ("DELETE /_matrix/client/v3/devices/{deviceId}", "{}", 401, (401, "")),
    ("GET /_matrix/client/v3/presence/{userId}/status", "", 200, FORBIDDEN),
    ("PUT /_matrix/client/v3/presence/{userId}/status", r#"{"presence": "online"}"#, 200, FORBIDDEN),
    ("GET /_matrix/client/v3/profile/{userId}", "", 200, FINE),
    ("GET /_matrix/client/v3/profile/{userId}/{keyName}", "", 200, FINE),
    ("PUT /_matrix/client/v3/profile/{userId}/{keyName}", r#"{"displayname": "x"}"#, 200, FORBIDDEN),
    ("DELETE /_matrix/client/v3/profile/{userId}/{keyName}", "", 200, FORBIDDEN),
    ("GET /_matrix/client/v3/room_keys/version/{version}", "", 200, NOT_FOUND),
    (
        "PUT /_matrix/client/v3/room_keys/version/{version}",
        r#"{"algorithm": "a", "auth_data": {}}"#,
        200,
        NOT_FOUND,
    ),
    ("DELETE /_matrix/client/v3/room_keys/version/{version}", "", 200, NOT_FOUND),
    ("PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}", r#"{"typing": false}"#, 200, FORBIDDEN),
    ("GET /_matrix/client/v3/user/{userId}/account_data/{type}", "", 404, FORBIDDEN),
    ("PUT /_matrix/client/v3/user/{userId}/account_data/{type}", "{}", 200, FORBIDDEN),
    ("POST /_matrix/client/v3/user/{userId}/filter", "{}", 200, FORBIDDEN),
    ("GET /_matrix/client/v3/user/{userId}/filter/{filterId}", "", 200, FORBIDDEN),
    ("POST /_matrix/client/v3/user/{userId}/openid/request_token", "{}", 200, FORBIDDEN),
    ("GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}", "", 404, FORBIDDEN),
    ("PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}", "{}", 200, FORBIDDEN),
    ("GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags", "", 200, FORBIDDEN),
    ("DELETE /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}", "", 200, FORBIDDEN),
    ("PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}", "{}", 200, FORBIDDEN),
    ("POST /_matrix/client/v3/users/{userId}/report", r#"{"reason": "x"}"#, 200, FINE),
    ("PUT /_matrix/media/v3/upload/{serverName}/{mediaId}", "file", 200, FORBIDDEN),
];

/// Keys of rooms that a user backs up: the server does not ask what the user is in the room. Whose backup it is, the
/// version says.
const OF_BACKUPS: &str = "/_matrix/client/v3/room_keys/keys/{roomId}";

/// Endpoints that have no body or no use for it, or whose body is no JSON.
const NO_JSON: &[&str] = &[
    "POST /_matrix/client/v3/logout",
    "POST /_matrix/client/v3/logout/all",
    "POST /_matrix/client/v3/rooms/{roomId}/forget",
    "POST /_matrix/client/v3/user/{userId}/openid/request_token",
    "POST /_matrix/media/v1/create",
    "POST /_matrix/media/v3/upload",
    "PUT /_matrix/media/v3/upload/{serverName}/{mediaId}",
];

struct Site {
    server: TestServer,
    alice: TestUser,
    bob: TestUser,
}

/// What stands in the placeholders of a path.
struct Names<'a> {
    room_id: &'a str,
    event_id: &'a str,
    owner: &'a TestUser,
    version: &'a str,
    filter_id: &'a str,
    media_id: &'a str,
}

impl<'a> Names<'a> {
    /// Names of what is nothing, but for the owner.
    fn default_of(owner: &'a TestUser) -> Self {
        Self {
            room_id: "!nowhere:myelin.test",
            event_id: "$nothing",
            owner,
            version: "99",
            filter_id: "99",
            media_id: "nothing",
        }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{roomIdOrAlias}", self.room_id)
            .replace("{roomId}", self.room_id)
            .replace("{eventId}", self.event_id)
            .replace("{userId}", self.owner.user_id.as_str())
            .replace("{deviceId}", self.owner.device_id.as_str())
            .replace("{version}", self.version)
            .replace("{filterId}", self.filter_id)
            .replace("{mediaId}", self.media_id)
            .replace("{serverName}", "myelin.test")
            .replace("{relType}", "m.annotation")
            .replace("{eventType}", "org.example.type")
            .replace("{stateKey}", "key")
            .replace("{receiptType}", "m.read")
            .replace("{keyName}", "displayname")
            .replace("{type}", "org.example.type")
            .replace("{txnId}", "transaction")
            .replace("{tag}", "u.tag")
            .replace("{kind}", "room")
            .replace("{roomAlias}", "%23alias:myelin.test")
    }
}

impl Site {
    async fn new() -> Self {
        let server = TestServer::start_with(
            "rc_reports: {per_second: 1000, burst_count: 1000}\nrc_media_create: {per_second: 1000, burst_count: 1000}",
        )
        .await;
        let [alice, bob] = [server.user("alice").await, server.user("bob").await];
        server.user("carol").await;
        Self { server, alice, bob }
    }

    /// What the request is answered with, as a [`Refusal`] says it.
    async fn ask(
        &self,
        user: &TestUser,
        endpoint: &str,
        names: &Names<'_>,
        query: &str,
        body: &str,
    ) -> (u16, String) {
        let (method, path) = endpoint.split_once(' ').expect("a method and a path");
        let mut uri = names.fill(path);
        if !query.is_empty() {
            uri = format!("{uri}?{query}");
        }
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::AUTHORIZATION, format!("Bearer {}", user.token))
            .body(Body::from(body.replace("EVENT", names.event_id)));
        let answer = self.server.send_raw(request.expect("a request")).await;
        let told: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
        (answer.status.as_u16(), told["errcode"].as_str().unwrap_or_default().to_owned())
    }
}

fn name(endpoint: Endpoint) -> String {
    format!("{} {}", endpoint.method, endpoint.path)
}

fn difference(endpoint: &str, who: &str, found: &(u16, String), expected: Refusal) -> Option<String> {
    let is_expected = found.0 == expected.0 && (expected.1.is_empty() || found.1 == expected.1);
    (!is_expected).then(|| format!("{endpoint} by {who}: {found:?} and not {expected:?}"))
}

#[tokio::test]
async fn rooms_are_closed_to_strangers_and_those_that_are_not_are_nobodys() {
    let site = Site::new().await;
    let mut faults = Vec::new();
    for (endpoint, query, body, good, stranger, nowhere) in OF_ROOMS.iter().copied() {
        let room_id = site.server.create_room(&site.alice, json!({ "preset": "private_chat" })).await;
        let event_id = site.server.send_text(&site.alice, &room_id, "hello").await;
        let names = |room_id, owner| Names {
            room_id,
            event_id: event_id.as_str(),
            owner,
            ..Names::default_of(owner)
        };
        let of_bob = names(room_id.as_str(), &site.bob);
        let found = site.ask(&site.bob, endpoint, &of_bob, query, body).await;
        faults.extend(difference(endpoint, "a stranger", &found, stranger));
        let elsewhere = names("!nowhere:myelin.test", &site.alice);
        let found = site.ask(&site.alice, endpoint, &elsewhere, query, body).await;
        faults.extend(difference(endpoint, "somebody who names no room", &found, nowhere));
        let of_alice = names(room_id.as_str(), &site.alice);
        let found = site.ask(&site.alice, endpoint, &of_alice, query, body).await;
        faults.extend(difference(endpoint, "a member", &found, (good, "")));
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[tokio::test]
async fn what_is_a_users_is_closed_to_others() {
    let site = Site::new().await;
    let Site { server, alice, bob } = &site;
    let mut faults = Vec::new();
    for (endpoint, body, good, other) in OF_USERS.iter().copied() {
        let backup = json!({ "algorithm": "a", "auth_data": {} });
        let backup = server.post(alice, "/_matrix/client/v3/room_keys/version", backup).await.ok();
        let filter = format!("/_matrix/client/v3/user/{}/filter", alice.user_id);
        let filter = server.post(alice, &filter, json!({})).await.ok();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let [version, filter_id] = [text(&backup["version"]), text(&filter["filter_id"])];
        let mut media_id = String::new();
        if endpoint.contains("{mediaId}") {
            let media = server.post(alice, "/_matrix/media/v1/create", json!({})).await.ok();
            media_id = text(&media["content_uri"]).replace("mxc://myelin.test/", "");
        }
        let room_id = server.create_room(alice, json!({ "preset": "public_chat" })).await;
        if endpoint.contains("{roomId}") {
            server.join(bob, &room_id).await;
        }
        let names = Names {
            room_id: room_id.as_str(),
            version: &version,
            filter_id: &filter_id,
            media_id: &media_id,
            ..Names::default_of(alice)
        };
        let found = site.ask(bob, endpoint, &names, "", body).await;
        faults.extend(difference(endpoint, "another user", &found, other));
        let found = site.ask(alice, endpoint, &names, "", body).await;
        faults.extend(difference(endpoint, "the owner", &found, (good, "")));
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[tokio::test]
async fn bodies_that_are_no_objects_are_refused_everywhere() {
    let site = Site::new().await;
    let mut faults = Vec::new();
    let with_bodies =
        endpoints().filter(|endpoint| endpoint.served && matches!(endpoint.method, "POST" | "PUT"));
    for endpoint in with_bodies.filter(|endpoint| !NO_JSON.contains(&name(*endpoint).as_str())) {
        for (body, errcode) in [("{", "M_NOT_JSON"), (r#""text""#, "M_BAD_JSON")] {
            // Another session each time: some endpoints end it.
            let user = site.server.session(&site.alice.user_id).await;
            let found = site.ask(&user, &name(endpoint), &Names::default_of(&user), "version=1", body).await;
            faults.extend(difference(&name(endpoint), body, &found, (400, errcode)));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn tables_hold_every_endpoint_about_a_room_or_a_user() {
    let of_rooms: Vec<&str> = OF_ROOMS.iter().map(|row| row.0).collect();
    let of_users: Vec<&str> = OF_USERS.iter().map(|row| row.0).collect();
    let is_missing = |endpoint: &Endpoint| {
        let is_of_room =
            endpoint.path.contains("{roomId") && endpoint.path.strip_prefix(OF_BACKUPS).is_none();
        let is_of_user = ["{userId}", "{deviceId}", "{version}", "{filterId}"]
            .iter()
            .any(|placeholder| endpoint.path.contains(placeholder));
        let name = name(*endpoint);
        is_of_room && !of_rooms.contains(&name.as_str()) || is_of_user && !of_users.contains(&name.as_str())
    };
    let missing: Vec<String> =
        endpoints().filter(|endpoint| endpoint.served).filter(is_missing).map(name).collect();
    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
}
