//! How slowly a client may send a body: connections are few, and none is held for ever.

use std::{error::Error, time::Duration};

use axum::{
    BoxError,
    body::{Body, HttpBody},
    extract::Request,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::StatusCode;
use ruma::api::error::ErrorCode;
use tokio::time::{Instant, timeout_at};

use crate::error::ApiError;

/// How long a client may take to send something more.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// What a client has to send on average after the first [`MAX_PAUSE`]: a byte now and then is not enough.
const MIN_BYTES_PER_SECOND: u64 = 512;

/// The client has not sent as much as it has to.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
struct TooSlow;

/// Has the body of a request fail if it comes too slowly.
pub(crate) async fn pace_body(request: Request) -> Request {
    request.map(|body| if body.is_end_stream() { body } else { Body::from_stream(paced(body)) })
}

fn paced(body: Body) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
    // What comes, how many bytes have come, and since when they are waited for.
    let state = (body.into_data_stream(), 0, None);
    stream::try_unfold(state, async |(mut frames, received_bytes, since)| {
        let now = Instant::now();
        let since = since.unwrap_or(now);
        let paid_for = Duration::from_secs(received_bytes / MIN_BYTES_PER_SECOND);
        let deadline = (now + MAX_PAUSE).min(since + MAX_PAUSE + paid_for);
        let Some(frame) = timeout_at(deadline, frames.next()).await.map_err(|_| TooSlow)? else {
            return Ok(None);
        };
        let bytes: Bytes = frame?;
        let received_bytes = received_bytes + bytes.len() as u64;
        Ok(Some((bytes, (frames, received_bytes, Some(since)))))
    })
}

/// Why a body could not be read, if it was not too large: 408 if the client was too slow, or else 400, both `M_UNKNOWN`.
pub(crate) fn body_failed(error: &(dyn Error + 'static)) -> ApiError {
    let is_slow =
        std::iter::successors(Some(error), |error| (*error).source()).any(<dyn Error>::is::<TooSlow>);
    let status = if is_slow { StatusCode::REQUEST_TIMEOUT } else { StatusCode::BAD_REQUEST };
    ApiError::new(status, ErrorCode::Unknown, "The request was not completed")
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io};

    use axum::{Router, response::IntoResponse, routing::post};
    use futures_util::{StreamExt, stream};
    use tower::ServiceExt;

    use super::*;
    use crate::request::read_body;

    /// The status for a body of these pieces, and how many seconds it took.
    async fn send(body: Body) -> (u16, u64) {
        let route = async |request: Request| match read_body(request, &()).await {
            Ok(bytes) => bytes.into_response(),
            Err(error) => error.into_response(),
        };
        let router: Router =
            Router::new().route("/", post(route)).layer(axum::middleware::map_request(pace_body));
        let begun = Instant::now();
        let response = router.oneshot(Request::post("/").body(body).unwrap()).await.unwrap();
        (response.status().as_u16(), begun.elapsed().as_secs())
    }

    /// Pieces of that many bytes, one each so many seconds.
    fn pieces(count: usize, size_bytes: usize, pause_seconds: u64) -> Body {
        Body::from_stream(stream::iter(0..count).then(move |_| async move {
            tokio::time::sleep(Duration::from_secs(pause_seconds)).await;
            Ok::<_, Infallible>(vec![0; size_bytes])
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn client_that_stops_sending_is_not_waited_for() {
        let stuck = stream::once(async { Ok::<_, Infallible>("{") }).chain(stream::pending());
        assert_eq!(send(Body::from_stream(stuck)).await, (408, 60));
    }

    #[tokio::test(start_paused = true)]
    async fn byte_now_and_then_is_not_enough() {
        assert_eq!(send(pieces(1000, 1, 10)).await, (408, 60));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_line_is_waited_for() {
        assert_eq!(send(pieces(100, 10_000, 15)).await, (200, 1500));
    }

    #[tokio::test]
    async fn broken_connection_is_not_a_large_request() {
        let broken = stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
        assert_eq!(send(Body::from_stream(broken)).await.0, 400);
        let large = Bytes::from(vec![0; 4_000_000]);
        assert_eq!(send(Body::from(large)).await.0, 413);
    }
}
