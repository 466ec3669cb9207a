//! The part of the book that one operation is decided on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::event::Event;
use super::halt::Halt;
use super::holder::{Holder, Source};
use super::name::App;
use super::outcome::Guardrail;
use super::policy::Policy;
use super::record::Record;
use super::session::{Session, SessionId};
use super::target::Target;
use super::time::Time;

/// The most records kept; beyond them a refused alert does not wait.
pub const MAX_RECORDS: usize = 10_000;

/// The part of the book that one operation is decided on, at one instant.
#[derive(Clone, Debug)]
pub struct Ledger {
    now: Time,
    /// Shared with `loaded` until they are changed.
    records: BTreeMap<Target, Arc<Record>>,
    loaded: BTreeMap<Target, Arc<Record>>,
    halt: Halt,
    loaded_halt: Halt,
    occupancy: Occupancy,
}

/// How many sessions are live, in all and per application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// How many records are kept.
    pub records: usize,
    /// All live sessions.
    pub sessions: usize,
    /// Those that an automatic source opened.
    pub automatic: usize,
    /// Both numbers per application, at least of those that the operation is about.
    pub per_app: HashMap<App, (usize, usize)>,
}

/// What a decision changes; empty if it changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Records to write over any other of the same target.
    pub written: Vec<Arc<Record>>,
    /// Targets whose record has nothing left worth keeping.
    pub removed: Vec<Target>,
    /// What stops automatic sources from now on, if that changes.
    pub halt: Option<Halt>,
}

impl Changes {
    /// Whether nothing changes.
    pub const fn is_empty(&self) -> bool {
        self.written.is_empty() && self.removed.is_empty() && self.halt.is_none()
    }
}

impl Occupancy {
    /// Counts one more live session of `app`.
    pub fn add(&mut self, app: &App, source: Source) {
        let automatic = usize::from(source.is_automatic());
        self.sessions += 1;
        self.automatic += automatic;
        let entry = self.per_app.entry(app.clone()).or_default();
        entry.0 += 1;
        entry.1 += automatic;
    }

    /// Counts one live session of `app` less.
    pub fn remove(&mut self, app: &App, source: Source) {
        let automatic = usize::from(source.is_automatic());
        self.sessions = self.sessions.saturating_sub(1);
        self.automatic = self.automatic.saturating_sub(automatic);
        if let Some(entry) = self.per_app.get_mut(app) {
            entry.0 = entry.0.saturating_sub(1);
            entry.1 = entry.1.saturating_sub(automatic);
            if entry.0 == 0 {
                self.per_app.remove(app);
            }
        }
    }

    fn refusal(&self, app: &App, source: Source, policy: &Policy) -> Option<Guardrail> {
        let caps = policy.caps;
        let (sessions, automatic) = self.per_app.get(app).copied().unwrap_or_default();
        let limits = [
            (self.sessions >= caps.sessions, false, Guardrail::Sessions),
            (
                sessions >= caps.sessions_per_app,
                false,
                Guardrail::SessionsPerApp,
            ),
            (self.automatic >= caps.automatic, true, Guardrail::Automatic),
            (
                automatic >= caps.automatic_per_app,
                true,
                Guardrail::AutomaticPerApp,
            ),
        ];
        limits
            .into_iter()
            .find(|(full, automatic_only, _)| *full && (source.is_automatic() || !automatic_only))
            .map(|(.., guardrail)| guardrail)
    }
}

impl Ledger {
    /// Opens a ledger on `records` as they are at `now`; `occupancy` counts sessions that are live at `now`.
    pub fn new(
        now: Time,
        records: impl IntoIterator<Item = Arc<Record>>,
        halt: Halt,
        occupancy: Occupancy,
    ) -> Self {
        let records: BTreeMap<Target, Arc<Record>> = records
            .into_iter()
            .map(|record| (record.target.clone(), record))
            .collect();
        Self {
            now,
            loaded: records.clone(),
            records,
            loaded_halt: halt.clone(),
            halt,
            occupancy,
        }
    }

    /// The instant of the decision.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// What stops automatic sources everywhere.
    pub const fn halt(&self) -> &Halt {
        &self.halt
    }

    /// What stops automatic sources everywhere, to change it.
    pub const fn halt_mut(&mut self) -> &mut Halt {
        &mut self.halt
    }

    /// The targets that have a record.
    pub fn targets(&self) -> Vec<Target> {
        self.records.keys().cloned().collect()
    }

    /// The record of `target`, if there is one.
    pub fn record(&self, target: &Target) -> Option<&Record> {
        self.records.get(target).map(Arc::as_ref)
    }

    /// The record of `target`, an empty one if there is none.
    pub fn record_mut(&mut self, target: &Target) -> &mut Record {
        let record = self.records.entry(target.clone());
        Arc::make_mut(record.or_insert_with(|| Arc::new(Record::new(target.clone()))))
    }

    /// How many sessions are live in all, and of `app`.
    pub fn live(&self, app: &App) -> (usize, usize) {
        let of_app = self.occupancy.per_app.get(app).copied().unwrap_or_default();
        (self.occupancy.sessions, of_app.0)
    }

    /// Whether one more record may be kept for an alert that waits.
    pub fn has_room_for(&self, target: &Target) -> bool {
        let added = self.records.len().saturating_sub(self.loaded.len());
        self.records.contains_key(target) || self.occupancy.records + added < MAX_RECORDS
    }

    /// Ends and forgets what has lapsed in every record.
    pub fn lapse(&mut self, policy: &Policy) -> Vec<Event> {
        let now = self.now;
        self.records
            .values_mut()
            .filter(|record| record.lapses_at().is_some_and(|at| at <= now))
            .filter_map(|record| Arc::make_mut(record).lapse(now, policy))
            .collect()
    }

    /// What forbids `source` to open, or to go on holding, `target`.
    pub fn refusal(&self, target: &Target, source: Source, policy: &Policy) -> Option<Guardrail> {
        if !policy.lets(target) {
            return Some(Guardrail::Target);
        }
        if source.is_automatic() {
            if self.halt.freeze(self.now).is_some() {
                return Some(Guardrail::Frozen);
            }
            if self.cooldown(target).is_some() {
                return Some(Guardrail::Cooldown);
            }
        }
        let open = self
            .records
            .get(target)
            .is_some_and(|record| record.session.is_some());
        if open {
            return None;
        }
        self.occupancy.refusal(&target.app, source, policy)
    }

    /// The end of the cooldown that keeps automatic sources out of `target`.
    pub fn cooldown(&self, target: &Target) -> Option<Time> {
        let own = self.records.get(target);
        let whole = self.records.get(&target.whole());
        let exempt = own.and_then(|record| record.exempt_until);
        let exempt_as_part = whole.and_then(|record| record.exempt_until);
        // none is before every instant: what nobody is exempt from counts
        let everywhere = self.halt.cooldown(self.now);
        let everywhere = everywhere.filter(|until| exempt.max(exempt_as_part) < Some(*until));
        let of_whole = whole.and_then(|record| record.cooldown_until);
        let of_whole = of_whole.filter(|until| exempt < Some(*until));
        let of_itself = own.and_then(|record| record.cooldown_until);
        let until = everywhere.max(of_whole).max(of_itself);
        until.filter(|until| self.now < *until)
    }

    /// Opens a session of `target` with its first holder.
    pub fn open(&mut self, target: &Target, id: SessionId, holder: Holder) -> Event {
        let source = holder.cause.source();
        self.occupancy.add(&target.app, source);
        let opened_at = self.now;
        let record = self.record_mut(target);
        record.session = Some(Session {
            id,
            source,
            opened_at,
            holders: vec![holder.clone()],
        });
        Event::Opened {
            target: target.clone(),
            session: id,
            holder,
        }
    }

    /// Changes the record of `target` so that its session ends, and counts one session less if it did.
    pub fn end(
        &mut self,
        target: &Target,
        change: impl FnOnce(&mut Record) -> Option<Event>,
    ) -> Option<Event> {
        let record = self.records.get_mut(target)?;
        let source = record.session.as_ref()?.source;
        let event = change(Arc::make_mut(record))?;
        self.occupancy.remove(&target.app, source);
        Some(event)
    }

    /// What was changed since the ledger was opened.
    pub fn into_changes(self) -> Changes {
        let mut changes = Changes::default();
        for (target, mut record) in self.records {
            let before = self.loaded.get(&target);
            if before.is_some_and(|before| Arc::ptr_eq(before, &record)) {
                continue;
            }
            Arc::make_mut(&mut record).trim();
            if record.is_empty() {
                changes.removed.extend(before.map(|_| target));
            } else if before != Some(&record) {
                changes.written.push(record);
            }
        }
        if self.halt != self.loaded_halt {
            changes.halt = Some(self.halt);
        }
        changes
    }
}
