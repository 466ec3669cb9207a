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
