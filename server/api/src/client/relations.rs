//! [What events say about events](https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events).

mod get_event_by_timestamp;
mod get_relating_events;
mod get_threads;

use axum::Router;
use myelin_services::timeline::RelationPage;
use ruma::api::client::{
    relations as ruma_relations, room::get_event_by_timestamp as ruma_timestamp, threads,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{route::RouterExt, state::ApiState};

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .serve::<ruma_relations::get_relating_events::v1::Request, _, _>(get_relating_events::route)
        .serve::<ruma_relations::get_relating_events_with_rel_type::v1::Request, _, _>(
            get_relating_events::route_with_relation,
        )
        .serve::<ruma_relations::get_relating_events_with_rel_type_and_event_type::v1::Request, _, _>(
            get_relating_events::route_with_relation_and_type,
        )
        .serve::<threads::get_threads::v1::Request, _, _>(get_threads::route)
        .serve::<ruma_timestamp::v1::Request, _, _>(get_event_by_timestamp::route)
}

/// A page of events.
#[derive(Serialize)]
struct Body {
    chunk: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recursion_depth: Option<i64>,
}

impl Body {
    fn new(page: RelationPage, from: Option<String>) -> Self {
        Self {
            chunk: page.events,
            next_batch: page.next_batch,
            prev_batch: from,
            recursion_depth: page.recursion_depth,
        }
    }
}

#[cfg(test)]
mod tests;
