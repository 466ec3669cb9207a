//! Why an application logs as it does.

use super::{Control, ControlError, Refused};
use crate::domain::book::Scope;
use crate::domain::halt::Halt;
use crate::domain::policy::Caps;
use crate::domain::record::Record;
use crate::domain::target::Place;
use crate::domain::time::Time;

/// Why an application logs as it does.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The store's time.
    pub now: Time,
    /// What is kept of the application in this environment, the app-wide record first.
    pub records: Vec<Record>,
    /// The end of the cooldown that keeps automatic sources out of the app-wide target.
    pub cooldown_until: Option<Time>,
    /// What stops automatic sources everywhere.
    pub halt: Halt,
    /// Whether the configuration lets it go verbose at all.
    pub allowed: bool,
    /// How many sessions may be live at once.
    pub caps: Caps,
    /// How many sessions are live in all, and of this application.
    pub live: (usize, usize),
    /// The last refused or unmapped alerts at this replica, the newest first.
    pub refused: Vec<Refused>,
    /// When it was last polled at this replica.
    pub last_checked_at: Option<Time>,
    /// Whether this replica lost its store a while ago.
    pub stale: bool,
}

impl Control {
    /// Explains why `place` logs as it does.
    pub fn explain(&self, place: &Place) -> Result<Explanation, ControlError> {
        let now = self.now()?;
        let policy = self.policy();
        let whole = place.whole();
        let scope = Scope::Place(place.clone());
        let snapshot = self.snapshot();
        let (records, ledger) = snapshot.with_book(|book| {
            let mut ledger = book.ledger(&scope, now);
            ledger.lapse(policy);
            let records: Vec<Record> = ledger
                .targets()
                .iter()
                .filter_map(|target| ledger.record(target).cloned())
                .filter(|record| !record.is_empty())
                .collect();
            (records, ledger)
        });
        Ok(Explanation {
            now,
            records,
            cooldown_until: ledger.cooldown(&whole),
            halt: ledger.halt().clone(),
            allowed: policy.lets(&whole),
            caps: policy.caps,
            live: ledger.live(&place.app),
            refused: self.inner.refusals.of(place),
            last_checked_at: snapshot.polls().last(place),
            stale: snapshot.is_stale(),
        })
    }
}
