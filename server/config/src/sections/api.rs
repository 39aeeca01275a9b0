//! What clients and application services see.

use std::path::PathBuf;

use crate::definition::Kind;
use crate::reader::Reader;
use crate::secret::Secret;
use crate::setting::{Setting, Sink};
use crate::yaml::{Content, Node};

/// Options of the API. A field is the option of the same name.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// The state that an invited or knocking user sees: built-in types, unless disabled, and the given ones.
    pub room_prejoin_state: Vec<StateSelector>,
    pub track_puppeted_user_ips: bool,
    pub app_service_config_files: Vec<PathBuf>,
    pub track_appservice_user_ips: bool,
    pub use_appservice_legacy_authorization: bool,
    pub macaroon_secret_key: Option<Secret>,
    pub form_secret: Option<Secret>,
}

/// State events of a type, with one state key or any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateSelector {
    pub event_type: String,
    pub state_key: Option<String>,
}

impl Setting for StateSelector {
    fn kind() -> Kind {
        Kind::Either(Box::new(Kind::Text), Box::new(Kind::List(Box::new(Kind::Text))))
    }
    fn read(node: &Node, sink: &mut Sink<'_>) -> Option<Self> {
        let selector = match &node.content {
            Content::Text(event_type) => Some(Self { event_type: event_type.clone(), state_key: None }),
            Content::Sequence(items) => match items.as_slice() {
                [event_type, state_key] => {
                    event_type.as_text().zip(state_key.as_text()).map(|(event_type, key)| Self {
                        event_type: event_type.to_owned(),
                        state_key: Some(key.to_owned()),
                    })
                }
                _ => None,
            },
            _ => None,
        };
        selector.or_else(|| sink.expected(node, "an event type, or a list of an event type and a state key"))
    }
}

/// What may be left out of stripped state: <https://spec.matrix.org/v1.19/client-server-api/#stripped-state>.
const PREJOIN_TYPES: [&str; 6] = [
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.avatar",
    "m.room.encryption",
    "m.room.name",
    "m.room.topic",
];

const FORMS: &str = "there are no forms and no login tokens yet";

pub(crate) fn read(r: &mut Reader<'_, '_>) -> ApiConfig {
    const SERVICES: &str = "there are no application services yet";
    r.never("it is older than `room_prejoin_state`; use that").know::<Option<Vec<String>>>(
        "room_invite_state_types",
        "null",
        "State that an invited user sees (old form).",
    );
    ApiConfig {
        room_prejoin_state: r.group(
            "room_prejoin_state",
            "What an invited or knocking user sees of a room.",
            |r| {
                let without_default: bool =
                    r.get("disable_default_event_types", "false", "Whether the built-in types are left out.");
                let more: Vec<StateSelector> = r.get(
                    "additional_event_types",
                    "[]",
                    "Further types; or lists of a type and a state key.",
                );
                let left_out = if without_default { &[][..] } else { &PREJOIN_TYPES[..] };
                // The create event is always there.
                let built_in = std::iter::once(&"m.room.create").chain(left_out).map(|event_type| {
                    StateSelector { event_type: (*event_type).to_owned(), state_key: None }
                });
                built_in.chain(more).collect()
            },
        ),
        track_puppeted_user_ips: r.not_yet(SERVICES).get(
            "track_puppeted_user_ips",
            "false",
            "Whether the address of whoever acts for a user is kept as that user's.",
        ),
        app_service_config_files: r.not_yet(SERVICES).get(
            "app_service_config_files",
            "[]",
            "Registration files of application services.",
        ),
        track_appservice_user_ips: r.not_yet(SERVICES).get(
            "track_appservice_user_ips",
            "false",
            "Whether addresses are kept for users of application services.",
        ),
        use_appservice_legacy_authorization: r.not_yet(SERVICES).get(
            "use_appservice_legacy_authorization",
            "false",
            "Whether the token also goes into the URL of requests to them.",
        ),
        macaroon_secret_key: r.not_yet(FORMS).secret(
            "macaroon_secret_key",
            "macaroon_secret_key_path",
            "Signs short-lived tokens and cookies.",
        ),
        form_secret: r.not_yet(FORMS).secret("form_secret", "form_secret_path", "Signs the values of forms."),
    }
}
