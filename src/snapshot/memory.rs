//! What a snapshot remembers: every record, and a view of each place.

use std::sync::Arc;
use std::time::Instant;

use super::clock::Clock;
use super::recent::Recent;
use super::rollback::{Owed, Passed};
use super::stops::Stop;
use super::view::Shown;
use super::views::Views;
use crate::domain::book::Book;
use crate::domain::target::Place;
use crate::domain::time::Time;
use crate::store::{Changed, Position};

/// What a snapshot remembers, behind one lock.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) book: Book,
    pub(super) views: Views,
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
            views: Views::default(),
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
                self.book.put(record);
                self.views.rebuild(&self.book, place.clone());
                Some(place)
            }
            Changed::Removed(target) => {
                self.recent.note(self.book.record(&target), None, now);
                self.book.remove(&target);
                self.views.rebuild(&self.book, target.place());
                Some(target.place())
            }
            Changed::Halt(halt) => {
                self.recent.note_halt(self.book.halt(), &halt);
                self.book.set_halt(halt);
                None
            }
        }
    }
}
