//! Alerts fire and are resolved.

use std::time::Duration;

use super::Desk;
use super::hold::{Claim, worthwhile};
use crate::domain::event::Event;
use crate::domain::holder::{Alerting, Cause, Source};
use crate::domain::name::{Endpoint, Fingerprint, Reason};
use crate::domain::outcome::{Guardrail, Outcome};
use crate::domain::policy::OnResolved;
use crate::domain::record::{Episode, MAX_WAITING, Record, Waiting};
use crate::domain::target::Target;
use crate::domain::time::Time;

/// How long after a resolution a repeat of the same alert does not count, with `linger`: HA peers repeat late.
const LATE_REPEAT: Duration = Duration::from_mins(1);

/// One alert of a message, about one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What goes verbose.
    pub target: Target,
    /// What tells this alert from another.
    pub fingerprint: Fingerprint,
    /// When it began to fire, by its sender's clock.
    pub starts_at: Time,
    /// Whether it fires, or was resolved.
    pub firing: bool,
    /// The TTL it asks for; the default if none. Clamped to the bounds.
    pub ttl: Option<Duration>,
    /// Where it saw the trouble.
    pub endpoint: Option<Endpoint>,
    /// The alert's name.
    pub reason: Reason,
}

impl Alert {
    pub(super) fn episode(&self) -> Episode {
        Episode {
            fingerprint: self.fingerprint.clone(),
            starts_at: self.starts_at,
        }
    }

    pub(super) fn cause(&self) -> Cause {
        Cause::Alert(Alerting {
            fingerprint: self.fingerprint.clone(),
            starts_at: self.starts_at,
            resolved: false,
            endpoint: self.endpoint.clone(),
        })
    }
}

pub(super) fn decide(desk: &mut Desk<'_>, alerts: &[Alert]) {
    for alert in alerts {
        let outcome = if alert.firing {
            desk.fire(alert)
        } else {
            desk.resolve(alert)
        };
        desk.decision.outcomes.push(outcome);
    }
}

impl Desk<'_> {
    /// Opens or renews for a firing alert, or refuses it and lets it wait.
    pub(super) fn fire(&mut self, alert: &Alert) -> Outcome {
        if self.is_late_repeat(alert) {
            return Outcome::Stale;
        }
        if let Some(guardrail) = self.forbids(alert) {
            return self.refuse(alert, guardrail);
        }
        self.tell_gap(alert);
        if let Some(record) = self.existing(&alert.target) {
            record
                .waiting
                .retain(|waiting| waiting.alert.fingerprint != alert.fingerprint);
        }
        self.hold(Claim {
            target: &alert.target,
            cause: alert.cause(),
            ttl: self.ttl(alert),
            reason: &alert.reason,
        })
    }

    fn ttl(&self, alert: &Alert) -> Duration {
        self.policy.clamp_ttl(alert.ttl.unwrap_or(self.policy.ttl))
    }

    fn existing(&mut self, target: &Target) -> Option<&mut Record> {
        let known = self.ledger.record(target).is_some();
        known.then(|| self.ledger.record_mut(target))
    }

    fn is_late_repeat(&self, alert: &Alert) -> bool {
        let lingers = matches!(self.policy.on_resolved, OnResolved::Linger(_));
        let record = self.ledger.record(&alert.target);
        lingers && record.is_some_and(|record| record.is_just_resolved(&alert.episode()))
    }

    /// What forbids the alert to open, to join or to go on holding.
    pub(super) fn forbids(&self, alert: &Alert) -> Option<Guardrail> {
        let record = self.ledger.record(&alert.target);
        let barred =
            record.is_some_and(|record| record.is_barred(Some(&alert.episode()), self.now));
        let full = !self.has_room(&alert.target, &alert.cause());
        self.ledger
            .refusal(&alert.target, Source::Alert, self.policy)
            .or_else(|| barred.then_some(Guardrail::Barred))
            .or_else(|| full.then_some(Guardrail::Holders))
    }

    /// The alert fires on though its holder had expired: the operator should know of the gap.
    fn tell_gap(&mut self, alert: &Alert) {
        let (now, episode) = (self.now, alert.episode());
        let Some(record) = self.existing(&alert.target) else {
            return;
        };
        let known = record
            .expired_firing
            .iter()
            .position(|memory| memory.alert == episode);
        let Some(index) = known else { return };
        let memory = record.expired_firing.remove(index);
        self.tell([Event::Gap {
            target: alert.target.clone(),
            reason: alert.reason.clone(),
            from: memory.at,
            to: now,
        }]);
    }

    fn refuse(&mut self, alert: &Alert, guardrail: Guardrail) -> Outcome {
        let waiting = self.wait(alert, guardrail);
        self.tell([Event::Refused {
            target: alert.target.clone(),
            source: Source::Alert,
            guardrail,
            waiting,
            reason: alert.reason.clone(),
        }]);
        Outcome::Refused { guardrail, waiting }
    }

    /// Keeps a refused alert until what refused it lifts; the configuration's own refusal lifts with a restart only.
    fn wait(&mut self, alert: &Alert, guardrail: Guardrail) -> bool {
        if guardrail == Guardrail::Target || !self.ledger.has_room_for(&alert.target) {
            return false;
        }
        let (now, ttl) = (self.now, self.ttl(alert));
        let waiting = &mut self.ledger.record_mut(&alert.target).waiting;
        let known = waiting
            .iter_mut()
            .find(|waiting| waiting.alert.fingerprint == alert.fingerprint);
        if let Some(known) = known {
            known.alert.starts_at = known.alert.starts_at.max(alert.starts_at);
            known.guardrail = guardrail;
            if (now + ttl).since(known.until) >= worthwhile(ttl) {
                known.until = now + ttl;
            }
            return true;
        }
        if waiting.len() >= MAX_WAITING {
            return false;
        }
        waiting.push(Waiting {
            alert: alert.episode(),
            guardrail,
            since: now,
            until: now + ttl,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            endpoint: alert.endpoint.clone(),
            reason: alert.reason.clone(),
        });
        true
    }

    /// Tells the alert's holder that the alert is over; it never touches another holder.
    fn resolve(&mut self, alert: &Alert) -> Outcome {
        let (now, on_resolved) = (self.now, self.policy.on_resolved);
        if matches!(on_resolved, OnResolved::Linger(_)) && self.ledger.has_room_for(&alert.target) {
            let record = self.ledger.record_mut(&alert.target);
            record.note_resolved(alert.episode(), now, LATE_REPEAT);
        }
        let Some(record) = self.existing(&alert.target) else {
            return Outcome::Unchanged;
        };
        let before = record.waiting.len() + record.expired_firing.len();
        let over = |episode: &Episode| {
            episode.fingerprint == alert.fingerprint && episode.starts_at <= alert.starts_at
        };
        record.waiting.retain(|waiting| !over(&waiting.alert));
        record.expired_firing.retain(|memory| !over(&memory.alert));
        let forgot = record.waiting.len() + record.expired_firing.len() < before;
        let holder = record
            .session
            .as_mut()
            .and_then(|session| session.holder_mut(&alert.cause()));
        let Some(holder) = holder else {
            return if forgot {
                Outcome::Resolved
            } else {
                Outcome::Unchanged
            };
        };
        let Cause::Alert(known) = &mut holder.cause else {
            return Outcome::Unchanged;
        };
        if alert.starts_at < known.starts_at {
            return Outcome::Stale;
        }
        if known.resolved {
            return Outcome::Unchanged;
        }
        known.resolved = true;
        holder.expires_at = ends_when_resolved(holder.expires_at, now, on_resolved);
        Outcome::Resolved
    }
}

fn ends_when_resolved(expires_at: Time, now: Time, on_resolved: OnResolved) -> Time {
    match on_resolved {
        OnResolved::Keep => expires_at,
        OnResolved::Linger(linger) => expires_at.min(now + linger),
    }
}
