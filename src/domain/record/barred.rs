//! What has held a session open as long as it may.

use serde::{Deserialize, Serialize};

use super::Episode;
use crate::domain::holder::Others;
use crate::domain::time::Time;

/// An automatic cause that has held as long as it may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barred {
    /// The alert that is barred, or none if it is the error window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Episode>,
    /// When it may open again.
    pub until: Time,
}

impl Barred {
    pub(super) fn bars(&self, alert: Option<&Episode>, now: Time) -> bool {
        now < self.until && self.alert.as_ref() == alert
    }
}

/// The alerts that have shared a holder as long as they may.
///
/// There is never more than one such crowd: the next one can only have held as long when this one may open again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarredOthers {
    /// Short hashes of their episodes, as in [`Others::seen`].
    pub seen: Vec<u32>,
    /// When they had held as long as they may.
    pub from: Time,
    /// When they may open again.
    pub until: Time,
}

impl BarredOthers {
    /// Whether the alert is one of them; if they were too many to be told apart, whatever fired before is.
    pub(super) fn bars(&self, alert: Option<&Episode>, now: Time) -> bool {
        let are_uncounted = self.seen.len() >= Others::REMEMBERED;
        let is_one = |alert: &Episode| {
            self.seen.contains(&alert.short_hash())
                || (are_uncounted && alert.starts_at <= self.from)
        };
        now < self.until && alert.is_some_and(is_one)
    }
}
