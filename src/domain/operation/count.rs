//! Error windows reach their threshold.

use super::Desk;
use super::hold::Claim;
use crate::domain::event::Event;
use crate::domain::holder::{Cause, Source};
use crate::domain::name::Reason;
use crate::domain::outcome::{Guardrail, Outcome};
use crate::domain::target::Target;

/// An error window that is at or over its threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// What goes verbose.
    pub target: Target,
    /// The count and the threshold, in words.
    pub reason: Reason,
}

pub(super) fn decide(desk: &mut Desk<'_>, triggers: &[Trigger]) {
    for trigger in triggers {
        let outcome = desk.trigger(trigger);
        desk.decision.outcomes.push(outcome);
    }
}

impl Desk<'_> {
    fn trigger(&mut self, trigger: &Trigger) -> Outcome {
        let record = self.ledger.record(&trigger.target);
        let barred = record.is_some_and(|record| record.is_barred(None, self.now));
        let full = !self.has_room(&trigger.target, &Cause::Errors);
        let refusal = self
            .ledger
            .refusal(&trigger.target, Source::Errors, self.policy)
            .or_else(|| barred.then_some(Guardrail::Barred))
            .or_else(|| full.then_some(Guardrail::Holders));
        if let Some(guardrail) = refusal {
            self.tell([Event::Refused {
                target: trigger.target.clone(),
                source: Source::Errors,
                guardrail,
                waiting: false,
                reason: trigger.reason.clone(),
            }]);
            return Outcome::Refused {
                guardrail,
                waiting: false,
            };
        }
        self.hold(Claim {
            target: &trigger.target,
            cause: Cause::Errors,
            ttl: self.policy.ttl,
            reason: &trigger.reason,
        })
    }
}
