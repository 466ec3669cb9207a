//! The reasons why a session is open.

mod written;

use serde::{Deserialize, Serialize};

use super::level::Level;
use super::name::{Endpoint, Fingerprint, Operator, Reason};
use super::record::{Episode, Seen};
use super::time::Time;

use written::WrittenCause;

/// One reason why a session is open; the session lives while any holder lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who holds.
    pub cause: Cause,
    /// How verbose this holder wants the application.
    pub level: Level,
    /// When this holder began; automatic ones may be renewed for a bounded time from here.
    pub started_at: Time,
    /// When this holder ends unless it is renewed.
    pub expires_at: Time,
    /// Why: an operator's words, or an alert's name.
    #[serde(default, skip_serializing_if = "Reason::is_empty")]
    pub reason: Reason,
}

/// Who holds a session open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case", try_from = "WrittenCause")]
pub enum Cause {
    /// An alert that fires, or fired.
    Alert(Alerting),
    /// The alerts beyond those that have a holder of their own.
    Others(Others),
    /// An error window at or over its threshold.
    Errors,
    /// An operator.
    Operator {
        /// The name of the operator's token.
        name: Operator,
    },
}

/// One alert that holds a session open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alerting {
    /// What tells this alert from another.
    pub fingerprint: Fingerprint,
    /// When the alert began to fire, by its sender's clock.
    pub starts_at: Time,
    /// Whether it was resolved since.
    #[serde(skip_serializing_if = "is_false")]
    pub resolved: bool,
    /// Where the alert saw the trouble.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
}

/// The alerts beyond those that have a holder of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Others {
    /// How many different alerts these are; a lower bound past [`Others::REMEMBERED`].
    pub count: u32,
    /// Which alerts these are, so that a repeat is not counted twice.
    #[serde(skip_serializing_if = "Seen::is_empty")]
    pub seen: Seen,
}

impl Others {
    /// How many alerts are told apart.
    pub const REMEMBERED: usize = Seen::MOST;

    /// Counts the alert unless it was counted before; tells whether it is new.
    pub fn add(&mut self, alert: &Episode) -> bool {
        let is_new = self.seen.insert(alert);
        self.count = self.count.saturating_add(u32::from(is_new));
        is_new
    }
}

/// What kind of cause it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// An alert.
    Alert,
    /// An error window.
    Errors,
    /// An operator.
    Operator,
}

impl Source {
    /// Every source, for metrics that start at zero.
    pub const ALL: [Self; 3] = [Self::Alert, Self::Errors, Self::Operator];

    /// The name on the wire and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Errors => "errors",
            Self::Operator => "operator",
        }
    }

    /// Whether no person asked.
    pub const fn is_automatic(self) -> bool {
        match self {
            Self::Alert | Self::Errors => true,
            Self::Operator => false,
        }
    }
}

impl Cause {
    /// What kind of cause it is.
    pub const fn source(&self) -> Source {
        match self {
            Self::Alert(_) | Self::Others(_) => Source::Alert,
            Self::Errors => Source::Errors,
            Self::Operator { .. } => Source::Operator,
        }
    }

    /// Whether both are the same holder, whatever its times.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Alert(one), Self::Alert(two)) => one.fingerprint == two.fingerprint,
            (Self::Operator { name: one }, Self::Operator { name: two }) => one == two,
            (Self::Others(_), Self::Others(_)) | (Self::Errors, Self::Errors) => true,
            (Self::Alert(_) | Self::Others(_) | Self::Errors | Self::Operator { .. }, _) => false,
        }
    }
}

impl Holder {
    /// Whether it still holds at `now`.
    pub fn is_live(&self, now: Time) -> bool {
        now < self.expires_at
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
