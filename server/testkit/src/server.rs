//! A whole server in a test: the real router over a real store, a clock that stands still, seeded randomness.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{Method, Request, StatusCode, header};
use myelin_api::ApiState;
use myelin_config::{Config, Environment};
use myelin_core::signature::SigningKey;
use myelin_services::{
    account::{NewAccount, NewSession},
    clock::Clock,
    keys,
    random::Random,
    tasks::Tasks,
    wiring::{Parts, Services},
};
use ruma::{OwnedDeviceId, OwnedUserId};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::TestStore;

/// 2026-01-01T00:00:00Z.
const START_TS: i64 = 1_767_225_600_000;

/// Open to new users, with the cheapest bcrypt cost and no limit that a test would meet by accident.
const SETTINGS: &str = "\
enable_registration: true
enable_registration_without_verification: true
bcrypt_rounds: 4
rc_registration: {per_second: 1000, burst_count: 1000}
rc_login:
    address: {per_second: 1000, burst_count: 1000}
    account: {per_second: 1000, burst_count: 1000}
    failed_attempts: {per_second: 1000, burst_count: 1000}
room_list_publication_rules: [{action: allow}]
rc_message: {per_second: 1000, burst_count: 1000}
rc_room_creation: {per_second: 1000, burst_count: 1000}
rc_joins:
    local: {per_second: 1000, burst_count: 1000}
rc_joins_per_room: {per_second: 1000, burst_count: 1000}
rc_invites:
    per_room: {per_second: 1000, burst_count: 1000}
    per_user: {per_second: 1000, burst_count: 1000}
    per_issuer: {per_second: 1000, burst_count: 1000}
";

/// A server named `myelin.test` with an empty database.
pub struct TestServer {
    pub router: Router,
    pub services: Services,
    pub state: ApiState,
    pub clock: Clock,
    pub store: TestStore,
    tasks: Tasks,
    config: Config,
    folder: TempDir,
}

/// A user of a [`TestServer`] with one session.
#[derive(Clone, Debug)]
pub struct TestUser {
    pub user_id: OwnedUserId,
    pub device_id: OwnedDeviceId,
    pub token: String,
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub bytes: Vec<u8>,
}

impl TestServer {
    /// A server on the engine that the environment chooses, with the default settings of tests.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// A server with further settings, in YAML: a later key replaces an earlier one.
    pub async fn start_with(settings: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let base = folder.path().join("homeserver.yaml");
        let media = folder.path().join("media");
        std::fs::write(
            &base,
            format!(
                "server_name: {}\nmedia_store_path: {}\n{SETTINGS}",
                TestStore::server_name(),
                media.display()
            ),
        )
        .expect("a file in a temporary folder");
        let further = folder.path().join("further.yaml");
        std::fs::write(&further, settings).expect("a file in a temporary folder");
        let environment = Environment::new([("HOME".to_owned(), "/".to_owned())], folder.path());
        let config = myelin_config::load([base, further].as_slice(), &environment)
            .config()
            .unwrap_or_else(|faults| panic!("settings of the test: {faults:?}"));
        let store = TestStore::open().await;
        let clock = Clock::manual(START_TS);
        let tasks = Tasks::default();
        let (router, services, state) = build(&store, &config, &clock, &tasks, 1);
        Self { router, services, state, clock, store, tasks, config, folder }
    }

    /// Stops the server and starts it again on the same database, with nothing left in memory.
    pub async fn restart(&mut self) {
        self.store.reopen().await.expect("the store opens again");
        (self.router, self.services, self.state) =
            build(&self.store, &self.config, &self.clock, &self.tasks, 2);
    }

    /// What is in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The folder of the server's files.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Waits for the work that goes on after its request.
    pub async fn finish_tasks(&self) {
        self.tasks.finish().await;
    }

    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Makes a user whose password is `password of <name>` and opens a session.
    pub async fn user(&self, localpart: &str) -> TestUser {
        let account = NewAccount {
            localpart: Some(localpart.to_owned()),
            password: Some(format!("password of {localpart}")),
            ..NewAccount::default()
        };
        let user_id = self.services.accounts.register(account).await.expect("a new account");
        self.session(&user_id).await
    }

    /// Makes an administrator of the server.
    pub async fn admin(&self, localpart: &str) -> TestUser {
        let account =
            NewAccount { localpart: Some(localpart.to_owned()), is_admin: true, ..NewAccount::default() };
        let user_id = self.services.accounts.register(account).await.expect("a new account");
        self.session(&user_id).await
    }

    /// Opens another session of a user, on a new device.
    pub async fn session(&self, user_id: &ruma::UserId) -> TestUser {
        let session =
            self.services.accounts.open_session(user_id, NewSession::default()).await.expect("a session");
        TestUser { user_id: user_id.to_owned(), device_id: session.device_id, token: session.access_token }
    }

    /// Sends a JSON request, with a user's token if there is one.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        user: Option<&TestUser>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(user) = user {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", user.token));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send_raw(request.body(body).expect("a request that can be written")).await
    }

    /// Sends any request.
    pub async fn send_raw(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("the router always answers");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body in memory").to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// `GET` with a user's token.
    pub async fn get(&self, user: &TestUser, path: &str) -> Answer {
        self.send(Method::GET, path, Some(user), None).await
    }

    /// `PUT` with a user's token.
    pub async fn put(&self, user: &TestUser, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(user), Some(body)).await
    }

    /// `POST` with a user's token.
    pub async fn post(&self, user: &TestUser, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(user), Some(body)).await
    }

    /// `DELETE` with a user's token.
    pub async fn delete(&self, user: &TestUser, path: &str) -> Answer {
        self.send(Method::DELETE, path, Some(user), None).await
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.bytes)))
    }

    /// The body of a successful answer.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// The status and `errcode` of an error answer.
    #[track_caller]
    pub fn error(&self) -> (u16, String) {
        assert!(!self.status.is_success(), "{}", String::from_utf8_lossy(&self.bytes));
        (self.status.as_u16(), self.json()["errcode"].as_str().unwrap_or_default().to_owned())
    }

    /// Asserts that the server refused with this status and `errcode`.
    #[track_caller]
    pub fn refused(self, status: u16, errcode: &str) -> Value {
        assert_eq!(self.error(), (status, errcode.to_owned()), "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }
}

fn build(
    store: &TestStore,
    config: &Config,
    clock: &Clock,
    tasks: &Tasks,
    seed: u64,
) -> (Router, Services, ApiState) {
    let services = Services::new(Parts {
        store: (**store).clone(),
        config: config.clone(),
        server_name: TestStore::server_name(),
        clock: clock.clone(),
        random: Random::seeded(seed),
        key: SigningKey::from_seed("a_test", &[7; 32]).expect("a key"),
        further_keys: Vec::new(),
        retired_keys: keys::retired_keys(&config.signing_keys).expect("retired keys of the test"),
        tasks: tasks.clone(),
    });
    services.resume();
    let state = ApiState::new(services.clone(), config);
    (myelin_api::client_router(state.clone()), services, state)
}
