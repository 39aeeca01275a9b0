//! Every handle that an endpoint may need.

use std::sync::Arc;

use myelin_config::{Config, PasswordMode, ServerConfig};
use myelin_services::{room, wiring::Services};
use ruma::RoomVersionId;
use serde_json::{Map, Value, json};

use crate::metrics::HttpMetrics;

/// What the router is built from. Cheap to clone, which the router does several times for each request.
#[derive(Clone)]
pub struct ApiState {
    pub services: Arc<Services>,
    pub capabilities: Arc<CapabilitySettings>,
    /// What clients are told of this server, if it says anything.
    pub well_known: Option<Arc<Map<String, Value>>>,
    pub http_metrics: HttpMetrics,
}

/// What `GET /capabilities` tells.
pub struct CapabilitySettings {
    pub change_password: bool,
    pub set_displayname: bool,
    pub set_avatar_url: bool,
    pub default_room_version: RoomVersionId,
    pub room_versions: Vec<RoomVersionId>,
}

impl ApiState {
    /// What the router needs of the services and the configuration.
    pub fn new(services: Services, config: &Config) -> Self {
        Self {
            services: Arc::new(services),
            capabilities: Arc::new(CapabilitySettings::new(config)),
            well_known: well_known(&config.server).map(Arc::new),
            http_metrics: HttpMetrics::default(),
        }
    }
}

impl CapabilitySettings {
    fn new(config: &Config) -> Self {
        Self {
            change_password: config.passwords.localdb_enabled
                && config.passwords.enabled != PasswordMode::Off,
            set_displayname: config.registration.enable_set_displayname,
            set_avatar_url: config.registration.enable_set_avatar_url,
            default_room_version: RoomVersionId::try_from(config.server.default_room_version.as_str())
                .unwrap_or(RoomVersionId::V11),
            room_versions: room::supported_versions(),
        }
    }
}

/// The content of `/.well-known/matrix/client`; `None` unless the configuration says where clients find this server.
fn well_known(server: &ServerConfig) -> Option<Map<String, Value>> {
    server.serve_client_wellknown.then(|| {
        let mut content = server.extra_well_known_client_content.clone();
        content.insert("m.homeserver".to_owned(), json!({ "base_url": server.public_baseurl }));
        content
    })
}
