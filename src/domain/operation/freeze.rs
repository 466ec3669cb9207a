//! An operator stops or releases automatic sources.

use std::time::Duration;

use super::Desk;
use crate::domain::book::Scope;
use crate::domain::event::{Ending, Event};
use crate::domain::halt::Freeze;
use crate::domain::name::{Operator, Reason};
use crate::domain::time::Time;

/// An operator stops or releases automatic sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFreeze {
    /// Whether automatic sources are stopped, or released.
    pub frozen: bool,
    /// Whether all sessions end as well.
    pub end_sessions: bool,
    /// How long the freeze lasts unless somebody ends it.
    pub ttl: Duration,
    /// Who asks.
    pub by: Operator,
    /// Why.
    pub reason: Reason,
    /// Spares holders that began after this instant: set when an earlier stop is repeated late.
    pub began_by: Option<Time>,
}

impl SetFreeze {
    pub(super) fn scope(&self) -> Scope {
        if self.end_sessions {
            Scope::Everything
        } else {
            Scope::Targets(Vec::new())
        }
    }
}

pub(super) fn decide(desk: &mut Desk<'_>, freeze: &SetFreeze) {
    desk.set_freeze(freeze);
    if freeze.end_sessions {
        let now = desk.now;
        for target in desk.ledger.targets() {
            let ended = desk.ledger.end(&target, |record| {
                record.end_holders(now, freeze.began_by, Ending::Frozen, &freeze.by)
            });
            desk.tell(ended);
        }
    }
}

impl Desk<'_> {
    fn set_freeze(&mut self, freeze: &SetFreeze) {
        let since = freeze.began_by.unwrap_or(self.now);
        let until = since + freeze.ttl;
        let known = self.ledger.halt().freeze(self.now);
        let is_outdated = known.is_some_and(|known| since < known.since);
        let is_over = freeze.frozen && until <= self.now;
        if freeze.began_by.is_some() && (is_outdated || is_over) {
            return;
        }
        self.ledger.halt_mut().freeze = freeze.frozen.then(|| Freeze {
            by: freeze.by.clone(),
            reason: freeze.reason.clone(),
            since,
            until,
        });
        self.tell([Event::Frozen {
            frozen: freeze.frozen,
            by: freeze.by.clone(),
            until: freeze.frozen.then_some(until),
            reason: freeze.reason.clone(),
        }]);
    }
}
