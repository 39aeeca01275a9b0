//! [`POST /createRoom`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom)

use axum::extract::State;
use http::StatusCode;
use myelin_config::RoomPreset;
use myelin_core::json::{self, Object, Strictness, Value};
use myelin_services::room::{CreateError, InitialState, NewRoom};
use ruma::{
    api::{
        client::room::{
            Visibility,
            create_room::v3::{Request, Response, RoomPreset as RequestedPreset},
        },
        error::ErrorCode,
    },
    serde::Raw,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{MAX_BODY_BYTES, error::ApiError, reply::Reply, request::Authenticated, state::ApiState};

/// <https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom_request_stateevent>
#[derive(Deserialize)]
struct StateEvent {
    #[serde(rename = "type")]
    event_type: String,
    #[serde(default)]
    state_key: String,
    content: Box<RawValue>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Reply<Response>, ApiError> {
    let new = read(request.body)?;
    let room_id = state.services.rooms.create(&request.requester, new).await?;
    Ok(Reply(Response::new(room_id)))
}

fn read(body: Request) -> Result<NewRoom, ApiError> {
    if !body.invite_3pid.is_empty() {
        return Err(ApiError::forbidden("This server invites by user id only"));
    }
    let raw = |name: &str, text: Option<&RawValue>| text.map_or(Ok(Object::new()), |raw| object(name, raw));
    let creation_content = body.creation_content.as_ref().map(Raw::json);
    let power_levels = body.power_level_content_override.as_ref().map(Raw::json);
    Ok(NewRoom {
        preset: body.preset.as_ref().map(preset).transpose()?,
        is_published: body.visibility == Visibility::Public,
        alias_name: body.room_alias_name,
        name: body.name,
        topic: body.topic,
        invites: body.invite,
        is_direct: body.is_direct,
        creation_content: raw("creation_content", creation_content)?,
        initial_state: body
            .initial_state
            .iter()
            .map(|event| initial_state(event.json()))
            .collect::<Result<_, _>>()?,
        power_levels: raw("power_level_content_override", power_levels)?,
        version: body.room_version,
    })
}

fn preset(preset: &RequestedPreset) -> Result<RoomPreset, ApiError> {
    match preset {
        RequestedPreset::PrivateChat => Ok(RoomPreset::Private),
        RequestedPreset::TrustedPrivateChat => Ok(RoomPreset::TrustedPrivate),
        RequestedPreset::PublicChat => Ok(RoomPreset::Public),
        _ => Err(ApiError::bad_json("'preset' must be private_chat, trusted_private_chat or public_chat")),
    }
}

fn initial_state(raw: &RawValue) -> Result<InitialState, ApiError> {
    let StateEvent { event_type, state_key, content } = serde_json::from_str(raw.get())?;
    let content = object("initial_state", &content)?;
    Ok(InitialState { event_type, state_key, content })
}

/// What a room's version does not take of it, the event core refuses.
fn object(name: &str, raw: &RawValue) -> Result<Object, ApiError> {
    match json::parse(raw.get().as_bytes(), Strictness::Lenient, MAX_BODY_BYTES) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(ApiError::bad_json(format!("'{name}' must be an object"))),
    }
}

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> Self {
        let bad = |errcode, message: String| Self::new(StatusCode::BAD_REQUEST, errcode, message);
        match error {
            CreateError::UnsupportedVersion(_) => bad(
                ErrorCode::UnsupportedRoomVersion,
                "Your homeserver does not support this room version".to_owned(),
            ),
            CreateError::AliasTaken => bad(ErrorCode::RoomInUse, "Room alias already taken".to_owned()),
            CreateError::InvalidAlias(reason) => Self::invalid_param(reason),
            CreateError::Invalid(reason) => Self::bad_json(reason),
            CreateError::InvalidState(reason) => bad(ErrorCode::InvalidRoomState, reason),
            CreateError::Room(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
