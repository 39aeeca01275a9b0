//! [`POST /search`](https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3search)

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Query, State},
};
use http::StatusCode;
use myelin_services::{
    search::{ContextRequest, SearchError, SearchPage, SearchRequest, SearchResult, SearchedKeys},
    timeline::MemberProfile,
};
use ruma::{
    OwnedEventId, OwnedRoomId,
    api::{client::filter::RoomEventFilter, error::ErrorCode},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    error::ApiError,
    request::{Bearer, JsonBody},
    state::ApiState,
};

#[derive(Deserialize)]
pub(super) struct Arguments {
    next_batch: Option<String>,
}

/// `ruma`'s type cannot say that no context is wanted.
#[derive(Deserialize)]
pub(super) struct Wanted {
    search_categories: Categories,
}

#[derive(Deserialize)]
struct Categories {
    room_events: Criteria,
}

#[derive(Deserialize)]
struct Criteria {
    search_term: String,
    keys: Option<Vec<String>>,
    #[serde(default)]
    filter: RoomEventFilter,
    order_by: Option<String>,
    event_context: Option<EventContext>,
    #[serde(default)]
    include_state: bool,
    #[serde(default)]
    groupings: Groupings,
}

#[derive(Deserialize)]
struct EventContext {
    #[serde(default = "default_neighbours")]
    before_limit: u32,
    #[serde(default = "default_neighbours")]
    after_limit: u32,
    #[serde(default)]
    include_profile: bool,
}

fn default_neighbours() -> u32 {
    5
}

#[derive(Default, Deserialize)]
struct Groupings {
    #[serde(default)]
    group_by: Vec<Grouping>,
}

#[derive(Deserialize)]
struct Grouping {
    key: GroupKey,
}

#[derive(Clone, Copy, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
enum GroupKey {
    RoomId,
    Sender,
}

#[derive(Serialize)]
pub(super) struct Body {
    search_categories: ResultCategories,
}

#[derive(Serialize)]
struct ResultCategories {
    room_events: Results,
}

#[derive(Serialize)]
struct Results {
    count: usize,
    highlights: BTreeSet<String>,
    results: Vec<Hit>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    state: BTreeMap<OwnedRoomId, Vec<Box<RawValue>>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    groups: BTreeMap<GroupKey, BTreeMap<String, Group>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
}

#[derive(Serialize)]
struct Hit {
    rank: f64,
    result: Box<RawValue>,
    context: Context,
}

#[derive(Default, Serialize)]
struct Context {
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events_before: Option<Vec<Box<RawValue>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events_after: Option<Vec<Box<RawValue>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_info: Option<BTreeMap<String, Profile>>,
}

#[derive(Serialize)]
struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    displayname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
}

#[derive(Default, Serialize)]
struct Group {
    /// The place of its first result among the groups.
    order: usize,
    results: Vec<OwnedEventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Disabled => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unknown, error.to_string())
            }
            SearchError::InvalidToken => Self::invalid_param(error.to_string()),
            SearchError::Internal(error) => Self::internal(&error),
        }
    }
}

impl From<MemberProfile> for Profile {
    fn from(profile: MemberProfile) -> Self {
        Self { displayname: profile.display_name, avatar_url: profile.avatar_url }
    }
}

impl From<SearchResult> for Hit {
    fn from(result: SearchResult) -> Self {
        let context = result.context.map(|context| Context {
            start: Some(context.start),
            end: Some(context.end),
            events_before: Some(context.before),
            events_after: Some(context.after),
            profile_info: context.profiles.map(|profiles| {
                profiles.into_iter().map(|(user_id, profile)| (user_id, profile.into())).collect()
            }),
        });
        Self { rank: result.rank, result: result.event, context: context.unwrap_or_default() }
    }
}

fn groups(page: &SearchPage, key: GroupKey) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for result in &page.results {
        let name = match key {
            GroupKey::RoomId => result.room_id.to_string(),
            GroupKey::Sender => result.sender.clone(),
        };
        let order = groups.len();
        let group = groups.entry(name).or_insert_with(|| Group { order, ..Group::default() });
        group.results.push(result.event_id.clone());
        if key == GroupKey::RoomId {
            group.next_batch = page.next_of_rooms.get(&result.room_id).cloned();
        }
    }
    groups
}

fn searched_keys(keys: Option<&[String]>) -> SearchedKeys {
    let Some(keys) = keys else { return SearchedKeys::ALL };
    let has = |key: &str| keys.iter().any(|given| given == key);
    SearchedKeys { body: has("content.body"), name: has("content.name"), topic: has("content.topic") }
}

pub(super) async fn route(
    State(state): State<ApiState>,
    bearer: Bearer,
    Query(Arguments { next_batch }): Query<Arguments>,
    JsonBody(Wanted { search_categories: Categories { room_events: wanted } }): JsonBody<Wanted>,
) -> Result<Json<Body>, ApiError> {
    let by_time = match wanted.order_by.as_deref() {
        None | Some("rank") => false,
        Some("recent") => true,
        Some(other) => return Err(ApiError::invalid_param(format!("Invalid order by: {other}"))),
    };
    let request = SearchRequest {
        term: &wanted.search_term,
        keys: searched_keys(wanted.keys.as_deref()),
        filter: &wanted.filter,
        by_time,
        context: wanted.event_context.map(|context| ContextRequest {
            before: context.before_limit,
            after: context.after_limit,
            with_profiles: context.include_profile,
        }),
        with_state: wanted.include_state,
        from: next_batch.as_deref(),
    };
    let page = state.services.searches.search(&bearer.requester, request).await?;
    let keys = wanted.groupings.group_by.iter().map(|grouping| grouping.key);
    let groups = keys.map(|key| (key, groups(&page, key))).collect();
    let room_events = Results {
        count: page.count,
        highlights: page.highlights,
        results: page.results.into_iter().map(Hit::from).collect(),
        state: page.state,
        groups,
        next_batch: page.next,
    };
    Ok(Json(Body { search_categories: ResultCategories { room_events } }))
}

#[cfg(test)]
mod tests;
