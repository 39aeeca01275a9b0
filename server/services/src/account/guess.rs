//! Guesses of passwords.

use std::sync::Arc;

use ruma::{OwnedUserId, UserId};

use crate::ratelimit::{LimitExceeded, RateLimiter};

/// A password that is being checked. It counts as a wrong one until this is dropped, so that many at once are no way
/// around the limit, and for good if it was one: who goes away before that has guessed nothing.
pub(super) struct Guess {
    guesses: Arc<RateLimiter<OwnedUserId>>,
    user_id: OwnedUserId,
    was_wrong: bool,
}

impl Guess {
    /// Begins to count.
    ///
    /// # Errors
    /// [`LimitExceeded`] if there were too many wrong ones; nothing may be checked then.
    pub(super) fn begin(
        guesses: &Arc<RateLimiter<OwnedUserId>>,
        user_id: &UserId,
    ) -> Result<Self, LimitExceeded> {
        guesses.record(user_id.to_owned())?;
        Ok(Self { guesses: Arc::clone(guesses), user_id: user_id.to_owned(), was_wrong: false })
    }

    /// It goes on to count.
    pub(super) fn was_wrong(mut self) {
        self.was_wrong = true;
    }
}

impl Drop for Guess {
    fn drop(&mut self) {
        if !self.was_wrong {
            self.guesses.take_back(&self.user_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZero, sync::mpsc};

    use futures_util::FutureExt;
    use myelin_config::RateLimit;
    use ruma::user_id;

    use super::*;
    use crate::{clock::Clock, password::Hashing};

    /// Whether another guess is allowed after one was given up while it was checked, or before that.
    async fn is_allowed_after(is_right: bool, is_begun: bool) -> bool {
        let alice = user_id!("@alice:myelin.test");
        let limit = RateLimit { per_second: 0.0, burst_count: 1 };
        let guesses = Arc::new(RateLimiter::new(limit, Clock::manual(0)));
        let hashing = Hashing::new(NonZero::<usize>::MIN);
        let (end, ended) = mpsc::channel::<()>();
        let mut before = Box::pin(hashing.run(move || ended.recv().is_ok()));
        assert!((&mut before).now_or_never().is_none());
        let guess = Guess::begin(&guesses, alice).unwrap();
        assert!(Guess::begin(&guesses, alice).is_err(), "it counts while it is checked");
        let (begin, begun) = tokio::sync::oneshot::channel();
        let mut checked = Box::pin(hashing.run(move || {
            begin.send(()).unwrap();
            if !is_right {
                guess.was_wrong();
            }
        }));
        assert!((&mut checked).now_or_never().is_none());
        if is_begun {
            end.send(()).unwrap();
            tokio::select! {
                biased;
                begun = begun => begun.unwrap(),
                () = &mut checked => {}
            }
            drop(checked);
        } else {
            drop(checked);
            end.send(()).unwrap();
        }
        hashing.run(|| ()).await;
        guesses.check(&alice.to_owned()).is_ok()
    }

    #[tokio::test]
    async fn only_what_was_found_wrong_counts_when_whoever_guessed_is_gone() {
        assert!(!is_allowed_after(false, true).await);
        assert!(is_allowed_after(true, true).await);
        assert!(is_allowed_after(false, false).await, "nothing was checked");
    }
}
