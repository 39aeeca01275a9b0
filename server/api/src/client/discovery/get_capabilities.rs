//! [`GET /capabilities`](https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3capabilities)

use axum::extract::State;
use ruma::api::client::discovery::get_capabilities::v3::{
    AccountModerationCapability, Capabilities, ChangePasswordCapability, GetLoginTokenCapability,
    ProfileFieldsCapability, Request, Response, RoomVersionStability, RoomVersionsCapability,
    ThirdPartyIdChangesCapability,
};
use ruma::profile::ProfileFieldName;

use crate::{
    reply::Reply,
    request::Authenticated,
    state::{ApiState, CapabilitySettings},
};

pub(super) async fn route(State(state): State<ApiState>, request: Authenticated<Request>) -> Reply<Response> {
    let settings = &state.capabilities;
    let mut capabilities = Capabilities::new();
    capabilities.change_password = ChangePasswordCapability::new(settings.change_password);
    capabilities.room_versions = RoomVersionsCapability::new(
        settings.default_room_version.clone(),
        settings
            .room_versions
            .iter()
            .map(|version| (version.clone(), RoomVersionStability::Stable))
            .collect(),
    );
    tell_old_clients(&mut capabilities, settings);
    let mut profile_fields = ProfileFieldsCapability::new(true);
    let fixed = [
        (settings.set_displayname, ProfileFieldName::DisplayName),
        (settings.set_avatar_url, ProfileFieldName::AvatarUrl),
    ];
    let fixed: Vec<_> = fixed.into_iter().filter(|(enabled, _)| !enabled).map(|(_, name)| name).collect();
    profile_fields.disallowed = Some(fixed).filter(|fixed| !fixed.is_empty());
    capabilities.profile_fields = Some(profile_fields);
    capabilities.thirdparty_id_changes = ThirdPartyIdChangesCapability::new(false);
    capabilities.get_login_token =
        GetLoginTokenCapability::new(state.services.accounts.allows_login_tokens());
    capabilities.account_moderation = AccountModerationCapability::new(false, request.requester.is_admin);
    Reply(Response::new(capabilities))
}

#[expect(deprecated, reason = "clients older than Matrix 1.16 look for these")]
fn tell_old_clients(capabilities: &mut Capabilities, settings: &CapabilitySettings) {
    capabilities.set_displayname.enabled = settings.set_displayname;
    capabilities.set_avatar_url.enabled = settings.set_avatar_url;
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::TestServer;
    use serde_json::json;

    const PATH: &str = "/_matrix/client/v3/capabilities";

    #[tokio::test]
    async fn every_room_version_is_stable() {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let body = server.get(&alice, PATH).await.ok();
        let available = body["capabilities"]["m.room_versions"]["available"].as_object().unwrap();
        assert_eq!(available.len(), 12);
        assert!(available.values().all(|stability| stability == "stable"));
    }

    #[tokio::test]
    async fn default_room_version_is_that_of_the_configuration() {
        let server = TestServer::start_with("default_room_version: '10'").await;
        let alice = server.user("alice").await;
        let body = server.get(&alice, PATH).await.ok();
        assert_eq!(body["capabilities"]["m.room_versions"]["default"], json!("10"));
    }

    #[tokio::test]
    async fn administrators_are_told_that_they_may_lock_accounts() {
        let server = TestServer::start().await;
        let [admin, alice] = [server.admin("admin").await, server.user("alice").await];
        let told = server.get(&admin, PATH).await.ok();
        assert_eq!(told["capabilities"]["m.account_moderation"], json!({ "lock": true }));
        let told = server.get(&alice, PATH).await.ok();
        assert_eq!(told["capabilities"].get("m.account_moderation"), None);
    }

    #[tokio::test]
    async fn nobody_without_a_token_is_told() {
        let server = TestServer::start().await;
        server.send(Method::GET, PATH, None, None).await.refused(401, "M_MISSING_TOKEN");
    }
}
