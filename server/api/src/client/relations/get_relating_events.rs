//! [`GET /rooms/{roomId}/relations/{eventId}`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventid)
//! and its two longer forms.

use axum::{Json, extract::State};
use myelin_services::timeline::RelationRequest;
use ruma::api::client::relations::{
    get_relating_events::v1::Request, get_relating_events_with_rel_type::v1::Request as WithRelation,
    get_relating_events_with_rel_type_and_event_type::v1::Request as WithRelationAndType,
};

use super::Body;
use crate::{error::ApiError, request::Authenticated, state::ApiState};

pub(super) async fn route(
    State(state): State<ApiState>,
    request: Authenticated<Request>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let wanted = RelationRequest {
        room_id: &body.room_id,
        event_id: &body.event_id,
        relation: None,
        event_type: None,
        from: body.from.as_deref(),
        to: body.to.as_deref(),
        direction: body.dir,
        limit: body.limit.map(u64::from),
        recurse: body.recurse,
    };
    let page = state.services.timelines.relations(&requester, wanted).await?;
    Ok(Json(Body::new(page, body.from)))
}

pub(super) async fn route_with_relation(
    State(state): State<ApiState>,
    request: Authenticated<WithRelation>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let wanted = RelationRequest {
        room_id: &body.room_id,
        event_id: &body.event_id,
        relation: Some(body.rel_type.as_str()),
        event_type: None,
        from: body.from.as_deref(),
        to: body.to.as_deref(),
        direction: body.dir,
        limit: body.limit.map(u64::from),
        recurse: body.recurse,
    };
    let page = state.services.timelines.relations(&requester, wanted).await?;
    Ok(Json(Body::new(page, body.from)))
}

pub(super) async fn route_with_relation_and_type(
    State(state): State<ApiState>,
    request: Authenticated<WithRelationAndType>,
) -> Result<Json<Body>, ApiError> {
    let Authenticated { requester, body, .. } = request;
    let event_type = body.event_type.to_string();
    let wanted = RelationRequest {
        room_id: &body.room_id,
        event_id: &body.event_id,
        relation: Some(body.rel_type.as_str()),
        event_type: Some(&event_type),
        from: body.from.as_deref(),
        to: body.to.as_deref(),
        direction: body.dir,
        limit: body.limit.map(u64::from),
        recurse: body.recurse,
    };
    let page = state.services.timelines.relations(&requester, wanted).await?;
    Ok(Json(Body::new(page, body.from)))
}
