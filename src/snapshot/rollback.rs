//! A store that has lost changes: what is missing, and what is done about it.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::stops::Stop;
use super::{Memory, Snapshot};
use crate::domain::book::Book;
use crate::domain::event::Event;
use crate::domain::holder::Holder;
use crate::domain::loss::{Loss, LostWrite, loss_of, missing, undone};
use crate::domain::operation::{Decision, Operation};
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::store::{Applied, Listing, OpId, Position};

/// The most acknowledged writes that the feed may still owe; older ones are taken to be there.
const MAX_OWED: usize = 10_000;
/// How long the feed may owe a write before the store is asked: it tells of nothing if the write went to another server.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many places of the feed are remembered: an answer may come after the feed has brought its write.
const MAX_PASSED: usize = 1_024;

/// Writes that were acknowledged here and have not come by in the feed yet.
#[derive(Debug)]
pub(super) struct Owed {
    /// Where the feed was after it.
    written: Position,
    since: Instant,
    held: Vec<(Target, Holder)>,
    stop: Option<Stop>,
}

impl Snapshot {
    /// How often the store was found to have lost changes.
    pub fn rollbacks(&self) -> u64 {
        self.read().rollbacks
    }

    /// Remembers a write that was acknowledged until the feed brings it; a `stop` is made again if the store loses it
    /// before.
    ///
    /// `rollbacks` is what [`Self::rollbacks`] told before the write.
    pub fn owe(&self, rollbacks: u64, applied: &Applied, stop: Option<Stop>) {
        let Some(written) = applied.written.clone() else {
            return;
        };
        let mut memory = self.write();
        if memory.passed.holds(&written) {
            return;
        }
        // the store must be asked: it was written to the history that was lost, or to the one that is kept
        let is_doubtful = memory.rollbacks != rollbacks || memory.is_past(&written);
        if memory.owed.len() >= MAX_OWED {
            memory.owed.remove(0);
        }
        memory.owed.push(Owed {
            written,
            since: Instant::now(),
            held: held(&applied.decision),
            stop,
        });
        drop(memory);
        if is_doubtful {
            self.doubt();
        }
    }

    /// Replaces everything by what a store has that lost changes, and tells what it lost.
    ///
    /// Of the writes that were acknowledged here and not seen it judges those at `places`, where the store was found to
    /// have lost them; any other is still to be asked for. What had ended in the last minute is ended in this memory at
    /// once, and under the identity `id` at the store as soon as it takes it. What had been opened is only told: whoever
    /// opened it must say so again.
    pub fn roll_back(&self, listing: Listing, places: &[Position], id: OpId) -> Vec<Loss> {
        let lost = self.take_over(listing, |memory, before, now| {
            // what an earlier loss made due at the store was told then
            memory.apply_stops(&self.policy);
            let heal = memory.recent.heal();
            let mut lost = missing(before, &memory.book, now);
            lost.extend(undone(&heal, &memory.book, now));
            for owed in memory.take_owed(places) {
                lost.extend(owed.missing_in(&memory.book, now));
                memory.stops.extend(owed.stop);
            }
            if !heal.is_empty() {
                memory.stops.push(Stop {
                    id,
                    operation: Operation::Heal(heal),
                });
            }
            memory.rollbacks += 1;
            lost
        });
        if !self.read().owed.is_empty() {
            self.doubt();
        }
        self.stops_came.notify_one();
        lost
    }

    /// The places of the feed that a store must have kept to have lost nothing that was known here: the last one that was
    /// seen, and those of the writes that were acknowledged here and not seen.
    ///
    /// Each of them: after a failover a later write may stand in another history than an earlier one.
    pub fn known(&self) -> Vec<Position> {
        let memory = self.read();
        let owed = memory.owed.iter().map(|owed| &owed.written);
        memory.position.iter().chain(owed).cloned().collect()
    }

    /// Forgets the acknowledged writes at `places`, which the store has kept.
    pub fn settle(&self, places: &[Position]) {
        self.write().take_owed(places);
    }
}

/// Places of the feed that went by a moment ago, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Passed(VecDeque<Position>);

impl Passed {
    pub(super) fn note(&mut self, position: Position) {
        if self.0.len() >= MAX_PASSED {
            self.0.pop_front();
        }
        self.0.push_back(position);
    }

    /// Whether this very place went by.
    fn holds(&self, written: &Position) -> bool {
        let mut latest = self.0.iter().rev();
        let passed = latest.find(|passed| passed.seq == written.seq);
        passed.is_some_and(|passed| passed.epoch == written.epoch && passed.chain == written.chain)
    }
}

impl Memory {
    /// Takes out the acknowledged writes at `places`.
    fn take_owed(&mut self, places: &[Position]) -> Vec<Owed> {
        let places: HashSet<&Position> = places.iter().collect();
        let is_there = |owed: &mut Owed| places.contains(&owed.written);
        self.owed.extract_if(.., is_there).collect()
    }

    /// Whether the feed will not bring the change at `written` any more: it has come as far, or tells of another life of
    /// the store.
    fn is_past(&self, written: &Position) -> bool {
        let here = self.position.as_ref();
        here.is_some_and(|here| written.epoch != here.epoch || written.seq <= here.seq)
    }

    /// Whether an acknowledged write is owed that the feed will not bring any more.
    pub(super) fn is_owed_in_vain(&self) -> bool {
        self.owed.iter().any(|owed| self.is_past(&owed.written))
    }

    /// Whether an acknowledged write is owed for longer than the feed takes to bring it.
    pub(super) fn is_overdue(&self) -> bool {
        let oldest = self.owed.first();
        oldest.is_some_and(|owed| owed.since.elapsed() >= PATIENCE)
    }

    /// Forgets the acknowledged writes that came by between the change numbers `before` and `seq`; whether the store has
    /// an earlier one is still to be asked.
    pub(super) fn settle(&mut self, before: u64, seq: u64) {
        self.owed
            .retain(|owed| owed.written.seq <= before || seq < owed.written.seq);
    }

    /// Whether the change at `position` is another one than the write that was acknowledged with this number.
    pub(super) fn contradicts(&self, position: &Position) -> bool {
        let mut owed = self.owed.iter().map(|owed| &owed.written);
        owed.any(|written| written.seq == position.seq && written.chain != position.chain)
    }
}

impl Owed {
    fn missing_in(&self, book: &Book, now: Time) -> Vec<Loss> {
        let holders = self.held.iter();
        let holders = holders.filter_map(|(target, holder)| loss_of(target, holder, book, now));
        let stop = self.stop.as_ref().and_then(|stop| lost_by(&stop.operation));
        let stop = stop.map(|write| Loss {
            write,
            target: None,
            source: None,
        });
        holders.chain(stop).collect()
    }
}

/// What is lost with a stop; a heal only repeats what is told of anyway.
const fn lost_by(stop: &Operation) -> Option<LostWrite> {
    match stop {
        Operation::Disable(_) => Some(LostWrite::End),
        Operation::Freeze(_) => Some(LostWrite::Freeze),
        Operation::Heal(_)
        | Operation::Observe(_)
        | Operation::Trigger(_)
        | Operation::Enable(_)
        | Operation::Sweep(_) => None,
    }
}

/// The holders that a decision began or renewed.
fn held(decision: &Decision) -> Vec<(Target, Holder)> {
    let events = decision.events.iter();
    let held = events.filter_map(|event| match event {
        Event::Opened { target, holder, .. } | Event::Extended { target, holder, .. } => {
            Some((target.clone(), holder.clone()))
        }
        Event::Ended { .. }
        | Event::Refused { .. }
        | Event::Gap { .. }
        | Event::Frozen { .. }
        | Event::Cooldown { .. } => None,
    });
    held.collect()
}

#[cfg(test)]
mod tests;
