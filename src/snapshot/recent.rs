//! What has ended, and what has begun to stop automatic sources, in the last minute: a store may have lost it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::domain::book::Book;
use crate::domain::halt::{Freeze, Halt};
use crate::domain::holder::Holder;
use crate::domain::operation::{Cooldown, EndedHolder, Heal};
use crate::domain::record::Record;
use crate::domain::session::Session;
use crate::domain::time::Time;

/// For how long an end is remembered: longer than any failover takes to be noticed.
const REMEMBERED: Duration = Duration::from_mins(1);

/// The most ends, and the most cooldowns, that are remembered; a store has no more records to end.
const MOST: usize = 10_000;

/// What a replica has seen end, or begin to stop automatic sources, in the last minute.
#[derive(Debug, Default)]
pub(super) struct Recent {
    ended: Memories<EndedHolder>,
    cooldowns: Memories<Cooldown>,
    ended_freezes: Memories<Freeze>,
    halt: Option<(Instant, Halt)>,
}

impl Recent {
    /// Notes what the change from one record to another ends or starts at `now`.
    pub(super) fn note(&mut self, before: Option<&Record>, after: Option<&Record>, now: Time) {
        let Some(known) = after.or(before) else {
            return;
        };
        if let Some(session) = before.and_then(|record| record.session.as_ref()) {
            let held = after.and_then(|record| record.session.as_ref());
            for holder in &session.holders {
                if holder.is_live(now) && !is_held(held, holder) {
                    self.ended.note(EndedHolder {
                        target: known.target.clone(),
                        session: session.id,
                        cause: holder.cause.clone(),
                        started_at: holder.started_at,
                    });
                }
            }
        }
        let until = after.and_then(|record| record.cooldown_until);
        if until == before.and_then(|record| record.cooldown_until) {
            return;
        }
        self.cooldowns
            .retain(|cooldown| cooldown.target != known.target);
        if let Some(until) = until.filter(|until| now < *until) {
            self.cooldowns.note(Cooldown {
                target: known.target.clone(),
                since: now,
                until,
            });
        }
    }

    /// Notes that what stops automatic sources everywhere has changed.
    pub(super) fn note_halt(&mut self, before: &Halt, after: &Halt) {
        if before == after {
            return;
        }
        if let Some(freeze) = &before.freeze
            && before.freeze != after.freeze
        {
            self.ended_freezes.note(freeze.clone());
        }
        self.halt = Some((Instant::now(), after.clone()));
    }

    /// Notes all differences between two books of which the second one is the later.
    pub(super) fn note_book(&mut self, before: &Book, after: &Book, now: Time) {
        for record in before.records() {
            self.note(Some(record), after.record(&record.target), now);
        }
        for record in after.records() {
            if before.record(&record.target).is_none() {
                self.note(None, Some(record), now);
            }
        }
        self.note_halt(before.halt(), after.halt());
    }

    /// What a store that has lost changes must be told again.
    pub(super) fn heal(&mut self) -> Heal {
        let is_recent = |at: &Instant| at.elapsed() < REMEMBERED;
        Heal {
            ended: self.ended.recent(),
            cooldowns: self.cooldowns.recent(),
            ended_freezes: self.ended_freezes.recent(),
            halt: self
                .halt
                .as_ref()
                .filter(|(at, _)| is_recent(at))
                .map(|(_, halt)| halt.clone()),
        }
    }
}

fn is_held(session: Option<&Session>, holder: &Holder) -> bool {
    session.is_some_and(|session| session.holder(&holder.cause).is_some())
}

/// Things noted in the last minute, the oldest first, and no more than [`MOST`].
#[derive(Debug)]
struct Memories<T>(VecDeque<(Instant, T)>);

impl<T> Default for Memories<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Clone> Memories<T> {
    fn note(&mut self, thing: T) {
        self.forget();
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((Instant::now(), thing));
    }

    fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.0.retain(|(_, thing)| keep(thing));
    }

    fn recent(&mut self) -> Vec<T> {
        self.forget();
        self.0.iter().map(|(_, thing)| thing.clone()).collect()
    }

    fn forget(&mut self) {
        while self
            .0
            .front()
            .is_some_and(|(at, _)| at.elapsed() >= REMEMBERED)
        {
            self.0.pop_front();
        }
    }
}
