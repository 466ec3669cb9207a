//! All records at once, and the part of them that an operation needs.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use super::census::Census;
use super::halt::Halt;
use super::ledger::{Changes, Ledger};
use super::name::App;
use super::record::Record;
use super::target::{Place, Target};
use super::time::Time;

/// All records and what stops automatic sources: the whole state that a store keeps and a replica remembers.
#[derive(Clone, Debug, Default)]
pub struct Book {
    records: BTreeSet<ByTarget>,
    halt: Halt,
}

/// A record that is found by its target.
#[derive(Clone, Debug)]
pub(super) struct ByTarget(pub(super) Arc<Record>);

impl Borrow<Target> for ByTarget {
    fn borrow(&self) -> &Target {
        &self.0.target
    }
}

impl Ord for ByTarget {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.target.cmp(&other.0.target)
    }
}

impl PartialOrd for ByTarget {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByTarget {
    fn eq(&self, other: &Self) -> bool {
        self.0.target == other.0.target
    }
}

impl Eq for ByTarget {}

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

impl PartialEq for Book {
    fn eq(&self, other: &Self) -> bool {
        self.halt == other.halt && self.records().eq(other.records())
    }
}

impl Eq for Book {}

impl Book {
    /// Builds the book of what a store keeps.
    pub fn new<R: Into<Arc<Record>>>(records: impl IntoIterator<Item = R>, halt: Halt) -> Self {
        let shared = records.into_iter().map(Into::into);
        Self {
            records: shared.map(ByTarget).collect(),
            halt,
        }
    }

    /// What stops automatic sources everywhere.
    pub const fn halt(&self) -> &Halt {
        &self.halt
    }

    /// Every record, by target.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.shared_records().map(Arc::as_ref)
    }

    /// Every record, to keep it.
    pub fn shared_records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.iter().map(|ByTarget(record)| record)
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The record of `target`.
    pub fn record(&self, target: &Target) -> Option<&Record> {
        self.shared(target).map(Arc::as_ref)
    }

    /// The record of `target`, to keep it.
    pub fn shared(&self, target: &Target) -> Option<&Arc<Record>> {
        let found = self.records.get(target);
        found.map(|ByTarget(record)| record)
    }

    /// The records of one application in one environment, the app-wide one first.
    pub fn place<'book>(
        &'book self,
        place: &'book Place,
    ) -> impl Iterator<Item = &'book Arc<Record>> {
        let first = place.whole();
        self.records
            .range::<Target, _>((Bound::Included(&first), Bound::Unbounded))
            .map(|ByTarget(record)| record)
            .take_while(|record| record.target.is_in(place))
    }

    /// The records that an operation on `scope` needs.
    pub fn within(&self, scope: &Scope) -> Vec<Arc<Record>> {
        match scope {
            Scope::Targets(targets) => with_parents(targets)
                .filter_map(|target| self.shared(&target).cloned())
                .collect(),
            Scope::Place(place) => self.place(place).cloned().collect(),
            Scope::Everything => self.shared_records().cloned().collect(),
        }
    }

    /// The part of the book that an operation on `scope` needs at `now`; looks at every record to count the sessions.
    pub fn ledger(&self, scope: &Scope, now: Time) -> Ledger {
        let census = Census::of(self);
        let occupancy = census.occupancy(scope, self.len(), now);
        Ledger::new(now, self.within(scope), self.halt.clone(), occupancy)
    }

    /// Applies what a decision changes.
    pub fn apply(&mut self, changes: &Changes) {
        for record in &changes.written {
            self.put(Arc::clone(record));
        }
        for target in &changes.removed {
            self.remove(target);
        }
        if let Some(halt) = &changes.halt {
            self.set_halt(halt.clone());
        }
    }

    /// Writes `record` over any other of the same target.
    pub fn put(&mut self, record: Arc<Record>) {
        self.records.replace(ByTarget(record));
    }

    /// Forgets the record of `target`.
    pub fn remove(&mut self, target: &Target) {
        self.records.remove(target);
    }

    /// Replaces what stops automatic sources everywhere.
    pub fn set_halt(&mut self, halt: Halt) {
        self.halt = halt;
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
