//! The sliding error count.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::Time;

/// How errors are counted: over which time, in how many buckets, and when they open a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRule {
    /// The time over which errors count.
    pub length: Duration,
    /// The count at or over which a session opens.
    pub threshold: u64,
    /// The most windows kept at once; errors of one more target are not counted.
    pub max_windows: usize,
    /// The most windows kept at once of one application.
    pub max_windows_per_app: usize,
}

impl Default for WindowRule {
    fn default() -> Self {
        Self {
            length: Duration::from_mins(5),
            threshold: 10,
            max_windows: 50_000,
            max_windows_per_app: 500,
        }
    }
}

impl WindowRule {
    /// How many buckets a window has: an error counts for its length, or up to a twentieth less.
    pub const BUCKETS: i64 = 20;

    /// The length of one bucket in milliseconds.
    pub fn bucket_ms(self) -> i64 {
        let length = i64::try_from(self.length.as_millis()).unwrap_or(i64::MAX);
        (length / Self::BUCKETS).max(1)
    }

    /// The bucket that `now` falls into.
    pub fn bucket(self, now: Time) -> i64 {
        now.as_millis().div_euclid(self.bucket_ms())
    }
}

/// The errors of one target, by bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Window {
    buckets: BTreeMap<i64, u64>,
}

impl Window {
    /// Adds `errors` that happened at `now`, forgets what has slid out, and returns the count.
    pub fn add(&mut self, errors: u64, now: Time, rule: WindowRule) -> u64 {
        let current = rule.bucket(now);
        let bucket = self.buckets.entry(current).or_default();
        *bucket = bucket.saturating_add(errors);
        self.buckets.retain(|bucket, _| counts(*bucket, current));
        self.buckets
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Whether everything has slid out at `now`.
    pub fn is_over(&self, now: Time, rule: WindowRule) -> bool {
        let current = rule.bucket(now);
        !self.buckets.keys().any(|bucket| counts(*bucket, current))
    }
}

/// Whether what is in `bucket` counts; one far ahead was numbered by another rule, or before the clock went back.
const fn counts(bucket: i64, current: i64) -> bool {
    current.abs_diff(bucket) < WindowRule::BUCKETS.unsigned_abs()
}

#[cfg(test)]
mod tests;
