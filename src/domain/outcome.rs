//! What became of one thing that was asked.

use serde::{Deserialize, Serialize};

/// What became of one alert, one trigger or one enable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A session was opened.
    Opened,
    /// A holder was added to an open session, or renewed.
    Extended,
    /// It changed nothing worth writing.
    Unchanged,
    /// The alert's holder was told that the alert is over.
    Resolved,
    /// It is older than what is known already.
    Stale,
    /// A guardrail said no.
    Refused {
        /// Which one.
        guardrail: Guardrail,
        /// Whether the alert is kept and opens when the guardrail lifts.
        waiting: bool,
    },
}

/// A limit that may say no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guardrail {
    /// The configuration does not let this target go verbose.
    Target,
    /// Automatic sources are frozen.
    Frozen,
    /// An operator disabled the target a short while ago.
    Cooldown,
    /// This alert or error window has held DEBUG as long as it may.
    Barred,
    /// Too many sessions are live.
    Sessions,
    /// Too many sessions of this application are live.
    SessionsPerApp,
    /// Too many automatic sessions are live.
    Automatic,
    /// Too many automatic sessions of this application are live.
    AutomaticPerApp,
    /// Too many operators hold this session.
    Holders,
}

impl Guardrail {
    /// Every guardrail, for metrics that start at zero.
    pub const ALL: [Self; 9] = [
        Self::Target,
        Self::Frozen,
        Self::Cooldown,
        Self::Barred,
        Self::Sessions,
        Self::SessionsPerApp,
        Self::Automatic,
        Self::AutomaticPerApp,
        Self::Holders,
    ];

    /// The name on the wire and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Frozen => "frozen",
            Self::Cooldown => "cooldown",
            Self::Barred => "barred",
            Self::Sessions => "sessions",
            Self::SessionsPerApp => "sessions_per_app",
            Self::Automatic => "automatic",
            Self::AutomaticPerApp => "automatic_per_app",
            Self::Holders => "holders",
        }
    }

    /// What it says, in words for a person.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Target => "the configuration does not let this target go verbose",
            Self::Frozen => "automatic sources are frozen",
            Self::Cooldown => "an operator disabled the target a short while ago",
            Self::Barred => "this alert has held the session as long as one alert may",
            Self::Sessions => "as many sessions are live as may be",
            Self::SessionsPerApp => "as many sessions of this application are live as may be",
            Self::Automatic => "as many automatic sessions are live as may be",
            Self::AutomaticPerApp => {
                "as many automatic sessions of this application are live as may be"
            }
            Self::Holders => "as many operators hold this session as may be",
        }
    }
}
