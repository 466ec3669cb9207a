//! What the embedded store knows without looking at its file.

use std::collections::{HashMap, VecDeque};

use super::windows::Windows;
use crate::domain::book::{Book, Scope};
use crate::domain::census::Census;
use crate::domain::ledger::{Changes, Ledger};
use crate::domain::time::Time;
use crate::store::{Applied, Change, Counted, OpId, Position, REMEMBERED, StoreError};

/// How many changes a follower may lag behind before it must read everything anew.
const MAX_RECENT: usize = 1_024;

/// The state that was read from the file at start.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) book: Book,
    pub(super) position: Position,
    pub(super) windows: Windows,
}

/// What the embedded store knows without looking at its file.
#[derive(Debug)]
pub(super) struct Memory {
    kept: Kept,
    census: Census,
    /// The last changes, for the follower of the feed.
    recent: VecDeque<Change>,
    remembered: HashMap<OpId, (Time, Answer)>,
    forget_at: Time,
}

#[derive(Clone, Debug)]
enum Answer {
    Applied(Applied),
    Counted(Vec<Counted>),
}

impl Memory {
    pub(super) fn new(kept: Kept) -> Self {
        Self {
            census: Census::of(&kept.book),
            kept,
            recent: VecDeque::new(),
            remembered: HashMap::new(),
            forget_at: Time::default(),
        }
    }

    pub(super) const fn book(&self) -> &Book {
        &self.kept.book
    }

    /// The part of the book that an operation on `scope` needs at `now`.
    pub(super) fn ledger(&self, scope: &Scope, now: Time) -> Ledger {
        let book = &self.kept.book;
        let occupancy = self.census.occupancy(scope, book.len(), now);
        Ledger::new(now, book.within(scope), book.halt().clone(), occupancy)
    }

    pub(super) const fn position(&self) -> &Position {
        &self.kept.position
    }

    pub(super) const fn windows(&self) -> &Windows {
        &self.kept.windows
    }

    pub(super) const fn windows_mut(&mut self) -> &mut Windows {
        &mut self.kept.windows
    }

    /// Takes over what the file has committed.
    pub(super) fn commit(&mut self, changes: &Changes, news: Vec<Change>) {
        for record in &changes.written {
            let before = self.kept.book.shared(&record.target);
            self.census.replace(before, Some(record));
        }
        for target in &changes.removed {
            self.census.replace(self.kept.book.shared(target), None);
        }
        self.kept.book.apply(changes);
        for change in news {
            self.kept.position = change.position.clone();
            if self.recent.len() >= MAX_RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(change);
        }
    }

    /// What changed after `position`.
    pub(super) fn after(&self, position: &Position) -> Result<Vec<Change>, StoreError> {
        let here = &self.kept.position;
        if position.epoch != here.epoch || position.seq > here.seq {
            return Err(StoreError::Gap);
        }
        let behind = usize::try_from(here.seq - position.seq).unwrap_or(usize::MAX);
        let Some(skipped) = self.recent.len().checked_sub(behind) else {
            return Err(StoreError::Gap);
        };
        Ok(self.recent.iter().skip(skipped).cloned().collect())
    }

    pub(super) fn applied(&self, id: OpId, now: Time) -> Option<Applied> {
        match self.answer(id, now)? {
            Answer::Applied(applied) => Some(applied.clone()),
            Answer::Counted(_) => None,
        }
    }

    pub(super) fn counted(&self, id: OpId, now: Time) -> Option<Vec<Counted>> {
        match self.answer(id, now)? {
            Answer::Counted(counted) => Some(counted.clone()),
            Answer::Applied(_) => None,
        }
    }

    pub(super) fn remember(&mut self, id: OpId, now: Time, applied: &Applied) {
        self.keep(id, now, Answer::Applied(applied.clone()));
    }

    pub(super) fn remember_counted(&mut self, id: OpId, now: Time, counted: &[Counted]) {
        self.keep(id, now, Answer::Counted(counted.to_vec()));
    }

    fn answer(&self, id: OpId, now: Time) -> Option<&Answer> {
        let (until, answer) = self.remembered.get(&id)?;
        (now < *until).then_some(answer)
    }

    fn keep(&mut self, id: OpId, now: Time, answer: Answer) {
        if self.forget_at <= now {
            self.remembered.retain(|_, (until, _)| now < *until);
            self.forget_at = now + REMEMBERED / 10;
        }
        self.remembered.insert(id, (now + REMEMBERED, answer));
    }
}
