//! Requests counted and timed by route, in the names of Synapse's dashboards.

use std::{
    hash::{Hash, Hasher},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use axum::extract::MatchedPath;
use http::{Method, Request, Response};
use pin_project_lite::pin_project;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use tower::{Layer, Service};

/// Seconds: from what memory answers to a long poll.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Counts requests. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    received: Family<RouteLabels, Counter>,
    in_flight: Family<RouteLabels, Gauge>,
    response_seconds: Family<ResponseLabels, Histogram>,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            received: Family::default(),
            in_flight: Family::default(),
            response_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        }
    }
}

impl HttpMetrics {
    /// Lets a registry show them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "synapse_http_server_requests_received",
            "Requests, by the template of their route",
            self.received.clone(),
        );
        registry.register(
            "synapse_http_server_in_flight_requests_count",
            "Requests that have no answer yet",
            self.in_flight.clone(),
        );
        registry.register(
            "synapse_http_server_response_time_seconds",
            "Time from the head of a request to the head of its answer",
            self.response_seconds.clone(),
        );
    }

    fn begin(&self, route: RouteLabels) -> Running {
        self.received.get_or_create(&route).inc();
        self.in_flight.get_or_create(&route).inc();
        Running { metrics: self.clone(), route, begun: Instant::now() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    servlet: Route,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResponseLabels {
    method: &'static str,
    servlet: Route,
    code: u16,
}

/// The template that a path fits; none for a path that no endpoint has. Cloned without a copy of its text.
#[derive(Clone, Debug)]
struct Route(Option<MatchedPath>);

impl Route {
    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("unknown", MatchedPath::as_str)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        self.as_str().encode(encoder)
    }
}

/// A request without an answer; one that is given up counts as no answer.
struct Running {
    metrics: HttpMetrics,
    route: RouteLabels,
    begun: Instant,
}

impl Running {
    fn answered(&self, code: u16) {
        let RouteLabels { method, servlet } = self.route.clone();
        let labels = ResponseLabels { method, servlet, code };
        let took = self.begun.elapsed();
        self.metrics.response_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metrics.in_flight.get_or_create(&self.route).dec();
    }
}

/// A client may send any word as a method, and each would be a series of its own.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

impl<S> Layer<S> for HttpMetrics {
    type Service = Measure<S>;

    fn layer(&self, inner: S) -> Measure<S> {
        Measure { inner, metrics: self.clone() }
    }
}

/// A service whose requests are counted.
#[derive(Clone)]
pub struct Measure<S> {
    inner: S,
    metrics: HttpMetrics,
}

impl<S, B, C> Service<Request<B>> for Measure<S>
where
    S: Service<Request<B>, Response = Response<C>>,
{
    type Response = Response<C>;
    type Error = S::Error;
    type Future = Measured<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Measured<S::Future> {
        let servlet = Route(request.extensions().get::<MatchedPath>().cloned());
        let route = RouteLabels { method: name_of(request.method()), servlet };
        let running = self.metrics.begin(route);
        Measured { answer: self.inner.call(request), running }
    }
}

pin_project! {
    /// An answer that is being made.
    pub struct Measured<F> {
        #[pin]
        answer: F,
        running: Running,
    }
}

impl<F, C, E> Future for Measured<F>
where
    F: Future<Output = Result<Response<C>, E>>,
{
    type Output = Result<Response<C>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.answer.poll(context));
        if let Ok(response) = &result {
            this.running.answered(response.status().as_u16());
        }
        Poll::Ready(result)
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use myelin_testkit::TestServer;
    use prometheus_client::{encoding::prometheus_text, registry::Registry};

    fn shown(registry: &Registry) -> String {
        let mut text = String::new();
        prometheus_text::encode(&mut text, registry).expect("a string takes everything");
        text
    }

    #[tokio::test]
    async fn requests_are_counted_by_the_template_of_their_route() {
        let server = TestServer::start().await;
        let mut registry = Registry::default();
        server.state.http_metrics.register(&mut registry);
        for path in ["/_matrix/client/v3/profile/@a:b", "/_matrix/client/v3/profile/@c:d", "/nothing"] {
            server.send(Method::GET, path, None, None).await;
        }
        server.send(Method::from_bytes(b"STRANGE").unwrap(), "/nothing", None, None).await;
        let text = shown(&registry);
        let route = "method=\"GET\",servlet=\"/_matrix/client/v3/profile/{user_id}\"";
        for line in [
            format!("synapse_http_server_requests_received_total{{{route}}} 2\n"),
            format!("synapse_http_server_in_flight_requests_count{{{route}}} 0\n"),
            "requests_received_total{method=\"GET\",servlet=\"unknown\"} 1\n".to_owned(),
            "requests_received_total{method=\"other\",servlet=\"unknown\"} 1\n".to_owned(),
            "response_time_seconds_count{method=\"GET\",servlet=\"unknown\",code=\"404\"} 1\n".to_owned(),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}
