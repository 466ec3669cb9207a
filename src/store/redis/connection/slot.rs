//! Where a connection is kept between its uses.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;

use crate::store::redis::dialer::Place;

/// How soon a connection in use is looked at again.
const BUSY: Duration = Duration::from_millis(250);

/// Keeps a connection, each of which has its number.
#[derive(Default)]
pub(super) struct Slot(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The number of the last connection that was made or dropped.
    number: u64,
    connection: Option<(MultiplexedConnection, Place)>,
    in_use: usize,
    last_used: Option<Instant>,
}

/// A connection in use.
pub(super) struct Lease<'a> {
    slot: &'a Slot,
    number: u64,
    pub(super) connection: MultiplexedConnection,
    pub(super) at: Place,
}

impl Slot {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses the connection beside others.
    pub(super) fn share(&self) -> Option<Lease<'_>> {
        let mut kept = self.kept();
        let (connection, at) = kept.connection.clone()?;
        Some(self.lease(&mut kept, connection, at))
    }

    /// Uses the connection alone.
    pub(super) fn take(&self) -> Option<Lease<'_>> {
        let mut kept = self.kept();
        let (connection, at) = kept.connection.take()?;
        Some(self.lease(&mut kept, connection, at))
    }

    /// Keeps a new connection, and uses it.
    pub(super) fn put(&self, connection: MultiplexedConnection, at: Place) -> Lease<'_> {
        let mut kept = self.kept();
        kept.number += 1;
        kept.connection = Some((connection.clone(), at.clone()));
        self.lease(&mut kept, connection, at)
    }

    /// Uses a new connection alone; it is kept once it is put back.
    pub(super) fn lend(&self, connection: MultiplexedConnection, at: Place) -> Lease<'_> {
        let mut kept = self.kept();
        kept.number += 1;
        self.lease(&mut kept, connection, at)
    }

    fn lease(&self, kept: &mut Kept, connection: MultiplexedConnection, at: Place) -> Lease<'_> {
        kept.in_use += 1;
        Lease {
            slot: self,
            number: kept.number,
            connection,
            at,
        }
    }

    /// Drops the connection, also one that is taken out.
    pub(super) fn clear(&self) {
        let mut kept = self.kept();
        kept.number += 1;
        kept.connection = None;
    }

    /// Where the connection leads, if there is one.
    pub(super) fn place(&self) -> Option<Place> {
        let kept = self.kept();
        kept.connection.as_ref().map(|(_, at)| at.clone())
    }

    /// After how long it will have been idle for `length`, if nobody uses it meanwhile.
    pub(super) fn idle_in(&self, length: Duration) -> Duration {
        let kept = self.kept();
        if kept.in_use > 0 {
            return BUSY;
        }
        let idle = kept.last_used.map_or(length, |last| last.elapsed());
        length.saturating_sub(idle)
    }
}

impl Lease<'_> {
    /// Whether the connection has not been replaced or cleared meanwhile.
    pub(super) fn is_current(&self) -> bool {
        self.slot.kept().number == self.number
    }

    /// Puts back what was taken, unless the slot was cleared meanwhile.
    pub(super) fn restore(self) {
        let mut kept = self.slot.kept();
        if kept.number == self.number {
            kept.connection = Some((self.connection.clone(), self.at.clone()));
        }
    }

    /// Drops the connection unless it has been replaced already.
    pub(super) fn forget(&self) {
        let mut kept = self.slot.kept();
        if kept.number == self.number {
            kept.connection = None;
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut kept = self.slot.kept();
        kept.in_use -= 1;
        kept.last_used = Some(Instant::now());
    }
}
