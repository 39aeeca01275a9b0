//! Requests of somebody who means harm, or whose client is broken: none may end in a panic or an internal error.

use std::time::Duration;

use axum::body::Body;
use http::{Request, header};
use myelin_testkit::TestServer;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Map, Value, json};

use crate::{Endpoint, endpoints};

/// How many requests; `MYELIN_FULL_TESTS` asks for all 100,000.
fn requests() -> usize {
    if std::env::var_os("MYELIN_FULL_TESTS").is_some() { 100_000 } else { 8_000 }
}

/// Names of the specification's bodies and queries, the more the deeper a random body gets.
const NAMES: &[&str] = &[
    "algorithm",
    "algorithms",
    "allow",
    "auth",
    "auth_data",
    "avatar_url",
    "ban",
    "body",
    "content",
    "count",
    "creation_content",
    "device_id",
    "device_keys",
    "devices",
    "dir",
    "displayname",
    "ephemeral",
    "event_fields",
    "event_id",
    "events",
    "fallback_keys",
    "filter",
    "from",
    "identifier",
    "initial_state",
    "invite",
    "is_direct",
    "keys",
    "limit",
    "logout_devices",
    "m.fully_read",
    "m.read",
    "m.relates_to",
    "master_key",
    "membership",
    "messages",
    "name",
    "new_password",
    "notifications",
    "not_types",
    "one_time_keys",
    "password",
    "power_level_content_override",
    "preset",
    "presence",
    "reason",
    "rel_type",
    "room",
    "room_alias_name",
    "room_id",
    "room_version",
    "rooms",
    "search_term",
    "self_signing_key",
    "senders",
    "session",
    "session_data",
    "set_presence",
    "signatures",
    "since",
    "state",
    "state_default",
    "state_key",
    "status_msg",
    "timeline",
    "timeout",
    "to",
    "topic",
    "type",
    "types",
    "typing",
    "usage",
    "user",
    "user_id",
    "username",
    "users",
    "users_default",
    "version",
    "via",
    "visibility",
    "@alice:myelin.test",
    "m.room.member",
    "signed_curve25519:A",
];

/// Values that something might take for what they are not.
const TEXTS: &[&str] = &[
    "",
    " ",
    "m.login.password",
    "m.login.dummy",
    "m.login.token",
    "m.id.user",
    "@alice:myelin.test",
    "@bob:myelin.test",
    "alice",
    "@:",
    "!",
    "#",
    "$",
    "!x:myelin.test",
    "#x:myelin.test",
    "public_chat",
    "private_chat",
    "join",
    "leave",
    "ban",
    "b",
    "f",
    "a0.0",
    "a0.-1",
    "a0.99999999999999",
    "12",
    "1",
    "-1",
    "m.room.message",
    "m.room.create",
    "m.room.power_levels",
    "m.room.redaction",
    "m.megolm_backup.v1.curve25519-aes-sha2",
    "\u{0}",
    "%00",
    "../../etc/passwd",
    "ａ",
    "\u{202e}",
    "😀",
    "true",
    "null",
    "{}",
    "[]",
    "9223372036854775808",
];

struct Hostile {
    generator: StdRng,
    room_id: String,
    event_id: String,
}

impl Hostile {
    fn text(&mut self) -> String {
        match self.generator.random_range(0..20) {
            0 => self.room_id.clone(),
            1 => self.event_id.clone(),
            2 => "x".repeat(self.generator.random_range(0..2000)),
            3 => (0..self.generator.random_range(0..20)).map(|_| self.generator.random::<char>()).collect(),
            _ => (*TEXTS.choose(&mut self.generator).expect("texts")).to_owned(),
        }
    }

    fn name(&mut self) -> String {
        match self.generator.random_range(0..8) {
            0 => self.text(),
            _ => (*NAMES.choose(&mut self.generator).expect("names")).to_owned(),
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.generator.random_range(0..if depth == 0 { 6 } else { 10 }) {
            0 => Value::Null,
            1 => json!(self.generator.random::<bool>()),
            2 => json!([0, -1, 1, 100, i64::MAX, i64::MIN][self.generator.random_range(0..6)]),
            3 => json!([0.5, 1e300, u64::MAX as f64][self.generator.random_range(0..3)]),
            4 | 5 => json!(self.text()),
            6 => (0..self.generator.random_range(0..4)).map(|_| self.value(depth - 1)).collect(),
            _ => self.object(depth - 1),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let mut object = Map::new();
        for _ in 0..self.generator.random_range(0..6) {
            let name = self.name();
            let value = self.value(depth);
            object.insert(name, value);
        }
        Value::Object(object)
    }

    fn body(&mut self) -> Vec<u8> {
        match self.generator.random_range(0..20) {
            0 => Vec::new(),
            1 => (0..self.generator.random_range(0..50)).map(|_| self.generator.random()).collect(),
            2 => "[".repeat(self.generator.random_range(1..5_000)).into_bytes(),
            3 => {
                let mut bytes = self.object(3).to_string().into_bytes();
                bytes.truncate(self.generator.random_range(0..=bytes.len()));
                bytes
            }
            4 => self.value(3).to_string().into_bytes(),
            _ => self.object(4).to_string().into_bytes(),
        }
    }

    fn uri(&mut self, endpoint: Endpoint) -> String {
        let parts: Vec<String> = endpoint
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { escape(&self.argument(part)) } else { part.to_owned() })
            .collect();
        let mut uri = parts.join("/");
        for number in 0..self.generator.random_range(0..4) {
            let (name, value) = (self.name(), self.text());
            uri.push_str(if number == 0 { "?" } else { "&" });
            uri.push_str(&format!("{}={}", escape(&name), escape(&value)));
        }
        uri
    }

    /// What stands in the place of a placeholder: mostly what belongs there.
    fn argument(&mut self, placeholder: &str) -> String {
        if self.generator.random_range(0..4) == 0 {
            return self.text();
        }
        match placeholder {
            "{roomId}" | "{roomIdOrAlias}" => self.room_id.clone(),
            "{eventId}" => self.event_id.clone(),
            "{userId}" => "@alice:myelin.test".to_owned(),
            "{serverName}" => "myelin.test".to_owned(),
            _ => self.text(),
        }
    }
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b':' | b'@' | b'!' | b'$' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// These end the session, or wait: the others would test nothing after them.
fn is_left_out(endpoint: Endpoint) -> bool {
    ["/logout", "/deactivate", "/account/password", "/delete_devices"]
        .iter()
        .any(|end| endpoint.path.contains(end))
}

#[tokio::test]
async fn random_requests_end_in_no_internal_error() {
    let server = TestServer::start().await;
    let user = server.user("alice").await;
    let endpoints: Vec<Endpoint> =
        endpoints().filter(|endpoint| endpoint.served && !is_left_out(*endpoint)).collect();
    let room = server.post(&user, "/_matrix/client/v3/createRoom", json!({ "preset": "public_chat" })).await;
    let room_id = room.ok()["room_id"].as_str().expect("a room id").to_owned();
    let sent = format!("/_matrix/client/v3/rooms/{room_id}/send/m.room.message/1");
    let event = server.put(&user, &sent, json!({ "msgtype": "m.text", "body": "hello" })).await.ok();
    let event_id = event["event_id"].as_str().expect("an event id").to_owned();
    let mut hostile = Hostile { generator: StdRng::seed_from_u64(7), room_id, event_id };
    let mut understood = 0;
    for number in 0..requests() {
        let endpoint = *endpoints.choose(&mut hostile.generator).expect("endpoints");
        let (uri, body) = (hostile.uri(endpoint), hostile.body());
        let request = Request::builder()
            .method(endpoint.method)
            .uri(&uri)
            .header(header::AUTHORIZATION, format!("Bearer {}", user.token))
            .body(Body::from(body.clone()))
            .expect("an escaped address");
        server.advance(Duration::from_millis(1));
        let answer = server.send_raw(request).await;
        let told =
            || format!("request {number}: {} {uri}\n{}", endpoint.method, String::from_utf8_lossy(&body));
        assert!(
            !answer.status.is_server_error(),
            "{}\n{}\n{}",
            answer.status,
            String::from_utf8_lossy(&answer.bytes),
            told()
        );
        if answer.status.is_client_error() {
            let error: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
            assert!(
                error["errcode"].is_string() && error["error"].is_string() || error["flows"].is_array(),
                "{}",
                told()
            );
        } else {
            understood += 1;
        }
    }
    assert!(understood > requests() / 50, "only {understood} requests did anything: the test says nothing");
}
