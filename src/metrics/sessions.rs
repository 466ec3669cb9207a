//! What is measured of alerts, error counts and sessions.

use std::time::Duration;

use prometheus::{Gauge, Histogram, IntCounter};

use super::family::{Counters, Families, Gauges};
use super::labels::{AlertOutcome, LimitScope};
use super::seconds;
use crate::domain::event::Ending;
use crate::domain::holder::Source;
use crate::domain::outcome::Guardrail;
use crate::domain::policy::Caps;
use crate::domain::time::Time;

/// From an alert that is delivered at once to one that fired an hour before anybody listened.
const BUCKETS: [f64; 11] = [
    1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0,
];

/// What is measured of alerts, error counts and sessions.
#[derive(Debug)]
pub struct Sessions {
    alerts: Counters<AlertOutcome>,
    detection: Histogram,
    opened: Counters<Source>,
    ended: Counters<Ending>,
    refused: Counters<Guardrail>,
    limits: Gauges<LimitScope>,
    gaps: IntCounter,
    clamped: IntCounter,
    endpoints_dropped: IntCounter,
    errors_counted: IntCounter,
    errors_rejected: IntCounter,
    watchdog: Gauge,
}

impl Sessions {
    pub(super) fn register(families: &Families<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            alerts: families.counters(
                "autolog_alerts_total",
                "Alerts by what became of them.",
                "outcome",
            )?,
            detection: families.histogram(
                "autolog_detection_seconds",
                "Time from an alert's start to its session.",
                &BUCKETS,
            )?,
            opened: families.counters(
                "autolog_sessions_opened_total",
                "Sessions opened, by what opened them.",
                "source",
            )?,
            ended: families.counters(
                "autolog_sessions_ended_total",
                "Sessions ended, by why they ended.",
                "cause",
            )?,
            refused: families.counters(
                "autolog_refused_total",
                "Times a guardrail said no.",
                "guardrail",
            )?,
            limits: families.gauges(
                "autolog_sessions_limit",
                "How many sessions may be live at once.",
                "scope",
            )?,
            gaps: families.counter(
                "autolog_alert_gaps_total",
                "Alerts that fired on while their session had expired: the TTL is too short for the sender's repeat interval.",
            )?,
            clamped: families.counter(
                "autolog_alerts_clamped_total",
                "Alerts whose level or TTL was brought within the bounds.",
            )?,
            endpoints_dropped: families.counter(
                "autolog_alert_endpoints_dropped_total",
                "Alerts whose endpoint was not valid and was left out.",
            )?,
            errors_counted: families.counter(
                "autolog_errors_counted_total",
                "Errors that applications reported and that were counted.",
            )?,
            errors_rejected: families.counter(
                "autolog_errors_rejected_total",
                "Errors that applications reported and that were not counted.",
            )?,
            watchdog: families.instant(
                "autolog_watchdog_last_seen_timestamp_seconds",
                "When the last watchdog webhook came; 0 if none ever did.",
            )?,
        })
    }

    /// Counts alerts by what became of them.
    pub fn alerts(&self, outcome: AlertOutcome, count: u64) {
        self.alerts.add(outcome, count);
    }

    /// Counts a session, and for an alert's session how long it took from the alert's start.
    pub fn opened(&self, source: Source, detection: Option<Duration>) {
        self.opened.count(source);
        if let Some(time) = detection {
            self.detection.observe(time.as_secs_f64());
        }
    }

    /// Counts a session that ended.
    pub fn ended(&self, cause: Ending) {
        self.ended.count(cause);
    }

    /// Counts a guardrail that said no.
    pub fn refused(&self, guardrail: Guardrail) {
        self.refused.count(guardrail);
    }

    /// Shows the limits on live sessions.
    pub fn limits(&self, caps: Caps) {
        let show = |scope, cap: usize| {
            self.limits
                .set(scope, i64::try_from(cap).unwrap_or(i64::MAX));
        };
        show(LimitScope::Sessions, caps.sessions);
        show(LimitScope::SessionsPerApp, caps.sessions_per_app);
        show(LimitScope::Automatic, caps.automatic);
        show(LimitScope::AutomaticPerApp, caps.automatic_per_app);
    }

    /// Counts an alert that fired on while its session had expired.
    pub fn gap(&self) {
        self.gaps.inc();
    }

    /// Counts a level or TTL that an alert asked for and did not get.
    pub fn clamped(&self) {
        self.clamped.inc();
    }

    /// Counts an alert whose endpoint was left out.
    pub fn endpoint_dropped(&self) {
        self.endpoints_dropped.inc();
    }

    /// Counts errors that applications reported.
    pub fn errors(&self, counted: u64, rejected: u64) {
        self.errors_counted.inc_by(counted);
        self.errors_rejected.inc_by(rejected);
    }

    /// Notes that a watchdog webhook came.
    pub fn watchdog_seen(&self, now: Time) {
        self.watchdog.set(seconds(now));
    }
}
