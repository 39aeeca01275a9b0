//! Syncing in tests.

use serde_json::Value;

use crate::{TestServer, TestUser};

impl TestServer {
    /// What is new for the user since the token, at once.
    pub async fn sync(&self, user: &TestUser, since: Option<&str>) -> Value {
        self.sync_with(user, since, "").await
    }

    /// The same with more of a query, which begins with `&`.
    pub async fn sync_with(&self, user: &TestUser, since: Option<&str>, query: &str) -> Value {
        let since = since.map(|since| format!("&since={since}")).unwrap_or_default();
        self.get(user, &format!("/_matrix/client/v3/sync?timeout=0{since}{query}")).await.ok()
    }

    /// Where the streams are now for the user.
    pub async fn sync_token(&self, user: &TestUser) -> String {
        next_batch(&self.sync(user, None).await)
    }
}

/// The token of an answer.
pub fn next_batch(answer: &Value) -> String {
    answer["next_batch"].as_str().expect("a token").to_owned()
}
