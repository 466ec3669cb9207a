//! An operator wants a target verbose.

use std::time::Duration;

use super::Desk;
use super::hold::extended;
use super::share::make_room;
use crate::domain::event::Event;
use crate::domain::holder::{Cause, Holder, Source};
use crate::domain::level::Level;
use crate::domain::name::{Operator, Reason};
use crate::domain::outcome::{Guardrail, Outcome};
use crate::domain::target::Target;

/// An operator wants a target verbose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enable {
    /// What goes verbose.
    pub target: Target,
    /// Who asks.
    pub by: Operator,
    /// How verbose.
    pub level: Level,
    /// For how long; already within the bounds.
    pub ttl: Duration,
    /// Why.
    pub reason: Reason,
}

pub(super) fn decide(desk: &mut Desk<'_>, enable: &Enable) {
    let outcome = desk.enable(enable);
    let record = desk.ledger.record(&enable.target);
    desk.decision.session = record.and_then(|record| record.session.clone());
    desk.decision.outcomes.push(outcome);
}

impl Desk<'_> {
    fn enable(&mut self, enable: &Enable) -> Outcome {
        let cause = Cause::Operator {
            name: enable.by.clone(),
        };
        let full = !self.has_room(&enable.target, &cause);
        let refusal = self
            .ledger
            .refusal(&enable.target, Source::Operator, self.policy)
            .or_else(|| full.then_some(Guardrail::Holders));
        if let Some(guardrail) = refusal {
            return self.refuse_operator(enable, guardrail);
        }
        let holder = Holder {
            cause,
            level: enable.level,
            started_at: self.now,
            expires_at: self.now + enable.ttl,
            reason: enable.reason.clone(),
        };
        let open = self.ledger.record_mut(&enable.target).session.is_some();
        let outcome = if open {
            self.replace(enable, holder)
        } else {
            let id = self.next_id();
            let event = self.ledger.open(&enable.target, id, holder);
            self.tell([event]);
            Outcome::Opened
        };
        self.clear_cooldown(&enable.target);
        outcome
    }

    /// Puts the holder in the place of the one that the operator has, if any; there is room.
    fn replace(&mut self, enable: &Enable, holder: Holder) -> Outcome {
        if let Some(session) = self.ledger.record_mut(&enable.target).session.as_mut() {
            session
                .holders
                .retain(|known| !known.cause.is_same(&holder.cause));
            make_room(session);
            session.holders.push(holder.clone());
            let event = extended(&enable.target, session, holder);
            self.tell([event]);
        }
        Outcome::Extended
    }

    /// Automatic sources may open this target again, whatever a wider disable says.
    fn clear_cooldown(&mut self, target: &Target) {
        let wider = self.ledger.cooldown(target);
        let record = self.ledger.record_mut(target);
        record.cooldown_until = None;
        if wider.is_some() {
            let still = self.ledger.cooldown(target);
            self.ledger.record_mut(target).exempt_until = still;
        }
    }

    fn refuse_operator(&mut self, enable: &Enable, guardrail: Guardrail) -> Outcome {
        self.tell([Event::Refused {
            target: enable.target.clone(),
            source: Source::Operator,
            guardrail,
            waiting: false,
            reason: enable.reason.clone(),
        }]);
        Outcome::Refused {
            guardrail,
            waiting: false,
        }
    }
}
