//! Help for calls.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::reader::Reader;
use crate::secret::Secret;

/// TURN servers and transports for calls. A field is the option of the same name.
#[derive(Clone, Debug)]
pub struct TurnConfig {
    pub turn_uris: Vec<String>,
    pub turn_shared_secret: Option<Secret>,
    pub turn_username: Option<String>,
    pub turn_password: Option<Secret>,
    pub turn_user_lifetime: Duration,
    pub turn_allow_guests: bool,
    /// `matrix_rtc.transports`, as given: each has a `type`.
    pub matrix_rtc_transports: Vec<Map<String, Value>>,
}

pub(crate) fn read(r: &mut Reader<'_, '_>) -> TurnConfig {
    TurnConfig {
        turn_uris: r.get("turn_uris", "[]", "TURN servers that clients are told."),
        turn_shared_secret: r.secret(
            "turn_shared_secret",
            "turn_shared_secret_path",
            "The secret shared with the TURN server, for user names with a time limit.",
        ),
        turn_username: r.get("turn_username", "null", "User name, if there is no shared secret."),
        turn_password: r.secret(
            "turn_password",
            "turn_password_path",
            "Password, if there is no shared secret.",
        ),
        turn_user_lifetime: r.get("turn_user_lifetime", "1h", "How long such a user name is good."),
        turn_allow_guests: r.get("turn_allow_guests", "true", "Whether guests get one too."),
        matrix_rtc_transports: r.not_yet("transports are not told to clients").group(
            "matrix_rtc",
            "Calls of several people.",
            |r| {
                r.get(
                    "transports",
                    "[]",
                    "What such calls can run over; each entry has a `type`, and for `livekit` a \
                     `livekit_service_url`.",
                )
            },
        ),
    }
}
