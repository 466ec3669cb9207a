//! What is measured of connections and requests.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
};

use super::family::{Counters, Families};
use super::labels::{
    CheckResult, Label, Method, Refusal, Route, Status, WebhookOutcome, WebhookType,
};

/// From half a millisecond, a slow answer from memory, to the ten seconds a body may take.
const BUCKETS: [f64; 12] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0,
];

/// What is measured of connections and requests.
#[derive(Debug)]
pub struct Requests {
    durations: HistogramVec,
    check: Histogram,
    check_not_modified: Histogram,
    refused: Counters<Refusal>,
    connections: IntGauge,
    watchers: IntGauge,
    panics: IntCounter,
    checks: Counters<CheckResult>,
    webhooks: IntCounterVec,
    webhook_duration: Histogram,
}

impl Requests {
    pub(super) fn register(families: &Families<'_>) -> Result<Self, prometheus::Error> {
        let durations = durations(families)?;
        let check = |status: Status| {
            durations.get_metric_with_label_values(&[
                Route::Check.as_str(),
                Method::Get.as_str(),
                status.as_str(),
            ])
        };
        Ok(Self {
            check: check(Status::Ok)?,
            check_not_modified: check(Status::NotModified)?,
            durations,
            refused: families.counters(
                "autolog_http_refused_total",
                "Connections and requests that were refused before they reached a handler.",
                "reason",
            )?,
            connections: families.gauge(
                "autolog_http_connections",
                "Connections that are open on both listeners.",
            )?,
            watchers: families.gauge("autolog_watchers", "Streams of watch that are open.")?,
            panics: families.counter(
                "autolog_http_panics_total",
                "Requests whose handler panicked; each was answered 500.",
            )?,
            checks: families.counters(
                "autolog_check_requests_total",
                "Polls by what they were answered.",
                "result",
            )?,
            webhooks: webhooks(families)?,
            webhook_duration: families.histogram(
                "autolog_webhook_duration_seconds",
                "Time from a webhook's head to its answer.",
                &BUCKETS,
            )?,
        })
    }

    /// Records an answered request, or one whose client left.
    pub fn answered(&self, route: Route, method: Method, status: Status, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        match (route, method, status) {
            (Route::Check, Method::Get, Status::Ok) => self.check.observe(seconds),
            (Route::Check, Method::Get, Status::NotModified) => {
                self.check_not_modified.observe(seconds);
            }
            _ => {
                let values = [route.as_str(), method.as_str(), status.as_str()];
                if let Ok(histogram) = self.durations.get_metric_with_label_values(&values) {
                    histogram.observe(seconds);
                }
            }
        }
    }

    /// Records what became of a webhook.
    pub fn webhook(&self, kind: WebhookType, outcome: WebhookOutcome, elapsed: Duration) {
        let values = [kind.as_str(), outcome.as_str()];
        if let Ok(counter) = self.webhooks.get_metric_with_label_values(&values) {
            counter.inc();
        }
        self.webhook_duration.observe(elapsed.as_secs_f64());
    }

    /// Counts a connection or request that was refused.
    pub fn refused(&self, reason: Refusal) {
        self.refused.count(reason);
    }

    /// Counts a poll.
    pub fn check(&self, result: CheckResult) {
        self.checks.count(result);
    }

    /// Counts a handler that panicked.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// Counts a connection in, until the guard is dropped.
    pub fn connected(&self) -> Held {
        Held::new(&self.connections)
    }

    /// Counts a watcher in, until the guard is dropped.
    pub fn watching(&self) -> Held {
        Held::new(&self.watchers)
    }
}

/// One more in a gauge, until it is dropped.
#[derive(Debug)]
pub struct Held(IntGauge);

impl Held {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Registers the durations; the answers that every route may give are there from the start.
fn durations(families: &Families<'_>) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(
        "autolog_http_request_duration_seconds",
        "Time from a request's head to its answer's head; status 499 means that the client left.",
    )
    .buckets(BUCKETS.to_vec());
    let family = families.register(HistogramVec::new(options, &["route", "method", "status"])?)?;
    for route in Route::ALL {
        let (method, status) = match route {
            Route::Enable | Route::Disable | Route::Freeze | Route::Webhook => {
                (Method::Post, Status::Ok)
            }
            Route::Errors => (Method::Post, Status::Accepted),
            Route::Unknown => (Method::Get, Status::NotFound),
            Route::Check
            | Route::List
            | Route::Explain
            | Route::Watch
            | Route::OpenApi
            | Route::Metrics
            | Route::Livez
            | Route::Readyz
            | Route::Healthz => (Method::Get, Status::Ok),
        };
        let values = [route.as_str(), method.as_str(), status.as_str()];
        family.get_metric_with_label_values(&values)?;
    }
    Ok(family)
}

fn webhooks(families: &Families<'_>) -> Result<IntCounterVec, prometheus::Error> {
    let options = Opts::new(
        "autolog_webhook_requests_total",
        "Webhooks by the type in their path and by what became of them.",
    );
    let family = families.register(IntCounterVec::new(options, &["type", "outcome"])?)?;
    for kind in WebhookType::ALL {
        for outcome in WebhookOutcome::ALL {
            family.get_metric_with_label_values(&[kind.as_str(), outcome.as_str()])?;
        }
    }
    Ok(family)
}
