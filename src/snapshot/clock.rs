//! The store's clock as a replica knows it.

use std::time::{Duration, Instant, SystemTime};

use crate::domain::time::Time;

/// When the wall clock and the monotonic clock differ by more than this, one of them has jumped or the host slept.
const JUMP: Duration = Duration::from_secs(5);

/// The store's time at one instant, carried on by the local monotonic clock.
#[derive(Debug)]
pub(super) struct Clock {
    store: Time,
    /// By how much it may be ahead of the store's.
    ahead: Duration,
    monotonic: Instant,
    wall: SystemTime,
}

impl Clock {
    /// Starts from the store's time, which it was asked for at the instant `asked`.
    ///
    /// The answer was on its way for some of the time since: the clock is ahead of the store's by that, and never
    /// behind, so that no session outlives its end.
    pub(super) fn start(store: Time, asked: Instant) -> Self {
        let ahead = asked.elapsed();
        Self {
            store: store + ahead,
            ahead,
            monotonic: Instant::now(),
            wall: wall(),
        }
    }

    /// The store's time now.
    pub(super) fn now(&self) -> Time {
        self.store + self.monotonic.elapsed()
    }

    /// An instant that the store's clock has certainly reached.
    pub(super) fn at_least(&self) -> Time {
        self.now() - self.ahead
    }

    /// Whether the local clocks have parted since the start, so that the store's time must be asked anew.
    pub(super) fn has_jumped(&self) -> bool {
        let monotonic = self.monotonic.elapsed();
        let apart = match wall().duration_since(self.wall) {
            Ok(elapsed) => elapsed.abs_diff(monotonic),
            Err(backwards) => backwards.duration() + monotonic,
        };
        apart > JUMP
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with the monotonic clock only"
)]
fn wall() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn clock() -> Clock {
        Clock::start(Time::from_millis(1_000_000), Instant::now())
    }

    // A host that slept looks the same: its wall clock has gone on and its monotonic clock has not.
    #[test]
    fn a_wall_clock_that_is_set_an_hour_forward_or_back_is_noticed() {
        for set in [JUMP + Duration::from_millis(10), HOUR] {
            let mut forward = clock();
            forward.wall -= set;
            assert!(forward.has_jumped(), "{set:?} forward");
            let mut back = clock();
            back.wall += set;
            assert!(back.has_jumped(), "{set:?} back");
        }
    }

    #[test]
    fn a_clock_that_drifts_slowly_has_not_jumped() {
        for drift in [
            Duration::ZERO,
            Duration::from_secs(1),
            Duration::from_millis(4_500),
        ] {
            let mut ahead = clock();
            ahead.wall -= drift;
            assert!(!ahead.has_jumped(), "{drift:?} ahead");
            let mut behind = clock();
            behind.wall += drift;
            assert!(!behind.has_jumped(), "{drift:?} behind");
        }
    }

    #[test]
    fn the_store_s_time_goes_on_with_the_monotonic_clock_whatever_the_wall_clock_does() {
        let mut clock = clock();
        let before = clock.now();
        clock.wall += HOUR;
        assert!(clock.now().since(before) < Duration::from_secs(1));
        clock.monotonic -= Duration::from_secs(10);
        assert!(clock.now().since(before) >= Duration::from_secs(10));
    }
}
