//! All records at once, and the part of them that an operation needs.

use std::collections::BTreeMap;

use super::halt::Halt;
use super::ledger::{Changes, Ledger, Occupancy};
use super::name::App;
use super::record::Record;
use super::target::{Place, Target};
use super::time::Time;

/// All records and what stops automatic sources: the whole state that a store keeps and a replica remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    records: BTreeMap<Target, Record>,
    halt: Halt,
}

/// Which records an operation has to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// These targets, and the app-wide record above each.
    Targets(Vec<Target>),
    /// Every record of one application in one environment.
    Place(Place),
    /// Every record.
    Everything,
}

impl Book {
    /// Builds the book of what a store keeps.
    pub fn new(records: impl IntoIterator<Item = Record>, halt: Halt) -> Self {
        let records = records
            .into_iter()
            .map(|record| (record.target.clone(), record))
            .collect();
        Self { records, halt }
    }

    /// What stops automatic sources everywhere.
    pub const fn halt(&self) -> &Halt {
        &self.halt
    }

    /// Every record, by target.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// The record of `target`.
    pub fn record(&self, target: &Target) -> Option<&Record> {
        self.records.get(target)
    }

    /// The records of one application in one environment, the app-wide one first.
    pub fn place<'book>(&'book self, place: &'book Place) -> impl Iterator<Item = &'book Record> {
        self.records
            .range(place.whole()..)
            .map(|(_, record)| record)
            .take_while(|record| record.target.is_in(place))
    }

    /// The part of the book that an operation on `scope` needs at `now`.
    pub fn ledger(&self, scope: &Scope, now: Time) -> Ledger {
        let records: Vec<Record> = match scope {
            Scope::Targets(targets) => {
                let wanted = with_parents(targets);
                wanted
                    .filter_map(|target| self.records.get(&target).cloned())
                    .collect()
            }
            Scope::Place(place) => self.place(place).cloned().collect(),
            Scope::Everything => self.records.values().cloned().collect(),
        };
        Ledger::new(now, records, self.halt.clone(), self.occupancy(now))
    }

    /// Applies what a decision changes.
    pub fn apply(&mut self, changes: &Changes) {
        for record in &changes.written {
            self.put(record.clone());
        }
        for target in &changes.removed {
            self.remove(target);
        }
        if let Some(halt) = &changes.halt {
            self.set_halt(halt.clone());
        }
    }

    /// Writes `record` over any other of the same target.
    pub fn put(&mut self, record: Record) {
        self.records.insert(record.target.clone(), record);
    }

    /// Forgets the record of `target`.
    pub fn remove(&mut self, target: &Target) {
        self.records.remove(target);
    }

    /// Replaces what stops automatic sources everywhere.
    pub fn set_halt(&mut self, halt: Halt) {
        self.halt = halt;
    }

    fn occupancy(&self, now: Time) -> Occupancy {
        let mut occupancy = Occupancy {
            records: self.records.len(),
            ..Occupancy::default()
        };
        for (target, record) in &self.records {
            if let Some(session) = record
                .session
                .as_ref()
                .filter(|session| now < session.end())
            {
                occupancy.add(&target.app, session.source);
            }
        }
        occupancy
    }
}

impl Scope {
    /// The applications in this scope, each once; none if the scope is everything.
    pub fn apps(&self) -> Vec<&App> {
        let mut apps: Vec<&App> = match self {
            Self::Targets(targets) => targets.iter().map(|target| &target.app).collect(),
            Self::Place(place) => vec![&place.app],
            Self::Everything => Vec::new(),
        };
        apps.sort_unstable();
        apps.dedup();
        apps
    }
}

/// Each target once, and the app-wide one above each.
pub fn with_parents(targets: &[Target]) -> impl Iterator<Item = Target> + use<> {
    let mut all: Vec<Target> = targets
        .iter()
        .flat_map(|target| [target.whole(), target.clone()])
        .collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter()
}
