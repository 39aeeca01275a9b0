//! Clients that go away.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

/// Drops a request after it had that many turns to go on. Gives its answer if it ended before.
pub async fn give_up_after<T>(turns: usize, request: impl Future<Output = T>) -> Option<T> {
    let mut request = pin!(request);
    let mut left = turns;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let answer = request.as_mut().poll(context).map(Some);
        if answer.is_pending() && left == 0 { Poll::Ready(None) } else { answer }
    })
    .await
}
