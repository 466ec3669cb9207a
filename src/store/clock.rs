//! The clock of the embedded store.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::time::Time;

/// A wall clock that never goes back while the process lives.
///
/// It follows the later of the system's wall clock and the monotonic time since it was started: when they part, a
/// session ends early rather than late.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    started_at: Time,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            started: Instant::now(),
            started_at: wall(),
        }
    }

    pub(super) fn now(&self) -> Time {
        wall().max(self.started_at + self.started.elapsed())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the embedded store is the clock that everything else is told"
)]
fn wall() -> Time {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Time::default() + since_epoch
}
