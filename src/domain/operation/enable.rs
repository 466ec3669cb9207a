//! An operator wants a target verbose.

use std::time::Duration;

use super::Desk;
use super::hold::{extended, make_room};
use crate::domain::event::Event;
use crate::domain::holder::{Cause, Holder, Others, Source};
use crate::domain::level::Level;
use crate::domain::name::{Operator, Reason};
use crate::domain::outcome::{Guardrail, Outcome};
use crate::domain::session::{MAX_HOLDERS, Session};
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
        let refusal = self
            .ledger
            .refusal(&enable.target, Source::Operator, self.policy);
        if let Some(guardrail) = refusal {
            return self.refuse_operator(enable, guardrail);
        }
        let holder = Holder {
            cause: Cause::Operator {
                name: enable.by.clone(),
            },
            level: enable.level,
            started_at: self.now,
            expires_at: self.now + enable.ttl,
            reason: enable.reason.clone(),
        };
        let open = self.ledger.record_mut(&enable.target).session.is_some();
        let outcome = if open {
            self.hold_for_operator(enable, holder)
        } else {
            let id = self.next_id();
            let event = self.ledger.open(&enable.target, id, holder);
            self.tell([event]);
            Outcome::Opened
        };
        if outcome == Outcome::Opened || outcome == Outcome::Extended {
            self.clear_cooldown(&enable.target);
        }
        outcome
    }

    fn hold_for_operator(&mut self, enable: &Enable, holder: Holder) -> Outcome {
        let shared = Holder {
            cause: Cause::Others(Others::default()),
            level: Level::Debug,
            reason: Reason::default(),
            ..holder.clone()
        };
        let Some(session) = self.ledger.record_mut(&enable.target).session.as_mut() else {
            return Outcome::Unchanged;
        };
        session
            .holders
            .retain(|known| !known.cause.is_same(&holder.cause));
        if session.holders.len() >= MAX_HOLDERS && !fold_for_room(session, shared) {
            return self.refuse_operator(enable, Guardrail::Holders);
        }
        session.holders.push(holder.clone());
        let event = extended(&enable.target, session, holder);
        self.tell([event]);
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

/// Folds alerts into the shared holder, which is made if there is none yet; tells whether that made room.
fn fold_for_room(session: &mut Session, mut shared: Holder) -> bool {
    let known = session
        .holders
        .iter()
        .position(|holder| holder.cause.is_same(&shared.cause));
    if let Some(index) = known {
        shared = session.holders.remove(index);
    } else {
        shared.expires_at = shared.started_at;
        if !make_room(session, &mut shared) {
            return false;
        }
    }
    make_room(session, &mut shared);
    session.holders.push(shared);
    session.holders.len() < MAX_HOLDERS
}
