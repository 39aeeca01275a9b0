//! [`/health`](https://element-hq.github.io/synapse/latest/reverse_proxy.html#health-check-endpoint): what load
//! balancers and container managers ask.

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use myelin_services::health::Health;

/// `/health`: 200 `OK` while the database answers, 503 when it does not.
pub(crate) fn routes(health: Health) -> Router {
    let answer = move || async move {
        match health.check().await {
            Ok(()) => (StatusCode::OK, "OK"),
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer"),
        }
    };
    Router::new().route("/health", get(answer))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use myelin_testkit::TestStore;
    use tower::ServiceExt;

    use super::*;

    async fn ask(health: Health) -> StatusCode {
        let request = Request::get("/health").body(Body::empty()).unwrap();
        routes(health).oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn server_is_well_while_its_database_answers() {
        let store = TestStore::open().await;
        assert_eq!(ask(Health::new((*store).clone())).await, StatusCode::OK);
        store.close().await;
        assert_eq!(ask(Health::new((*store).clone())).await, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn question_is_not_asked_again_at_once() {
        let store = TestStore::open().await;
        let health = Health::new((*store).clone());
        assert_eq!(ask(health.clone()).await, StatusCode::OK);
        store.close().await;
        assert_eq!(ask(health).await, StatusCode::OK);
    }
}
