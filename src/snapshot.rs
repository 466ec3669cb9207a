//! A replica's memory: what `check` and `list` are answered from, without asking the store.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use crate::domain::book::Book;
use crate::domain::policy::Policy;
use crate::domain::time::Time;
use crate::store::{Change, Listing, OpId, Position, StoreError};

mod clock;
mod memory;
mod polls;
mod recent;
mod rollback;
mod stops;
mod view;
mod views;
mod watched;

pub use polls::Polls;
pub use stops::Stop;
pub use view::{Shown, ShownSession, View};
pub use watched::{Notice, Notices};

use clock::Clock;
use memory::Memory;
use views::Views;
use watched::Watched;

/// Without contact to the store for longer than this, answers are marked stale.
pub const STALE_AFTER: Duration = Duration::from_secs(5);

/// The most stops that wait for the store.
const MAX_STOPS: usize = 1_000;

/// A replica's memory of the store: every record, and per application and environment what `check` answers.
#[derive(Debug)]
pub struct Snapshot {
    memory: RwLock<Memory>,
    /// The number of the last change applied, for writers that wait to see their own.
    seq: watch::Sender<u64>,
    doubted: AtomicBool,
    /// Wakes whoever repeats stops at the store.
    stops_came: Notify,
    policy: Arc<Policy>,
    polls: Polls,
    watched: Watched,
}

impl Snapshot {
    /// An empty memory that has not seen the store yet.
    pub fn new(policy: Arc<Policy>) -> Self {
        Self {
            memory: RwLock::new(Memory::new()),
            seq: watch::channel(0).0,
            doubted: AtomicBool::new(false),
            stops_came: Notify::new(),
            policy,
            polls: Polls::default(),
            watched: Watched::default(),
        }
    }

    /// The store's time now as this replica knows it, or none before the first sync.
    pub fn now(&self) -> Option<Time> {
        self.read().clock.as_ref().map(Clock::now)
    }

    /// The latest instant of which this replica is certain: what began later it may not have seen.
    ///
    /// None before the first sync.
    pub fn seen_until(&self) -> Option<Time> {
        let memory = self.read();
        let reached = memory.clock.as_ref()?.at_least();
        let sessions = memory
            .book
            .records()
            .filter_map(|record| record.session.as_ref());
        let holders = sessions.flat_map(|session| &session.holders);
        let begun = holders.map(|holder| holder.started_at).max();
        Some(begun.map_or(reached, |begun| reached.max(begun)))
    }

    /// Whether the store was read at least once.
    pub fn is_synced(&self) -> bool {
        self.read().position.is_some()
    }

    /// How long ago the store was heard of, or none before the first sync.
    pub fn contact_age(&self) -> Option<Duration> {
        self.read().contact.map(|contact| contact.elapsed())
    }

    /// Whether the store was not heard of for so long that answers must say so.
    pub fn is_stale(&self) -> bool {
        self.contact_age().is_none_or(|age| age > STALE_AFTER)
    }

    /// Where in the change feed this memory is.
    pub fn position(&self) -> Option<Position> {
        self.read().position.clone()
    }

    /// What `check` answers of one application in one environment, if anything is or was granted there.
    ///
    /// None before the first sync; the time is the store's, the flag tells whether the memory is stale.
    pub fn look_up(&self, app: &str, environment: &str) -> Option<LookedUp> {
        let memory = self.read();
        let now = memory.clock.as_ref()?.now();
        let stale = memory
            .contact
            .is_none_or(|contact| contact.elapsed() > STALE_AFTER);
        let view = memory.views.get(app, environment);
        Some(LookedUp {
            view: view.cloned(),
            now,
            stale,
        })
    }

    /// Reads the book.
    pub fn with_book<T>(&self, read: impl FnOnce(&Book) -> T) -> T {
        read(&self.read().book)
    }

    /// Who asked, and when.
    pub const fn polls(&self) -> &Polls {
        &self.polls
    }

    /// Replaces everything by what the store has.
    pub fn replace(&self, listing: Listing) {
        self.take_over(listing, Memory::note_book);
    }

    /// Replaces everything by a listing; `note` gets the book that was there before, and the store's time.
    fn take_over<T>(
        &self,
        listing: Listing,
        note: impl FnOnce(&mut Memory, &Book, Time) -> T,
    ) -> T {
        let mut memory = self.write();
        memory.clock = Some(Clock::start(listing.now, listing.asked));
        memory.contact = Some(Instant::now());
        let before = std::mem::replace(&mut memory.book, listing.book);
        let noted = note(&mut memory, &before, listing.now);
        memory.views = Views::of(&memory.book);
        memory.apply_stops(&self.policy);
        let seq = listing.position.seq;
        memory.position = Some(listing.position);
        let is_doubtful = memory.is_owed_in_vain();
        self.watched.tell_all(&memory);
        drop(memory);
        self.seq.send_replace(seq);
        if is_doubtful {
            self.doubt();
        }
        noted
    }

    /// Applies what changed since, or nothing of it if there is a gap; each change replaces one view.
    pub fn apply(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut memory = self.write();
        memory.contact = Some(Instant::now());
        let Some(mut position) = memory.position.clone() else {
            return Err(StoreError::Gap);
        };
        let before = position.seq;
        if changes.is_empty() {
            return Ok(());
        }
        for change in &changes {
            let next = position.seq.saturating_add(1);
            let follows = change.position.epoch == position.epoch && change.position.seq == next;
            if !follows || memory.contradicts(&change.position) {
                return Err(StoreError::Gap);
            }
            position = change.position.clone();
        }
        for change in &changes {
            memory.passed.note(change.position.clone());
        }
        let mut places = Vec::new();
        for change in changes {
            places.extend(memory.apply(change.what));
        }
        let seq = position.seq;
        memory.settle(before, seq);
        memory.position = Some(position);
        if memory.apply_stops(&self.policy) {
            self.watched.tell_all(&memory);
        }
        for place in &places {
            self.watched.tell(&memory, place);
        }
        drop(memory);
        self.seq.send_replace(seq);
        Ok(())
    }

    /// Waits until the change number `seq` is here, for at most `patience`; tells whether it is.
    pub async fn reaches(&self, seq: u64, patience: Duration) -> bool {
        let mut here = self.seq.subscribe();
        let reached = here.wait_for(|here| *here >= seq);
        matches!(tokio::time::timeout(patience, reached).await, Ok(Ok(_)))
    }

    /// Asks for everything to be read anew.
    pub fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    /// Whether everything must be read anew: somebody asked, the clocks have parted, or the feed owes a write for too
    /// long.
    pub fn is_doubted(&self) -> bool {
        let memory = self.read();
        let jumped = memory.clock.as_ref().is_some_and(Clock::has_jumped);
        self.doubted.swap(false, Ordering::Relaxed) || jumped || memory.is_overdue()
    }

    /// Applies a stop that the store has refused to this memory alone, now and after each sync, until it is retired.
    ///
    /// Tells whether it did: nobody can have this many stops to make, and they must not fill the memory.
    pub fn stop(&self, stop: Stop) -> bool {
        let mut memory = self.write();
        if memory.stops.len() >= MAX_STOPS {
            return false;
        }
        memory.stops.push(stop);
        memory.apply_stops(&self.policy);
        self.watched.tell_all(&memory);
        true
    }

    /// The stops that the store does not know yet, the oldest first.
    pub fn stops(&self) -> Vec<Stop> {
        self.read().stops.clone()
    }

    /// Waits until a stop is due at the store because the store has lost it.
    pub async fn stop_came(&self) {
        self.stops_came.notified().await;
    }

    /// Forgets a stop that the store knows now.
    pub fn retire(&self, id: OpId) {
        self.write().stops.retain(|stop| stop.id != id);
        self.doubt();
    }

    fn read(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was looked up for `check`.
#[derive(Debug)]
pub struct LookedUp {
    /// What is granted, if anything is or was.
    pub view: Option<Arc<View>>,
    /// The store's time.
    pub now: Time,
    /// Whether the memory is stale.
    pub stale: bool,
}

#[cfg(test)]
mod tests;
