//! Rate limits as Synapse's `rc_*` options define them: a bucket that leaks `per_second` and holds `burst_count`.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use myelin_config::RateLimit;

use crate::clock::Clock;

/// Buckets kept at most; the emptiest are forgotten first, which only ever favours the client.
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
        self.record_within(key, self.limit)
    }

    /// Counts an action of `key` under a limit of its own, for users with an override.
    ///
    /// # Errors
    /// [`LimitExceeded`] if the bucket is full; the action is not counted then.
    pub fn record_within(&self, key: K, limit: RateLimit) -> Result<(), LimitExceeded> {
        let now_ts = self.clock.now_ts();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&key) {
            forget_drained(&mut buckets, limit, now_ts);
        }
        let level = buckets.get(&key).map_or(0.0, |bucket| bucket.level_at(limit, now_ts));
        if level + 1.0 > f64::from(limit.burst_count) {
            return Err(LimitExceeded {
                retry_after_ms: drain_ms(level + 1.0 - f64::from(limit.burst_count), limit),
            });
        }
        buckets.insert(key, Bucket { level: level + 1.0, as_of_ts: now_ts });
        Ok(())
    }

    /// Whether an action of `key` would be allowed now, without counting it.
    ///
    /// # Errors
    /// [`LimitExceeded`] if it would not.
    pub fn check(&self, key: &K) -> Result<(), LimitExceeded> {
        let now_ts = self.clock.now_ts();
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let level = buckets.get(key).map_or(0.0, |bucket| bucket.level_at(self.limit, now_ts));
        if level + 1.0 > f64::from(self.limit.burst_count) {
            return Err(LimitExceeded {
                retry_after_ms: drain_ms(level + 1.0 - f64::from(self.limit.burst_count), self.limit),
            });
        }
        Ok(())
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

fn forget_drained<K: Eq + Hash>(buckets: &mut HashMap<K, Bucket>, limit: RateLimit, now_ts: i64) {
    buckets.retain(|_, bucket| bucket.level_at(limit, now_ts) > 0.0);
    if buckets.len() >= MAX_BUCKETS {
        buckets.clear();
    }
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
    fn number_of_buckets_is_bounded() {
        let limiter = RateLimiter::new(RateLimit { per_second: 0.0, burst_count: 1 }, Clock::manual(0));
        for key in 0..MAX_BUCKETS + 10 {
            limiter.record(key).unwrap();
        }
        assert!(limiter.buckets.lock().unwrap().len() <= MAX_BUCKETS);
    }
}
