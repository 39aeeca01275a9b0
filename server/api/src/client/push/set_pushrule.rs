//! [`PUT /pushrules/global/{kind}/{ruleId}`](https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid)

use axum::extract::{Query, State};
use myelin_core::push_rules::Placement;
use myelin_services::push_rules::Change;
use ruma::api::client::push::set_pushrule::v3::Response;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{RulePath, read_kind};
use crate::{
    error::ApiError,
    reply::Reply,
    request::{Bearer, JsonBody, PathArguments},
    state::ApiState,
};

#[derive(Deserialize)]
pub(super) struct Place {
    before: Option<String>,
    after: Option<String>,
}

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    PathArguments((kind, rule_id)): PathArguments<RulePath>,
    Query(place): Query<Place>,
    // ruma's type refuses actions and loses conditions that it does not know.
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Reply<Response>, ApiError> {
    let placement = Placement::new(place.before.as_deref(), place.after.as_deref());
    let body = Value::Object(body);
    let change = Change::Put { body: &body, placement };
    let user_id = &bearer.requester.user_id;
    state.services.push_rules.change(user_id, read_kind(&kind)?, &rule_id, change).await?;
    Ok(Reply(Response::new()))
}

#[cfg(test)]
mod tests;
