//! The last alerts that opened nothing, for `explain`.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::event::Event;
use crate::domain::holder::Source;
use crate::domain::name::{App, Endpoint, Environment, Reason};
use crate::domain::outcome::Guardrail;
use crate::domain::target::Place;
use crate::domain::time::Time;

/// How many are remembered in all, at this replica.
const REMEMBERED: usize = 1_000;
/// How many `explain` shows.
const SHOWN: usize = 20;
/// An error window that is refused is refused at every flush: it is told of once in this time.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// Something that asked for a session and got none.
#[derive(Clone, Debug)]
pub struct Refused {
    /// When.
    pub at: Time,
    /// Which application should have gone verbose, if that could be told.
    pub app: Option<App>,
    /// In which environment, if that could be told.
    pub environment: Option<Environment>,
    /// At which endpoint, if only there.
    pub endpoint: Option<Endpoint>,
    /// Who asked.
    pub source: Source,
    /// Why it was refused.
    pub why: Refusal,
    /// The alert's name, or an operator's words.
    pub reason: Reason,
}

/// Why something that asked for a session got none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A guardrail said no.
    Guardrail(Guardrail),
    /// The alert names no application or no environment.
    Unmapped,
    /// The alert has no usable form, or a name that is none.
    Invalid,
}

/// The last alerts that opened nothing.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    last: Mutex<VecDeque<Refused>>,
}

impl Refused {
    /// The refusal that `event` tells of, if it does.
    pub(super) fn of(event: &Event, at: Time) -> Option<Self> {
        let Event::Refused {
            target,
            source,
            guardrail,
            reason,
            ..
        } = event
        else {
            return None;
        };
        Some(Self {
            at,
            app: Some(target.app.clone()),
            environment: Some(target.environment.clone()),
            endpoint: target.endpoint.clone(),
            source: *source,
            why: Refusal::Guardrail(*guardrail),
            reason: reason.clone(),
        })
    }

    /// Whether this is what another flush of the same error window came to a moment ago.
    fn repeats(&self, earlier: &Self) -> bool {
        self.source == Source::Errors
            && earlier.source == Source::Errors
            && self.at.since(earlier.at) < TOLD_EVERY
            && (&self.app, &self.environment, &self.endpoint)
                == (&earlier.app, &earlier.environment, &earlier.endpoint)
            && self.why == earlier.why
    }
}

impl Refusals {
    /// Remembers a refusal; tells whether it is worth telling of.
    pub(super) fn note(&self, refused: Refused) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.iter().any(|earlier| refused.repeats(earlier)) {
            return false;
        }
        if last.len() >= REMEMBERED {
            last.pop_front();
        }
        last.push_back(refused);
        true
    }

    /// The last ones of `place`, as far as they tell what they are about, the newest first.
    pub(super) fn of(&self, place: &Place) -> Vec<Refused> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let concerns = |refused: &&Refused| {
            let (app, environment) = (refused.app.as_ref(), refused.environment.as_ref());
            app.is_none_or(|app| *app == place.app)
                && environment.is_none_or(|environment| *environment == place.environment)
        };
        last.iter()
            .rev()
            .filter(concerns)
            .take(SHOWN)
            .cloned()
            .collect()
    }
}
