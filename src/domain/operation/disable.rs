//! An operator wants targets quiet.

use std::time::Duration;

use super::Desk;
use crate::domain::book::Scope;
use crate::domain::event::{Ending, Event};
use crate::domain::name::{Operator, Reason};
use crate::domain::target::{Place, Target};
use crate::domain::time::Time;

/// An operator wants targets quiet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disable {
    /// Which targets.
    pub selection: Selection,
    /// Who asks.
    pub by: Operator,
    /// For how long automatic sources stay out; zero for not at all, the default if none.
    pub cooldown: Option<Duration>,
    /// Why.
    pub reason: Reason,
    /// Spares holders that began after this instant: set when an earlier stop is repeated late.
    pub began_by: Option<Time>,
}

/// Which targets an operator wants quiet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// One endpoint.
    Endpoint(Target),
    /// An application in an environment, its endpoints included.
    Place(Place),
    /// Everything.
    Everything,
}

impl Disable {
    pub(super) fn scope(&self) -> Scope {
        match &self.selection {
            Selection::Endpoint(target) => Scope::Targets(vec![target.clone()]),
            Selection::Place(place) => Scope::Place(place.clone()),
            Selection::Everything => Scope::Everything,
        }
    }

    /// The target whose record keeps the cooldown, or none if it is everywhere.
    fn target(&self) -> Option<Target> {
        match &self.selection {
            Selection::Endpoint(target) => Some(target.clone()),
            Selection::Place(place) => Some(place.whole()),
            Selection::Everything => None,
        }
    }
}

pub(super) fn decide(desk: &mut Desk<'_>, disable: &Disable) {
    let targets = match &disable.selection {
        Selection::Endpoint(target) => vec![target.clone()],
        Selection::Place(place) => {
            let mut targets = desk.ledger.targets();
            targets.retain(|target| target.is_in(place));
            targets
        }
        Selection::Everything => desk.ledger.targets(),
    };
    let start = disable.began_by.unwrap_or(desk.now);
    let until = start + disable.cooldown.unwrap_or(desk.policy.cooldown);
    let until = (desk.now < until).then_some(until);
    for target in &targets {
        desk.quiet(target, disable, until);
    }
    desk.cool_down(disable, until);
}

impl Desk<'_> {
    fn quiet(&mut self, target: &Target, disable: &Disable, until: Option<Time>) {
        let now = self.now;
        let ended = self.ledger.end(target, |record| {
            record.end_holders(now, disable.began_by, Ending::Disabled, &disable.by)
        });
        self.tell(ended);
        let enabled_since = self.is_enabled_since(target, disable.began_by);
        let record = self.ledger.record_mut(target);
        record.exempt_until = record.exempt_until.max(until).filter(|_| enabled_since);
    }

    fn cool_down(&mut self, disable: &Disable, until: Option<Time>) {
        self.decision.cooldown_until = until;
        let target = disable.target();
        let is_late = disable.began_by.is_some();
        // a newer disable may keep automatic sources out for longer than this one
        let merge = |known: Option<Time>| known.filter(|_| is_late).max(until);
        match &target {
            Some(target) if self.is_enabled_since(target, disable.began_by) => return,
            Some(target) => {
                let record = self.ledger.record_mut(target);
                record.cooldown_until = merge(record.cooldown_until);
            }
            None => {
                let halt = self.ledger.halt_mut();
                halt.cooldown_until = merge(halt.cooldown_until);
            }
        }
        self.tell(until.map(|until| Event::Cooldown {
            by: disable.by.clone(),
            until,
            target,
            reason: disable.reason.clone(),
        }));
    }

    /// Whether an operator enabled the target after a stop that is repeated late.
    fn is_enabled_since(&self, target: &Target, began_by: Option<Time>) -> bool {
        let record = self.ledger.record(target);
        began_by.is_some_and(|since| record.is_some_and(|record| record.is_enabled_since(since)))
    }
}
