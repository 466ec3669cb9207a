//! Bounds how often everything is read anew.

use std::time::{Duration, Instant};

/// How many full reads may follow each other at once.
const BURST: f64 = 2.0;
/// How long it takes until one more may.
const REFILL: Duration = Duration::from_secs(1);

/// A token bucket: two full reads at once, then one a second.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket at `now`.
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            tokens: BURST,
            filled: now,
        }
    }

    /// Takes a token at `now` and tells how long to wait before it may be used.
    pub(super) fn take(&mut self, now: Instant) -> Duration {
        let gained =
            now.saturating_duration_since(self.filled).as_secs_f64() / REFILL.as_secs_f64();
        self.filled = now;
        self.tokens = (self.tokens + gained).min(BURST) - 1.0;
        REFILL.mul_f64((-self.tokens).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_reads_may_follow_each_other_and_then_one_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        assert_eq!(bucket.take(start), Duration::ZERO);
        assert_eq!(bucket.take(start), Duration::ZERO);
        assert_eq!(bucket.take(start), REFILL);
        assert_eq!(bucket.take(start + REFILL), REFILL);
    }

    #[test]
    fn a_bucket_that_rests_is_full_again_and_not_fuller() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        bucket.take(start);
        let later = start + Duration::from_mins(1);
        assert_eq!(bucket.take(later), Duration::ZERO);
        assert_eq!(bucket.take(later), Duration::ZERO);
        assert_eq!(bucket.take(later), REFILL);
    }
}
