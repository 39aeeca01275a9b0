use myelin_testkit::{Answer, TestServer, TestUser};
use ruma::{UserId, user_id};
use serde_json::json;

pub(super) fn path(user_id: &UserId) -> String {
    format!("/_matrix/client/v1/admin/lock/{user_id}")
}

pub(super) async fn lock(server: &TestServer, admin: &TestUser, user: &TestUser, locked: bool) {
    let answer = server.put(admin, &path(&user.user_id), json!({ "locked": locked })).await;
    assert_eq!(answer.ok(), json!({ "locked": locked }));
}

/// Claims that a request is refused of who is no administrator, and about whom it may not be.
pub(super) async fn refuses_who_may_not(ask: impl AsyncFn(&TestServer, &TestUser, &str) -> Answer) {
    let server = TestServer::start().await;
    let [admin, other] = [server.admin("admin").await, server.admin("other").await];
    let [alice, bob] = [server.user("alice").await, server.user("bob").await];
    let closed = server.user("closed").await;
    server
        .services
        .accounts
        .close(&closed.user_id, myelin_services::account::Erasure::Nothing, || ())
        .await
        .unwrap();
    let nobody = user_id!("@nobody:myelin.test");
    let foreign = user_id!("@alice:elsewhere.test");
    for user_id in [&*bob.user_id, &*alice.user_id, nobody, foreign] {
        ask(&server, &alice, &path(user_id)).await.refused(403, "M_FORBIDDEN");
    }
    ask(&server, &admin, &path(&other.user_id)).await.refused(403, "M_FORBIDDEN");
    ask(&server, &admin, &path(foreign)).await.refused(400, "M_INVALID_PARAM");
    ask(&server, &admin, &path(nobody)).await.refused(404, "M_NOT_FOUND");
    ask(&server, &admin, &path(&closed.user_id)).await.refused(404, "M_NOT_FOUND");
}
