//! One log line and one count per thing that happened to a session.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::event::{Ending, Event};
use crate::domain::holder::{Cause, Holder, Source};
use crate::domain::name::{Endpoint, Operator, Reason};
use crate::domain::outcome::Guardrail;
use crate::domain::policy::Policy;
use crate::domain::session::SessionId;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::metrics::Metrics;

/// Tells what happened: who, what, why, until when.
#[derive(Debug)]
pub(super) struct Journal {
    policy: Arc<Policy>,
    metrics: Arc<Metrics>,
}

impl Journal {
    pub(super) const fn new(policy: Arc<Policy>, metrics: Arc<Metrics>) -> Self {
        Self { policy, metrics }
    }

    pub(super) fn tell(&self, event: &Event, now: Time) {
        match event {
            Event::Opened {
                target,
                session,
                holder,
            } => self.opened(target, *session, holder, now),
            Event::Extended {
                target,
                session,
                holder,
            } => log_held("session extended", target, *session, holder),
            Event::Ended {
                target,
                session,
                at,
                cause,
                by,
            } => {
                self.metrics.sessions.ended(*cause);
                log_ended(target, *session, (*at, *cause), by.as_ref());
            }
            Event::Refused {
                target,
                source,
                guardrail,
                waiting,
                reason,
            } => {
                self.metrics.sessions.refused(*guardrail);
                log_refused(target, *source, (*guardrail, *waiting), reason);
            }
            Event::Gap {
                target,
                reason,
                from,
                to,
            } => self.gap(target, reason, to.since(*from)),
            Event::Frozen {
                frozen,
                by,
                until,
                reason,
            } => log_frozen(*frozen, by, *until, reason),
            Event::Cooldown {
                by,
                until,
                target,
                reason,
            } => log_cooldown(by, *until, target.as_ref(), reason),
        }
    }

    fn opened(&self, target: &Target, session: SessionId, holder: &Holder, now: Time) {
        let detection = match &holder.cause {
            Cause::Alert(alert) if alert.starts_at > Time::default() => {
                Some(now.since(alert.starts_at))
            }
            Cause::Alert(_) | Cause::Others(_) | Cause::Errors | Cause::Operator { .. } => None,
        };
        self.metrics
            .sessions
            .opened(holder.cause.source(), detection);
        log_held("session opened", target, session, holder);
    }

    fn gap(&self, target: &Target, reason: &Reason, gap: Duration) {
        self.metrics.sessions.gap();
        let ttl = self.policy.ttl;
        tracing::warn!(
            app = %target.app,
            environment = %target.environment,
            endpoint = endpoint(target),
            alert = reason.as_str(),
            "an alert fired on while its session had expired: Alertmanager repeats about every {}, AUTOLOG_TTL is {}: \
             raise the TTL or lower repeat_interval",
            humantime::format_duration(whole_seconds(gap + ttl)),
            humantime::format_duration(ttl),
        );
    }
}

fn log_held(message: &str, target: &Target, session: SessionId, holder: &Holder) {
    tracing::info!(
        app = %target.app,
        environment = %target.environment,
        endpoint = endpoint(target),
        session.id = %session,
        source = holder.cause.source().as_str(),
        by = by(&holder.cause),
        reason = reason(&holder.reason),
        session.level = holder.level.as_str(),
        until = %instant(holder.expires_at),
        "{message}"
    );
}

fn log_ended(target: &Target, session: SessionId, how: (Time, Ending), by: Option<&Operator>) {
    let (at, cause) = how;
    tracing::info!(
        app = %target.app,
        environment = %target.environment,
        endpoint = endpoint(target),
        session.id = %session,
        cause = cause.as_str(),
        by = by.map(Operator::as_str),
        at = %instant(at),
        "session ended"
    );
}

fn log_refused(target: &Target, source: Source, how: (Guardrail, bool), why: &Reason) {
    let (guardrail, waiting) = how;
    tracing::warn!(
        app = %target.app,
        environment = %target.environment,
        endpoint = endpoint(target),
        source = source.as_str(),
        guardrail = guardrail.as_str(),
        waiting,
        reason = reason(why),
        "session refused: {}",
        guardrail.explanation()
    );
}

fn log_frozen(frozen: bool, by: &Operator, until: Option<Time>, why: &Reason) {
    let until = until.map(instant);
    let message = if frozen {
        "automatic sources frozen"
    } else {
        "automatic sources released"
    };
    tracing::warn!(
        by = by.as_str(),
        until = until.as_ref().map(tracing::field::display),
        reason = reason(why),
        "{message}"
    );
}

fn log_cooldown(by: &Operator, until: Time, target: Option<&Target>, why: &Reason) {
    tracing::info!(
        app = target.map(|target| target.app.as_str()),
        environment = target.map(|target| target.environment.as_str()),
        endpoint = target.and_then(endpoint),
        by = by.as_str(),
        until = %instant(until),
        reason = reason(why),
        "disabled: automatic sources stay out for a while"
    );
}

fn endpoint(target: &Target) -> Option<&str> {
    target.endpoint.as_ref().map(Endpoint::as_str)
}

fn reason(reason: &Reason) -> Option<&str> {
    (!reason.is_empty()).then(|| reason.as_str())
}

fn by(cause: &Cause) -> Option<&str> {
    match cause {
        Cause::Alert(alert) => Some(alert.fingerprint.as_str()),
        Cause::Operator { name } => Some(name.as_str()),
        Cause::Others(_) | Cause::Errors => None,
    }
}

/// The instant as people write it, or the epoch if it is out of any calendar.
fn instant(time: Time) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default()
}

const fn whole_seconds(length: Duration) -> Duration {
    Duration::from_secs(length.as_secs())
}
