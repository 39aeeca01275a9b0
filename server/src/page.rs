//! What a person sees who opens the homeserver in a browser.

use axum::Router;
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

const TEMPLATE: &str = include_str!("page.html");

/// The page brings its style along and loads nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// `/` and `/_matrix/static/`. With a `web_client_location`, `/` leads there.
pub(crate) fn routes(server_name: &str, web_client_location: Option<&str>) -> Router {
    let text = render(server_name);
    let page = get(move || {
        let text = text.clone();
        async move {
            let headers = [
                (CONTENT_SECURITY_POLICY, POLICY),
                (CACHE_CONTROL, "public, max-age=3600"),
                (REFERRER_POLICY, "no-referrer"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, Html(text)).into_response()
        }
    });
    let to_static = || async { Redirect::permanent("/_matrix/static/") };
    let root = match web_client_location {
        None => page.clone(),
        Some(location) => {
            let redirect = Redirect::temporary(location);
            get(move || async move { redirect })
        }
    };
    Router::new().route("/", root).route("/_matrix/static/", page).route("/_matrix/static", get(to_static))
}

fn render(server_name: &str) -> String {
    let name =
        server_name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    TEMPLATE.replace("{server_name}", &name).replace("{version}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode, header};
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn page_loads_nothing_and_runs_nothing() {
        let page = render("example.org");
        assert!(page.contains("<h1>example.org</h1>"), "{page}");
        for forbidden in ["<script", "src=", "@import", "url(", "<link", "{server_name}", "{version}"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[tokio::test]
    async fn root_leads_to_the_web_client_if_there_is_one() {
        for (location, status) in
            [(None, StatusCode::OK), (Some("https://chat.example.org/"), StatusCode::TEMPORARY_REDIRECT)]
        {
            let request = Request::get("/").body(Body::empty()).unwrap();
            let response = routes("example.org", location).oneshot(request).await.unwrap();
            assert_eq!(response.status(), status);
            let target = response.headers().get(header::LOCATION).map(|value| value.to_str().unwrap());
            assert_eq!(target, location);
        }
    }
}
