//! [Backups of room keys](https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups).

mod add_backup_keys;
mod add_backup_keys_for_room;
mod add_backup_keys_for_session;
mod create_backup_version;
mod delete_backup_keys;
mod delete_backup_keys_for_room;
mod delete_backup_keys_for_session;
mod delete_backup_version;
mod get_backup_info;
mod get_backup_keys;
mod get_backup_keys_for_room;
mod get_backup_keys_for_session;
mod get_latest_backup_info;
#[cfg(test)]
mod tests;
mod update_backup_version;
mod write_keys;

use axum::Router;
use http::StatusCode;
use myelin_services::key_backup::{BackedUpKey, KeyBackup, KeyBackupError, KeyWorth};
use ruma::{
    api::{client::backup as ruma_backup, error::ErrorCode},
    serde::Raw,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::{error::ApiError, route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_backup::add_backup_keys::v3::Request, _, _>(add_backup_keys::route)
        .serve::<ruma_backup::add_backup_keys_for_room::v3::Request, _, _>(add_backup_keys_for_room::route)
        .serve::<ruma_backup::add_backup_keys_for_session::v3::Request, _, _>(
            add_backup_keys_for_session::route,
        )
        .serve::<ruma_backup::create_backup_version::v3::Request, _, _>(create_backup_version::route)
        .serve::<ruma_backup::delete_backup_keys::v3::Request, _, _>(delete_backup_keys::route)
        .serve::<ruma_backup::delete_backup_keys_for_room::v3::Request, _, _>(
            delete_backup_keys_for_room::route,
        )
        .serve::<ruma_backup::delete_backup_keys_for_session::v3::Request, _, _>(
            delete_backup_keys_for_session::route,
        )
        .serve::<ruma_backup::delete_backup_version::v3::Request, _, _>(delete_backup_version::route)
        .serve::<ruma_backup::get_backup_info::v3::Request, _, _>(get_backup_info::route)
        .serve::<ruma_backup::get_backup_keys::v3::Request, _, _>(get_backup_keys::route)
        .serve::<ruma_backup::get_backup_keys_for_room::v3::Request, _, _>(get_backup_keys_for_room::route)
        .serve::<ruma_backup::get_backup_keys_for_session::v3::Request, _, _>(
            get_backup_keys_for_session::route,
        )
        .serve::<ruma_backup::get_latest_backup_info::v3::Request, _, _>(get_latest_backup_info::route)
        .serve::<ruma_backup::update_backup_version::v3::Request, _, _>(update_backup_version::route)
}

/// The body that describes a backup.
#[derive(Deserialize)]
struct BackupBody {
    algorithm: String,
    auth_data: Box<RawValue>,
    /// Only in an update, where it may repeat what the path says.
    version: Option<String>,
}

impl BackupBody {
    fn read<T>(body: &Raw<T>) -> Result<Self, ApiError> {
        let body: Self = serde_json::from_str(body.json().get())?;
        if body.auth_data.get().starts_with('{') {
            return Ok(body);
        }
        Err(ApiError::bad_json("auth_data is not an object"))
    }
}

/// <https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3room_keyskeysroomidsessionid_request_keybackupdata>
#[derive(Deserialize, Serialize)]
struct KeyData {
    first_message_index: i64,
    forwarded_count: i64,
    is_verified: bool,
    session_data: Box<RawValue>,
}

fn read_key<T>(room_id: &str, session_id: &str, data: &Raw<T>) -> Result<BackedUpKey, ApiError> {
    let data: KeyData = serde_json::from_str(data.json().get())?;
    if !data.session_data.get().starts_with('{') {
        return Err(ApiError::bad_json("session_data is not an object"));
    }
    Ok(BackedUpKey {
        room_id: room_id.to_owned(),
        session_id: session_id.to_owned(),
        worth: KeyWorth {
            first_message_index: data.first_message_index,
            forwarded_count: data.forwarded_count,
            is_verified: data.is_verified,
        },
        session_data: data.session_data.get().to_owned(),
    })
}

impl TryFrom<BackedUpKey> for KeyData {
    type Error = serde_json::Error;

    fn try_from(key: BackedUpKey) -> Result<Self, serde_json::Error> {
        Ok(Self {
            first_message_index: key.worth.first_message_index,
            forwarded_count: key.worth.forwarded_count,
            is_verified: key.worth.is_verified,
            session_data: RawValue::from_string(key.session_data)?,
        })
    }
}

/// What every change of keys is answered with.
fn show_state(backup: &KeyBackup) -> Value {
    json!({ "etag": backup.etag.to_string(), "count": backup.key_count })
}

/// What there is to know of a backup.
fn show_backup(backup: &KeyBackup) -> Result<Value, ApiError> {
    let auth_data: Value =
        serde_json::from_str(&backup.auth_data).map_err(|error| ApiError::internal(&error))?;
    Ok(json!({
        "algorithm": backup.algorithm,
        "auth_data": auth_data,
        "count": backup.key_count,
        "etag": backup.etag.to_string(),
        "version": backup.version.to_string(),
    }))
}

impl From<KeyBackupError> for ApiError {
    fn from(error: KeyBackupError) -> Self {
        let message = error.to_string();
        match error {
            KeyBackupError::NotFound => Self::not_found(message),
            KeyBackupError::WrongVersion { current } => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::WrongRoomKeysVersion, message)
                    .with_field("current_version", json!(current.to_string()))
            }
            KeyBackupError::OtherAlgorithm | KeyBackupError::InvalidField(_) => Self::invalid_param(message),
            KeyBackupError::TooManyKeys | KeyBackupError::TooLarge => Self::too_large(message),
            KeyBackupError::TooManyBackups => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::LimitExceeded, message)
            }
            KeyBackupError::Internal(error) => Self::internal(&error),
        }
    }
}
