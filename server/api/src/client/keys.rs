//! [Keys of devices and users](https://spec.matrix.org/v1.19/client-server-api/#key-management-api).
//!
//! Bodies are read here and not by ruma's types, which refuse a whole request for one wrong user id, and would write
//! signed objects anew.

mod claim_keys;
mod get_key_changes;
mod get_keys;
mod upload_keys;
mod upload_signatures;
mod upload_signing_keys;

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use myelin_services::device_keys::KeysError;
use ruma::{OwnedServerName, api::client::keys as ruma_keys};
use serde_json::{Value, json};

use crate::{error::ApiError, route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_keys::claim_keys::v3::Request, _, _>(claim_keys::route)
        .serve::<ruma_keys::get_key_changes::v3::Request, _, _>(get_key_changes::route)
        .serve::<ruma_keys::get_keys::v3::Request, _, _>(get_keys::route)
        .serve::<ruma_keys::upload_keys::v3::Request, _, _>(upload_keys::route)
        .serve::<ruma_keys::upload_signatures::v3::Request, _, _>(upload_signatures::route)
        .serve::<ruma_keys::upload_signing_keys::v3::Request, _, _>(upload_signing_keys::route)
}

/// The servers that could not be asked, with Synapse's words for one that is not asked now.
fn failures(servers: BTreeSet<OwnedServerName>) -> BTreeMap<OwnedServerName, Value> {
    let failure = json!({ "status": 503, "message": "Not ready for retry" });
    servers.into_iter().map(|server| (server, failure.clone())).collect()
}

impl From<KeysError> for ApiError {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::TooMany { .. } => Self::invalid_param(error.to_string()),
            KeysError::Internal(error) => Self::internal(&error),
        }
    }
}
