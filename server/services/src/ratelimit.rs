//! Rate limits as Synapse's `rc_*` options define them: a bucket that leaks `per_second` and holds `burst_count`.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use myelin_config::RateLimit;

use crate::clock::Clock;

/// Buckets kept at most; then an eighth of them is forgotten, the emptiest first, which only ever favours the client.
const MAX_BUCKETS: usize = 50_000;

/// Too many actions; the next is allowed after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rate limit exceeded, retry after {retry_after_ms} ms")]
pub struct LimitExceeded {
    /// Milliseconds until the action is allowed.
    pub retry_after_ms: i64,
}

/// One limit for many keys (users, addresses, rooms).
pub struct RateLimiter<K> {
    limit: RateLimit,
    clock: Clock,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    level: f64,
    as_of_ts: i64,
}

impl<K: Eq + Hash> RateLimiter<K> {
    /// A limiter with empty buckets.
    pub fn new(limit: RateLimit, clock: Clock) -> Self {
        Self { limit, clock, buckets: Mutex::new(HashMap::new()) }
    }

    /// Counts an action of `key`.
    ///
    /// # Errors
    /// [`LimitExceeded`] if the bucket is full; the action is not counted then.
    pub fn record(&self, key: K) -> Result<(), LimitExceeded> {
        self.record_many(key, 1)
    }

    /// Counts several actions of `key`: all of them, or none. More than the burst are never allowed at once.
    ///
    /// # Errors
    /// [`LimitExceeded`] if they do not fit into the bucket; none is counted then.
    pub fn record_many(&self, key: K, count: u32) -> Result<(), LimitExceeded> {
        let now_ts = self.clock.now_ts();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&key) {
            forget_emptiest(&mut buckets, self.limit, now_ts);
        }
        let level = self.level_with(buckets.get(&key), count, now_ts)?;
        buckets.insert(key, Bucket { level, as_of_ts: now_ts });
        Ok(())
    }

    /// Takes an action back that was counted a moment ago.
    pub fn take_back<Q: Eq + Hash + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let now_ts = self.clock.now_ts();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(key) {
            let level = (bucket.level_at(self.limit, now_ts) - 1.0).max(0.0);
            *bucket = Bucket { level, as_of_ts: now_ts };
        }
    }

    /// Whether an action of `key` would be allowed now, without counting it.
    ///
    /// # Errors
    /// [`LimitExceeded`] if it would not.
    pub fn check(&self, key: &K) -> Result<(), LimitExceeded> {
        let now_ts = self.clock.now_ts();
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        self.level_with(buckets.get(key), 1, now_ts).map(|_| ())
    }

    /// The level of a bucket, of an empty one if there is none, with `count` actions more.
    fn level_with(&self, bucket: Option<&Bucket>, count: u32, now_ts: i64) -> Result<f64, LimitExceeded> {
        let level = bucket.map_or(0.0, |bucket| bucket.level_at(self.limit, now_ts)) + f64::from(count);
        let surplus = level - f64::from(self.limit.burst_count);
        if surplus > 0.0 {
            return Err(LimitExceeded { retry_after_ms: drain_ms(surplus, self.limit) });
        }
        Ok(level)
    }
}

impl Bucket {
    #[expect(clippy::cast_precision_loss, reason = "spans of time are far below 2^53 milliseconds")]
    fn level_at(self, limit: RateLimit, now_ts: i64) -> f64 {
        let drained = (now_ts - self.as_of_ts).max(0) as f64 / 1000.0 * limit.per_second;
        (self.level - drained).max(0.0)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to an hour")]
fn drain_ms(amount: f64, limit: RateLimit) -> i64 {
    // A limit of zero never drains: say an hour, since JSON has no infinity.
    (amount / limit.per_second.max(f64::MIN_POSITIVE) * 1000.0).ceil().clamp(1.0, 3_600_000.0) as i64
}

/// Who is about to be refused stays known, however many others come.
fn forget_emptiest<K: Eq + Hash>(buckets: &mut HashMap<K, Bucket>, limit: RateLimit, now_ts: i64) {
    let mut levels: Vec<f64> = buckets.values().map(|bucket| bucket.level_at(limit, now_ts)).collect();
    let many = levels.len() / 8;
    let (_, &mut bound, _) = levels.select_nth_unstable_by(many, f64::total_cmp);
    let mut left = many + 1;
    buckets.retain(|_, bucket| {
        let level = bucket.level_at(limit, now_ts);
        let goes = level <= 0.0 || level <= bound && left > 0;
        left = left.saturating_sub(usize::from(goes));
        !goes
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn burst_is_allowed_and_then_the_bucket_drains() {
        let clock = Clock::manual(0);
        let limiter = RateLimiter::new(RateLimit { per_second: 0.5, burst_count: 2 }, clock.clone());
        assert_eq!(limiter.record("alice"), Ok(()));
        assert_eq!(limiter.record("alice"), Ok(()));
        assert_eq!(limiter.record("alice"), Err(LimitExceeded { retry_after_ms: 2000 }));
        assert_eq!(limiter.record("bob"), Ok(()), "keys do not share a bucket");
        clock.advance(Duration::from_millis(2000));
        assert_eq!(limiter.record("alice"), Ok(()));
        assert!(limiter.check(&"alice").is_err());
    }

    #[test]
    fn action_that_is_taken_back_does_not_count() {
        let limiter = RateLimiter::new(RateLimit { per_second: 0.0, burst_count: 2 }, Clock::manual(0));
        limiter.take_back("alice");
        limiter.record_many("alice", 2).unwrap();
        limiter.take_back("alice");
        assert_eq!(limiter.record("alice"), Ok(()));
        assert!(limiter.check(&"alice").is_err());
    }

    #[test]
    fn number_of_buckets_is_bounded() {
        let limiter = RateLimiter::new(RateLimit { per_second: 0.0, burst_count: 1 }, Clock::manual(0));
        for key in 0..MAX_BUCKETS + 10 {
            limiter.record(key).unwrap();
        }
        assert!(limiter.buckets.lock().unwrap().len() <= MAX_BUCKETS);
    }

    #[test]
    fn full_bucket_outlives_any_number_of_others() {
        let limiter = RateLimiter::new(RateLimit { per_second: 0.0, burst_count: 2 }, Clock::manual(0));
        limiter.record_many(0, 2).unwrap();
        for key in 1..2 * MAX_BUCKETS {
            limiter.record(key).unwrap();
        }
        assert!(limiter.check(&0).is_err());
    }

    #[test]
    fn several_actions_count_together_or_not_at_all() {
        let clock = Clock::manual(0);
        let limiter = RateLimiter::new(RateLimit { per_second: 1.0, burst_count: 10 }, clock.clone());
        assert_eq!(limiter.record_many("alice", 8), Ok(()));
        assert_eq!(limiter.record_many("alice", 5), Err(LimitExceeded { retry_after_ms: 3000 }));
        assert_eq!(limiter.record_many("alice", 2), Ok(()));
    }
}
