//! What a snapshot remembers: every record, and a view of each place.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::clock::Clock;
use super::recent::Recent;
use super::rollback::{Owed, Passed};
use super::stops::Stop;
use super::view::{Shown, View};
use crate::domain::book::Book;
use crate::domain::name::{App, Environment};
use crate::domain::target::Place;
use crate::domain::time::Time;
use crate::store::{Changed, Position};

/// What a snapshot remembers, behind one lock.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) book: Book,
    pub(super) views: HashMap<App, HashMap<Environment, Arc<View>>>,
    pub(super) position: Option<Position>,
    pub(super) clock: Option<Clock>,
    pub(super) contact: Option<Instant>,
    pub(super) stops: Vec<Stop>,
    pub(super) recent: Recent,
    pub(super) owed: Vec<Owed>,
    pub(super) passed: Passed,
    pub(super) rollbacks: u64,
    /// What is shown where nothing is granted.
    pub(super) nothing: Arc<Shown>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            book: Book::default(),
            views: HashMap::new(),
            position: None,
            clock: None,
            contact: None,
            stops: Vec::new(),
            recent: Recent::default(),
            owed: Vec::new(),
            passed: Passed::default(),
            rollbacks: 0,
            nothing: Arc::new(Shown::nothing()),
        }
    }

    /// The store's time; the epoch before the first sync.
    pub(super) fn now(&self) -> Time {
        self.clock.as_ref().map(Clock::now).unwrap_or_default()
    }

    pub(super) fn note_book(&mut self, before: &Book, now: Time) {
        self.recent.note_book(before, &self.book, now);
    }

    /// Takes a change in, and tells which place it is about.
    pub(super) fn apply(&mut self, what: Changed) -> Option<Place> {
        let now = self.now();
        match what {
            Changed::Written(record) => {
                let place = record.target.place();
                let before = self.book.record(&record.target);
                self.recent.note(before, Some(&record), now);
                self.book.put(*record);
                self.rebuild_view(place.clone());
                Some(place)
            }
            Changed::Removed(target) => {
                self.recent.note(self.book.record(&target), None, now);
                self.book.remove(&target);
                self.rebuild_view(target.place());
                Some(target.place())
            }
            Changed::Halt(halt) => {
                self.recent.note_halt(self.book.halt(), &halt);
                self.book.set_halt(halt);
                None
            }
        }
    }

    pub(super) fn rebuild_view(&mut self, place: Place) {
        let view = View::of(self.book.place(&place));
        let environments = self.views.entry(place.app.clone()).or_default();
        if view.is_empty() {
            environments.remove(&place.environment);
            if environments.is_empty() {
                self.views.remove(&place.app);
            }
        } else {
            environments.insert(place.environment, Arc::new(view));
        }
    }

    pub(super) fn rebuild_views(&mut self) {
        self.views = HashMap::new();
        let mut places: Vec<Place> = self
            .book
            .records()
            .map(|record| record.target.place())
            .collect();
        places.dedup();
        for place in places {
            self.rebuild_view(place);
        }
    }
}
