//! [Pushers](https://spec.matrix.org/v1.19/client-server-api/#push-notifications) and
//! [push rules](https://spec.matrix.org/v1.19/client-server-api/#push-rules-api).

mod delete_pushrule;
mod get_notifications;
mod get_pushers;
mod get_pushrule;
mod get_pushrule_actions;
mod get_pushrule_enabled;
mod get_pushrules_all;
mod get_pushrules_global_scope;
mod set_pusher;
mod set_pushrule;
mod set_pushrule_actions;
mod set_pushrule_enabled;

use axum::Router;
use myelin_core::push_rules::{RuleError, RuleKind};
use myelin_services::push_rules::PushRulesError;
use ruma::{UserId, api::client::push as ruma_push};
use serde_json::Value;

use crate::{error::ApiError, route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_push::delete_pushrule::v3::Request, _, _>(delete_pushrule::route)
        .serve::<ruma_push::get_notifications::v3::Request, _, _>(get_notifications::route)
        .serve::<ruma_push::get_pushers::v3::Request, _, _>(get_pushers::route)
        .serve::<ruma_push::set_pusher::v3::Request, _, _>(set_pusher::route)
        .serve::<ruma_push::get_pushrule::v3::Request, _, _>(get_pushrule::route)
        .serve::<ruma_push::get_pushrule_actions::v3::Request, _, _>(get_pushrule_actions::route)
        .serve::<ruma_push::get_pushrule_enabled::v3::Request, _, _>(get_pushrule_enabled::route)
        .serve::<ruma_push::get_pushrules_all::v3::Request, _, _>(get_pushrules_all::route)
        .serve::<ruma_push::get_pushrules_global_scope::v3::Request, _, _>(get_pushrules_global_scope::route)
        .serve::<ruma_push::set_pushrule::v3::Request, _, _>(set_pushrule::route)
        .serve::<ruma_push::set_pushrule_actions::v3::Request, _, _>(set_pushrule_actions::route)
        .serve::<ruma_push::set_pushrule_enabled::v3::Request, _, _>(set_pushrule_enabled::route)
}

/// The kind and id of a rule, from a path.
type RulePath = (String, String);

/// Reads the kind. `ruma`'s type takes any word for one.
fn read_kind(kind: &str) -> Result<RuleKind, ApiError> {
    RuleKind::parse(kind).ok_or_else(|| ApiError::invalid_param(format!("Unknown kind of rule: {kind}")))
}

/// The rule that a path names.
async fn find(state: &ApiState, user_id: &UserId, (kind, rule_id): &RulePath) -> Result<Value, ApiError> {
    match state.services.push_rules.find(user_id, read_kind(kind)?, rule_id).await {
        Ok(Some(rule)) => Ok(rule),
        Ok(None) => Err(RuleError::NotFound.into()),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

impl From<RuleError> for ApiError {
    fn from(error: RuleError) -> Self {
        let message = error.to_string();
        match error {
            RuleError::NotFound => Self::not_found(message),
            RuleError::TooLarge => Self::too_large(message),
            RuleError::MissingConditions | RuleError::MissingPattern | RuleError::MissingActions => {
                Self::missing_param(message)
            }
            RuleError::SlashInRuleId
            | RuleError::ReservedRuleId
            | RuleError::ConditionWithoutKind
            | RuleError::InvalidActions(_)
            | RuleError::RelativeNotFound(_) => Self::invalid_param(message),
        }
    }
}

impl From<PushRulesError> for ApiError {
    fn from(error: PushRulesError) -> Self {
        match error {
            PushRulesError::Rule(error) => error.into(),
            PushRulesError::RuleIdTooLong => Self::invalid_param(error.to_string()),
            PushRulesError::Internal(error) => Self::internal(&error),
        }
    }
}
