//! What is kept per target: its session while one is open, and what outlives it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::{Ending, Event};
use super::holder::{Cause, Holder};
use super::name::{Endpoint, Operator, Reason};
use super::outcome::Guardrail;
use super::policy::{OnResolved, Policy};
use super::session::Session;
use super::target::Target;
use super::time::Time;

mod barred;
mod episode;
mod seen;
mod size;

pub use barred::{Barred, BarredOthers};
pub use episode::Episode;
pub use seen::Seen;

/// The most alerts that wait in one record, and the most that are barred.
pub const MAX_WAITING: usize = 32;
/// The most remembered gaps, and the most remembered resolutions.
pub const MAX_MEMORIES: usize = 16;
/// How long it is remembered that a holder expired while its alert fired.
///
/// Longer than Alertmanager usually waits before it repeats an alert (`repeat_interval`, by default 4 h).
const GAP_REMEMBERED: Duration = Duration::from_hours(13);

/// What is kept per target: its session while one is open, and what outlives it until that has lapsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it is about.
    pub target: Target,
    /// The session, if one is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// Until when automatic sources may not open this target; an app-wide record speaks for its endpoints too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown_until: Option<Time>,
    /// Until when a wider cooldown does not count here, since an operator enabled this very target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt_until: Option<Time>,
    /// Automatic causes that have held as long as they may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barred: Vec<Barred>,
    /// The alerts that have shared a holder as long as they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barred_others: Option<Box<BarredOthers>>,
    /// Refused alerts that open when what refused them lifts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// Alerts that were never resolved when their holder expired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expired_firing: Vec<Memory>,
    /// Alerts resolved a moment ago, whose late repeats do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<Memory>,
}

/// A refused alert that opens when what refused it lifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Which alert.
    pub alert: Episode,
    /// What refused it last.
    pub guardrail: Guardrail,
    /// When it was refused first.
    pub since: Time,
    /// When it stops waiting: one TTL after it was seen last.
    pub until: Time,
    /// The TTL its holder will get, in milliseconds.
    pub ttl_ms: u64,
    /// Where the alert saw the trouble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// The alert's name.
    #[serde(default, skip_serializing_if = "Reason::is_empty")]
    pub reason: Reason,
}

/// Something worth remembering of one alert for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Which alert.
    pub alert: Episode,
    /// When it happened.
    pub at: Time,
    /// When it may be forgotten.
    pub until: Time,
}

impl Record {
    /// A record of nothing yet.
    pub const fn new(target: Target) -> Self {
        Self {
            target,
            session: None,
            cooldown_until: None,
            exempt_until: None,
            barred: Vec::new(),
            barred_others: None,
            waiting: Vec::new(),
            expired_firing: Vec::new(),
            resolved: Vec::new(),
        }
    }

    /// Whether there is nothing left worth keeping.
    pub const fn is_empty(&self) -> bool {
        self.session.is_none()
            && self.cooldown_until.is_none()
            && self.exempt_until.is_none()
            && self.barred.is_empty()
            && self.barred_others.is_none()
            && self.waiting.is_empty()
            && self.expired_firing.is_empty()
            && self.resolved.is_empty()
    }

    /// Ends and forgets what has lapsed at `now`, and tells what ended.
    pub fn lapse(&mut self, now: Time, policy: &Policy) -> Option<Event> {
        let ended = self.lapse_holders(now, policy);
        self.cooldown_until = self.cooldown_until.filter(|until| now < *until);
        self.exempt_until = self.exempt_until.filter(|until| now < *until);
        self.barred.retain(|barred| now < barred.until);
        self.barred_others.take_if(|barred| barred.until <= now);
        self.waiting.retain(|waiting| now < waiting.until);
        self.expired_firing.retain(|memory| now < memory.until);
        self.resolved.retain(|memory| now < memory.until);
        ended
    }

    /// The first instant at which [`Self::lapse`] has something to do.
    pub fn lapses_at(&self) -> Option<Time> {
        let sessions = self.session.iter();
        let empty = sessions.clone().filter(|it| it.holders.is_empty());
        let holders = sessions.flat_map(|session| &session.holders);
        holders
            .map(|holder| holder.expires_at)
            .chain(empty.map(|_| Time::default()))
            .chain(self.cooldown_until)
            .chain(self.exempt_until)
            .chain(self.barred.iter().map(|barred| barred.until))
            .chain(self.barred_others.iter().map(|barred| barred.until))
            .chain(self.waiting.iter().map(|waiting| waiting.until))
            .chain(self.expired_firing.iter().map(|memory| memory.until))
            .chain(self.resolved.iter().map(|memory| memory.until))
            .min()
    }

    /// Ends every holder that began at or before `began_by`; tells of the session's end if none is left.
    pub fn end_holders(
        &mut self,
        now: Time,
        began_by: Option<Time>,
        cause: Ending,
        by: &Operator,
    ) -> Option<Event> {
        let session = self.session.as_mut()?;
        let begun_later =
            |holder: &Holder| began_by.is_some_and(|instant| instant < holder.started_at);
        session.holders.retain(begun_later);
        if !session.holders.is_empty() {
            return None;
        }
        let id = session.id;
        self.session = None;
        Some(Event::Ended {
            target: self.target.clone(),
            session: id,
            at: now,
            cause,
            by: Some(by.clone()),
        })
    }

    /// Whether an operator enabled it after `since`: that is the newer word.
    pub fn is_enabled_since(&self, since: Time) -> bool {
        let mut holders = self.session.iter().flat_map(|session| &session.holders);
        holders.any(|holder| !holder.cause.source().is_automatic() && since < holder.started_at)
    }

    /// Whether the alert, or the error window if none is given, has held as long as it may.
    pub fn is_barred(&self, alert: Option<&Episode>, now: Time) -> bool {
        let itself = self.barred.iter().any(|barred| barred.bars(alert, now));
        let others = self.barred_others.as_ref();
        itself || others.is_some_and(|barred| barred.bars(alert, now))
    }

    fn lapse_holders(&mut self, now: Time, policy: &Policy) -> Option<Event> {
        let session = self.session.as_mut()?;
        let id = session.id;
        let mut lapsed: Vec<Holder> = Vec::new();
        session.holders.retain(|holder| {
            let live = holder.is_live(now);
            if !live {
                lapsed.push(holder.clone());
            }
            live
        });
        let over = session.holders.is_empty();
        if over {
            self.session = None;
        }
        let mut last = None;
        lapsed.sort_by_key(|holder| holder.expires_at);
        for holder in &lapsed {
            last = Some((holder.expires_at, self.remember(holder, policy)));
        }
        let (at, cause) = last.filter(|_| over)?;
        Some(Event::Ended {
            target: self.target.clone(),
            session: id,
            at,
            cause,
            by: None,
        })
    }

    /// Keeps what must be known of a holder that has lapsed, and tells why it did.
    fn remember(&mut self, holder: &Holder, policy: &Policy) -> Ending {
        let used_up = holder.expires_at >= holder.started_at + policy.max_session;
        let until = holder.expires_at + policy.max_session;
        match &holder.cause {
            Cause::Alert(alert) if used_up && !alert.resolved => {
                self.bar(Some(alert.episode()), until);
                Ending::MaxSession
            }
            Cause::Alert(alert) if alert.resolved => match policy.on_resolved {
                OnResolved::Linger(_) => Ending::Resolved,
                OnResolved::Keep => Ending::Expired,
            },
            Cause::Alert(alert) => {
                let memory = Memory {
                    alert: alert.episode(),
                    at: holder.expires_at,
                    until: holder.expires_at + GAP_REMEMBERED,
                };
                push_bounded(&mut self.expired_firing, memory, MAX_MEMORIES);
                Ending::ExpiredFiring
            }
            Cause::Errors if used_up => {
                self.bar(None, until);
                Ending::MaxSession
            }
            Cause::Others(others) if used_up => {
                self.barred_others = Some(Box::new(BarredOthers {
                    seen: others.seen.clone(),
                    from: holder.expires_at,
                    until,
                }));
                Ending::MaxSession
            }
            Cause::Errors | Cause::Others(_) | Cause::Operator { .. } => Ending::Expired,
        }
    }

    fn bar(&mut self, alert: Option<Episode>, until: Time) {
        self.barred.retain(|barred| barred.alert != alert);
        push_bounded(&mut self.barred, Barred { alert, until }, MAX_WAITING);
    }

    /// Remembers for `length` that the alert was resolved at `now`; a repeat does not prolong that.
    pub fn note_resolved(&mut self, alert: Episode, now: Time, length: Duration) {
        if self.is_just_resolved(&alert) {
            return;
        }
        let memory = Memory {
            alert,
            at: now,
            until: now + length,
        };
        push_bounded(&mut self.resolved, memory, MAX_MEMORIES);
    }

    /// Whether the alert was resolved a moment ago, as far as that is remembered.
    pub fn is_just_resolved(&self, alert: &Episode) -> bool {
        self.resolved.iter().any(|memory| memory.alert == *alert)
    }
}

/// Appends to a short list, which forgets its oldest entry when it is full.
fn push_bounded<T>(list: &mut Vec<T>, entry: T, most: usize) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(entry);
}
