//! What may be done to sessions: each operation decides on a ledger, and changes nothing else.

use serde::{Deserialize, Serialize};

use super::book::Scope;
use super::event::Event;
use super::ledger::Ledger;
use super::outcome::Outcome;
use super::policy::Policy;
use super::session::{Session, SessionId};
use super::target::Target;
use super::time::Time;

mod count;
mod disable;
mod enable;
mod freeze;
mod heal;
mod hold;
mod observe;
mod share;
mod sweep;
#[cfg(test)]
mod tests;

pub use count::Trigger;
pub use disable::{Disable, Selection};
pub use enable::Enable;
pub use freeze::SetFreeze;
pub use heal::{Cooldown, EndedHolder, Heal};
pub use observe::Alert;

/// Something to do to sessions.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Alerts fire or were resolved, in the order they came.
    Observe(Vec<Alert>),
    /// Error windows are at or over their threshold.
    Trigger(Vec<Trigger>),
    /// An operator wants a target verbose.
    Enable(Enable),
    /// An operator wants targets quiet.
    Disable(Disable),
    /// An operator stops or releases automatic sources.
    Freeze(SetFreeze),
    /// Time has passed over these targets: what has lapsed ends, what waits may open.
    Sweep(Vec<Target>),
    /// The store has lost changes: what had ended ends again.
    Heal(Heal),
}

/// What an operation came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What became of each thing that was asked, in the same order.
    pub outcomes: Vec<Outcome>,
    /// What happened, for the log and the metrics.
    pub events: Vec<Event>,
    /// The session that an operator asked for, as it is now.
    pub session: Option<Session>,
    /// The end of the cooldown that a disable started.
    pub cooldown_until: Option<Time>,
}

impl Operation {
    /// The records that the decision needs.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Observe(alerts) => {
                Scope::Targets(alerts.iter().map(|alert| alert.target.clone()).collect())
            }
            Self::Trigger(triggers) => Scope::Targets(
                triggers
                    .iter()
                    .map(|trigger| trigger.target.clone())
                    .collect(),
            ),
            Self::Enable(enable) => Scope::Targets(vec![enable.target.clone()]),
            Self::Disable(disable) => disable.scope(),
            Self::Freeze(freeze) => freeze.scope(),
            Self::Sweep(targets) => Scope::Targets(targets.clone()),
            Self::Heal(heal) => heal.scope(),
        }
    }

    /// Decides on `ledger`; `random` makes the identities of the sessions that it opens.
    pub fn decide(&self, ledger: &mut Ledger, policy: &Policy, random: u128) -> Decision {
        let mut desk = Desk::new(ledger, policy, random);
        desk.decision.events = desk.ledger.lapse(policy);
        match self {
            Self::Observe(alerts) => observe::decide(&mut desk, alerts),
            Self::Trigger(triggers) => count::decide(&mut desk, triggers),
            Self::Enable(enable) => enable::decide(&mut desk, enable),
            Self::Disable(disable) => disable::decide(&mut desk, disable),
            Self::Freeze(freeze) => freeze::decide(&mut desk, freeze),
            Self::Sweep(targets) => sweep::decide(&mut desk, targets),
            Self::Heal(heal) => heal::decide(&mut desk, heal),
        }
        desk.decision
    }

    /// The name in metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Observe(_) => "observe",
            Self::Trigger(_) => "trigger",
            Self::Enable(_) => "enable",
            Self::Disable(_) => "disable",
            Self::Freeze(_) => "freeze",
            Self::Sweep(_) => "sweep",
            Self::Heal(_) => "heal",
        }
    }
}

/// Where a decision is made: what is known, what may be, and what was decided so far.
struct Desk<'ledger> {
    ledger: &'ledger mut Ledger,
    policy: &'ledger Policy,
    now: Time,
    random: u128,
    decision: Decision,
}

impl<'ledger> Desk<'ledger> {
    fn new(ledger: &'ledger mut Ledger, policy: &'ledger Policy, random: u128) -> Self {
        let now = ledger.now();
        Self {
            ledger,
            policy,
            now,
            random,
            decision: Decision::default(),
        }
    }

    fn next_id(&mut self) -> SessionId {
        self.random = self.random.wrapping_add(1);
        SessionId::new(self.now, self.random)
    }

    fn tell(&mut self, event: impl IntoIterator<Item = Event>) {
        self.decision.events.extend(event);
    }
}
