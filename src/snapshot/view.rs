//! One application in one environment, as `check` sees it.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use sha2::{Digest, Sha256};

use crate::domain::level::Level;
use crate::domain::name::Endpoint;
use crate::domain::record::Record;
use crate::domain::session::SessionId;
use crate::domain::time::Time;

/// The sessions of one application in one environment.
#[derive(Debug)]
pub struct View {
    /// Those that have a session.
    records: Box<[Arc<Record>]>,
    /// What was shown last, which is valid until a holder ends.
    shown: RwLock<Option<Arc<Shown>>>,
}

/// What is granted at one instant, and until it changes by time alone.
#[derive(Debug, Default)]
pub struct Shown {
    /// The first 16 hex digits of a hash over everything below: equal on every replica.
    pub revision: String,
    /// The app-wide session, if one is live.
    pub whole: Option<ShownSession>,
    /// Live sessions of single endpoints, by endpoint.
    pub endpoints: Vec<(Endpoint, ShownSession)>,
    /// From when this is no longer true; none if nothing is granted.
    pub valid_until: Option<Time>,
    /// The part of an answer that only changes with the revision: written once, for all polls.
    written: OnceLock<Box<str>>,
}

/// What one session grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownSession {
    /// The session.
    pub id: SessionId,
    /// How verbose.
    pub level: Level,
    /// Until when at this level.
    pub until: Time,
}

impl View {
    pub(super) fn of<'book>(records: impl Iterator<Item = &'book Arc<Record>>) -> Self {
        let open = records.filter(|record| record.session.is_some());
        Self {
            records: open.cloned().collect(),
            shown: RwLock::default(),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What is granted at `now`.
    pub fn shown(&self, now: Time) -> Arc<Shown> {
        let known = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = &*known
            && shown.valid_until.is_none_or(|until| now < until)
        {
            return Arc::clone(shown);
        }
        drop(known);
        let fresh = Arc::new(Shown::of(&self.records, now));
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&fresh));
        fresh
    }
}

impl Shown {
    /// What is shown where nothing was ever granted.
    pub fn nothing() -> Self {
        Self::of(&[], Time::default())
    }

    fn of(records: &[Arc<Record>], now: Time) -> Self {
        let mut shown = Self::default();
        let mut canonical = String::new();
        for record in records {
            let Some(session) = &record.session else {
                continue;
            };
            let Some(grant) = session.grant(now) else {
                continue;
            };
            let endpoint = &record.target.endpoint;
            let changes_at = shown.valid_until.unwrap_or(grant.changes_at);
            shown.valid_until = Some(changes_at.min(grant.changes_at));
            let granted = ShownSession {
                id: session.id,
                level: grant.level,
                until: grant.until,
            };
            write_canonical(&mut canonical, endpoint.as_ref(), &granted);
            match endpoint {
                Some(endpoint) => shown.endpoints.push((endpoint.clone(), granted)),
                None => shown.whole = Some(granted),
            }
        }
        shown.revision = revision(&canonical);
        shown
    }

    /// The part of an answer that only changes with the revision, as `write` makes it, which the first poll calls.
    pub fn written(&self, write: impl FnOnce() -> String) -> &str {
        self.written.get_or_init(|| write().into_boxed_str())
    }

    /// The session that answers a poll: the app-wide one, or the one of the endpoint asked for.
    pub fn session(&self, endpoint: Option<&str>) -> Option<ShownSession> {
        let of_endpoint = endpoint.and_then(|asked| {
            let mut endpoints = self.endpoints.iter();
            endpoints.find(|(endpoint, _)| endpoint.as_str() == asked)
        });
        let of_endpoint = of_endpoint.map(|(_, session)| *session);
        match (self.whole, of_endpoint) {
            (Some(whole), Some(narrow)) if narrow.rank() > whole.rank() => Some(narrow),
            (whole, narrow) => whole.or(narrow),
        }
    }
}

impl ShownSession {
    /// The more verbose, then the longer, is the better answer.
    const fn rank(&self) -> (Level, i64) {
        (self.level, self.until.as_millis())
    }
}

fn write_canonical(canonical: &mut String, endpoint: Option<&Endpoint>, granted: &ShownSession) {
    let endpoint = endpoint.map_or("", |endpoint| endpoint.as_str());
    let (id, level, until) = (
        granted.id,
        granted.level.as_str(),
        granted.until.as_millis(),
    );
    let written = writeln!(canonical, "{endpoint} {id} {level} {until}");
    debug_assert!(written.is_ok(), "a string takes everything");
}

/// The first 16 hex digits of SHA-256.
fn revision(canonical: &str) -> String {
    let digest = Sha256::digest(canonical.as_bytes());
    let head = digest.first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(head))
}

#[cfg(test)]
mod tests;
