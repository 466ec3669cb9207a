//! What happened to sessions, for the log and the metrics.

use serde::{Deserialize, Serialize};

use super::holder::{Holder, Source};
use super::name::{Operator, Reason};
use super::outcome::Guardrail;
use super::session::SessionId;
use super::target::Target;
use super::time::Time;

/// One thing that happened to a session or to all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A session was opened.
    Opened {
        /// What goes verbose.
        target: Target,
        /// The session.
        session: SessionId,
        /// Who opened it, why and until when.
        holder: Holder,
    },
    /// An open session got a holder, or one of its holders was renewed.
    Extended {
        /// What is verbose.
        target: Target,
        /// The session.
        session: SessionId,
        /// Who holds it, why and until when.
        holder: Holder,
    },
    /// A session ended.
    Ended {
        /// What was verbose.
        target: Target,
        /// The session.
        session: SessionId,
        /// When it ended, which may be before this was noticed.
        at: Time,
        /// Why it ended.
        cause: Ending,
        /// Who ended it, if a person did.
        by: Option<Operator>,
    },
    /// A guardrail said no.
    Refused {
        /// What should have gone verbose.
        target: Target,
        /// Who asked.
        source: Source,
        /// Which guardrail.
        guardrail: Guardrail,
        /// Whether the alert is kept and opens when the guardrail lifts.
        waiting: bool,
        /// Why it was asked.
        reason: Reason,
    },
    /// An alert fires on after its holder had expired: verbose logging had a gap.
    Gap {
        /// What was not verbose meanwhile.
        target: Target,
        /// The alert's name.
        reason: Reason,
        /// When its holder had expired.
        from: Time,
        /// When it came again.
        to: Time,
    },
    /// Operators stopped or released automatic sources.
    Frozen {
        /// Whether they are stopped now.
        frozen: bool,
        /// Who did it.
        by: Operator,
        /// Until when.
        until: Option<Time>,
        /// Why.
        reason: Reason,
    },
    /// A disable keeps automatic sources out for a while.
    Cooldown {
        /// Who disabled.
        by: Operator,
        /// Until when.
        until: Time,
        /// Of one target, or of everything.
        target: Option<Target>,
        /// Why.
        reason: Reason,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its last holder's time was up.
    Expired,
    /// Its last holder's time was up while the alert was never resolved.
    ExpiredFiring,
    /// Its last holder had been renewed as long as it may.
    MaxSession,
    /// Its last alert was resolved, and the linger is over.
    Resolved,
    /// An operator disabled it.
    Disabled,
    /// An operator froze automatic sources and ended the sessions.
    Frozen,
    /// It had ended before, and came back when the store lost changes.
    Healed,
}

impl Ending {
    /// Every ending, for metrics that start at zero.
    pub const ALL: [Self; 7] = [
        Self::Expired,
        Self::ExpiredFiring,
        Self::MaxSession,
        Self::Resolved,
        Self::Disabled,
        Self::Frozen,
        Self::Healed,
    ];

    /// The name in metrics and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::ExpiredFiring => "expired_firing",
            Self::MaxSession => "max_session",
            Self::Resolved => "resolved",
            Self::Disabled => "disabled",
            Self::Frozen => "frozen",
            Self::Healed => "healed",
        }
    }
}
