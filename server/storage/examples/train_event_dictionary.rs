//! Makes a dictionary for the texts of events (docs/adr/0010), from made-up events as clients and servers write them.
//!
//!     cargo run --release -p myelin-storage --example train_event_dictionary -- 32768 >server/storage/dictionaries/events-32768
//!
//! A dictionary that was ever released is never changed: the texts packed with it are read with it. Another one gets
//! the next number, and a file beside it.

use std::io::Write as _;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

const SAMPLES: usize = 20_000;
/// Larger ones gain less than one byte in a hundred.
const SIZE_BYTES: usize = 4_096;
/// Of the format: where a dictionary says its number.
const NUMBER: std::ops::Range<usize> = 4..8;

fn main() -> anyhow::Result<()> {
    let number: u32 = std::env::args().nth(1).unwrap_or_default().parse()?;
    let mut events = Events(StdRng::seed_from_u64(1));
    let samples: Vec<Vec<u8>> = (0..SAMPLES).map(|_| events.next().to_string().into_bytes()).collect();
    let mut dictionary = zstd::dict::from_samples(&samples, SIZE_BYTES)?;
    dictionary[NUMBER].copy_from_slice(&number.to_le_bytes());
    std::io::stdout().write_all(&dictionary)?;
    Ok(())
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const TOP_LEVEL: [&str; 8] = ["org", "com", "net", "de", "io", "fr", "me", "dev"];
const WORDS: &str = "the and to of is it you that in for we on this have be not with are can what so but just at do \
    if my will there or was one all know like time no yes ok think good thanks see now when how would here about \
    they get out up from me der die und ich nicht das ist ein que de la le est pas message server meeting tomorrow \
    update please could should works maybe really again";

struct Events(StdRng);

impl Events {
    fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    fn code(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(BASE64[self.below(BASE64.len())])).collect()
    }

    fn device(&mut self) -> String {
        self.code(10).to_uppercase()
    }

    fn name(&mut self) -> String {
        let length = 3 + self.below(7);
        (0..length).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }

    fn text(&mut self) -> String {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let length = 1 + self.below(24);
        (0..length).map(|_| words[self.below(words.len())]).collect::<Vec<_>>().join(" ")
    }

    fn server(&mut self) -> String {
        let name = self.name();
        let top_level = TOP_LEVEL.choose(&mut self.0).copied().unwrap_or("org");
        match self.below(4) {
            0 => "matrix.org".to_owned(),
            1 => format!("matrix.{name}.{top_level}"),
            _ => format!("{name}.{top_level}"),
        }
    }

    fn user(&mut self) -> String {
        format!("@{}:{}", self.name(), self.server())
    }

    fn event_id(&mut self) -> String {
        format!("${}", self.code(43))
    }

    fn room_id(&mut self) -> String {
        if self.0.random() {
            format!("!{}", self.code(43))
        } else {
            format!("!{}:{}", self.code(18), self.server())
        }
    }

    fn file(&mut self) -> String {
        format!("mxc://{}/{}", self.server(), self.code(24))
    }

    /// As often as in a room where people talk.
    fn next(&mut self) -> Value {
        let server = self.server();
        let sender = format!("@{}:{server}", self.name());
        let (event_type, state_key, content) = match self.below(18) {
            0..=4 => ("m.room.message", None, self.message()),
            5..=7 => ("m.room.encrypted", None, self.encrypted()),
            8..=11 => ("m.room.member", Some(sender.clone()), self.membership()),
            12 | 13 => {
                let relation = json!({"event_id": self.event_id(), "key": "👍️", "rel_type": "m.annotation"});
                ("m.reaction", None, json!({"m.relates_to": relation}))
            }
            14 => ("m.room.redaction", None, json!({"redacts": self.event_id(), "reason": self.text()})),
            15 => ("m.room.power_levels", Some(String::new()), power_levels(&sender)),
            16 => self.setting(&sender),
            _ => self.rare(&sender),
        };
        let (auth_count, prev_count) = (3 + self.below(2), if self.below(6) == 0 { 2 } else { 1 });
        let key =
            if self.0.random() { format!("ed25519:a_{}", self.code(4)) } else { "ed25519:auto".to_owned() };
        let mut event = json!({
            "auth_events": (0..auth_count).map(|_| self.event_id()).collect::<Vec<_>>(),
            "content": content,
            "depth": 5 + self.below(500_000),
            "hashes": {"sha256": self.code(43)},
            "origin_server_ts": 1_500_000_000_000 + self.below(400_000_000_000),
            "prev_events": (0..prev_count).map(|_| self.event_id()).collect::<Vec<_>>(),
            "room_id": self.room_id(),
            "sender": sender,
            "signatures": {server.as_str(): {key: self.code(86)}},
            "type": event_type,
        });
        if let Some(state_key) = state_key {
            event["state_key"] = state_key.into();
        }
        if self.below(5) == 0 {
            event["origin"] = server.into();
        }
        event
    }

    fn message(&mut self) -> Value {
        match self.below(6) {
            0 => json!({"body": self.text(), "m.mentions": {}, "msgtype": "m.text"}),
            1 => json!({
                "body": self.text(), "format": "org.matrix.custom.html",
                "formatted_body": format!("<p>{}</p>", self.text()), "m.mentions": {"user_ids": [self.user()]},
                "m.relates_to": {"m.in_reply_to": {"event_id": self.event_id()}}, "msgtype": "m.text",
            }),
            2 => json!({
                "body": format!("{}.jpg", self.name()), "filename": "image.png",
                "info": {
                    "h": 100 + self.below(4_000), "mimetype": "image/jpeg", "size": self.below(4_000_000),
                    "thumbnail_info": {"h": 600, "mimetype": "image/png", "size": self.below(90_000), "w": 800},
                    "thumbnail_url": self.file(), "w": 100 + self.below(4_000),
                    "xyz.amorgan.blurhash": self.code(28),
                },
                "msgtype": "m.image", "url": self.file(),
            }),
            3 => json!({
                "body": format!("* {}", self.text()), "m.mentions": {},
                "m.new_content": {"body": self.text(), "m.mentions": {}, "msgtype": "m.text"},
                "m.relates_to": {"event_id": self.event_id(), "rel_type": "m.replace"}, "msgtype": "m.text",
            }),
            4 => json!({"body": self.text(), "msgtype": "m.notice"}),
            _ => json!({"body": self.text(), "msgtype": "m.text"}),
        }
    }

    fn encrypted(&mut self) -> Value {
        let length = 200 + self.below(400);
        let mut content = json!({
            "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": self.code(length), "session_id": self.code(43),
        });
        if self.below(5) < 3 {
            content["device_id"] = self.device().into();
            content["sender_key"] = self.code(43).into();
        } else {
            let event_id = self.event_id();
            content["m.relates_to"] = json!({
                "event_id": event_id, "is_falling_back": true, "m.in_reply_to": {"event_id": self.event_id()},
                "rel_type": "m.thread",
            });
        }
        content
    }

    fn membership(&mut self) -> Value {
        match self.below(6) {
            0 => json!({"membership": "leave"}),
            1 => json!({"displayname": self.name(), "membership": "invite"}),
            2 => json!({
                "avatar_url": self.file(), "displayname": self.name(),
                "join_authorised_via_users_server": self.user(), "membership": "join",
            }),
            3 => json!({"avatar_url": null, "displayname": self.name(), "membership": "join"}),
            _ => json!({
                "avatar_url": self.file(), "displayname": format!("{} {}", self.name(), self.name()),
                "membership": "join",
            }),
        }
    }

    fn setting(&mut self, sender: &str) -> (&'static str, Option<String>, Value) {
        let (event_type, content) = match self.below(9) {
            0 => (
                "m.room.join_rules",
                json!({
                    "allow": [{"room_id": self.room_id(), "type": "m.room_membership"}], "join_rule": "restricted",
                }),
            ),
            1 => ("m.room.history_visibility", json!({"history_visibility": "shared"})),
            2 => ("m.room.guest_access", json!({"guest_access": "can_join"})),
            3 => (
                "m.room.canonical_alias",
                json!({
                    "alias": format!("#{}:{}", self.name(), self.server()), "alt_aliases": [],
                }),
            ),
            4 => (
                "m.room.create",
                json!({
                    "creator": sender, "m.federate": true,
                    "predecessor": {"event_id": self.event_id(), "room_id": self.room_id()}, "room_version": "11",
                    "type": "m.space",
                }),
            ),
            5 => (
                "m.room.encryption",
                json!({
                    "algorithm": "m.megolm.v1.aes-sha2", "rotation_period_ms": 604_800_000, "rotation_period_msgs": 100,
                }),
            ),
            6 => {
                let content = json!({"order": "a", "suggested": false, "via": [self.server()]});
                return ("m.space.child", Some(self.room_id()), content);
            }
            7 => ("m.room.name", json!({"name": self.text()})),
            _ => ("m.room.topic", json!({"topic": self.text()})),
        };
        (event_type, Some(String::new()), content)
    }

    fn rare(&mut self, sender: &str) -> (&'static str, Option<String>, Value) {
        match self.below(4) {
            0 => (
                "org.matrix.msc3401.call.member",
                Some(format!("_{sender}_{}", self.device())),
                json!({
                    "application": "m.call", "call_id": "", "device_id": self.device(), "expires": 14_400_000,
                    "focus_active": {"focus_selection": "oldest_membership", "type": "livekit"},
                    "foci_preferred": [{
                        "livekit_alias": self.room_id(), "livekit_service_url": "https://livekit.example.org",
                        "type": "livekit",
                    }],
                    "scope": "m.room",
                }),
            ),
            1 => (
                "m.call.invite",
                None,
                json!({
                    "call_id": self.code(16), "lifetime": 60_000, "party_id": self.code(10), "version": "1",
                }),
            ),
            2 => (
                "m.sticker",
                None,
                json!({
                    "body": self.text(), "info": {"h": 256, "mimetype": "image/webp", "size": 20_000, "w": 256},
                    "url": self.file(),
                }),
            ),
            _ => (
                "m.room.server_acl",
                Some(String::new()),
                json!({
                    "allow": ["*"], "allow_ip_literals": false, "deny": [self.server(), self.server()],
                }),
            ),
        }
    }
}

fn power_levels(sender: &str) -> Value {
    json!({
        "ban": 50,
        "events": {
            "m.room.avatar": 50, "m.room.canonical_alias": 50, "m.room.encryption": 100,
            "m.room.history_visibility": 100, "m.room.name": 50, "m.room.power_levels": 100,
            "m.room.server_acl": 100, "m.room.tombstone": 100,
        },
        "events_default": 0, "historical": 100, "invite": 0, "kick": 50, "notifications": {"room": 50}, "redact": 50,
        "state_default": 50, "users": {sender: 100}, "users_default": 0,
    })
}
