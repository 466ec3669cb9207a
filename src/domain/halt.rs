//! What stops automatic sources everywhere: the freeze and the cooldown after a disable of everything.

use serde::{Deserialize, Serialize};

use super::name::{Operator, Reason};
use super::time::Time;

/// What stops automatic sources everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// The operators' kill switch, while it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
    /// The end of the cooldown that a disable of everything started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown_until: Option<Time>,
}

/// The operators' kill switch: no automatic open and no automatic renewal until it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Who froze.
    pub by: Operator,
    /// Why.
    #[serde(default, skip_serializing_if = "Reason::is_empty")]
    pub reason: Reason,
    /// When it began.
    pub since: Time,
    /// When it ends by itself.
    pub until: Time,
}

impl Halt {
    /// The freeze in force at `now`.
    pub fn freeze(&self, now: Time) -> Option<&Freeze> {
        self.freeze.as_ref().filter(|freeze| now < freeze.until)
    }

    /// The end of the cooldown in force at `now`.
    pub fn cooldown(&self, now: Time) -> Option<Time> {
        self.cooldown_until.filter(|until| now < *until)
    }
}
