//! What is written down of a request: its span, its metrics, and a line for what went wrong or took long.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use tokio::time::Instant;
use tracing::Span;
use tracing::field::Empty;

use super::error::ApiError;
use super::extract::WebhookPath;
use super::route::{Method, Route};
use super::trace::TraceParent;
use crate::metrics::Metrics;
use crate::metrics::labels::{CheckResult, Refusal, Status, WebhookOutcome, WebhookType};
use crate::telemetry::Chain;

/// A request that takes longer than this gets a line in the log.
const SLOW: Duration = Duration::from_secs(1);

/// A request in progress; dropped before its end, it is one whose client left.
pub(super) struct Observation {
    pub(super) route: Route,
    pub(super) method: Method,
    pub(super) begun: Instant,
    /// Ties the log lines of the request together; none for what is asked too often.
    pub(super) span: Span,
    webhook: WebhookType,
    metrics: Arc<Metrics>,
    status: Status,
}

impl Observation {
    pub(super) fn begin<B>(metrics: &Arc<Metrics>, request: &Request<B>, id: &HeaderValue) -> Self {
        let path = request.uri().path();
        let (route, method) = (Route::of(path), Method::from(request.method()));
        Self {
            route,
            method,
            span: if route.is_quiet() {
                Span::none()
            } else {
                span((route, method), id, request.headers())
            },
            begun: Instant::now(),
            webhook: if route == Route::Webhook {
                WebhookPath::of(path).0
            } else {
                WebhookType::Other
            },
            metrics: Arc::clone(metrics),
            status: Status::ClientGone,
        }
    }

    /// Notes the status the request is answered with, and a slow answer.
    pub(super) fn end(&mut self, status: StatusCode) {
        self.status = Status::of(status.as_u16());
        let elapsed = self.begun.elapsed();
        if elapsed > SLOW && !self.route.is_quiet() {
            let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            self.span
                .in_scope(|| tracing::warn!(status = status.as_u16(), milliseconds, "slow answer"));
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let elapsed = self.begun.elapsed();
        let requests = &self.metrics.requests;
        requests.answered(self.route, self.method, self.status, elapsed);
        if self.route == Route::Webhook && self.method == Method::Post {
            requests.webhook(self.webhook, WebhookOutcome::from(self.status), elapsed);
        }
    }
}

/// The span that ties the log lines of a request together and to the caller's trace.
fn span((route, method): (Route, Method), id: &HeaderValue, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        "request",
        request_id = id.to_str().unwrap_or_default(),
        method = method.as_str(),
        route = route.as_str(),
        trace_id = Empty,
        span_id = Empty,
    );
    if let Some(parent) = TraceParent::of(headers) {
        span.record("trace_id", parent.trace_id);
        span.record("span_id", parent.span_id);
    }
    span
}

/// Counts a request that was refused.
pub(super) fn refusal(metrics: &Metrics, request: &Observation, error: &ApiError) {
    if let Some(reason) = reason(request.route, error) {
        metrics.requests.refused(reason);
    }
    if request.route == Route::Check {
        let not_synced = matches!(error, ApiError::NotSynced);
        metrics.requests.check(if not_synced {
            CheckResult::NotSynced
        } else {
            CheckResult::Rejected
        });
    }
}

fn reason(route: Route, error: &ApiError) -> Option<Refusal> {
    if matches!(error, ApiError::SlowBody | ApiError::SlowWebhook) {
        Some(Refusal::SlowBody)
    } else if matches!(error, ApiError::BodyTooLarge { .. }) {
        Some(Refusal::BodyTooLarge)
    } else if matches!(error, ApiError::TooManyWrongSecrets { .. }) {
        Some(Refusal::WrongSecrets)
    } else if matches!(error, ApiError::Overloaded) && route == Route::Watch {
        Some(Refusal::Watchers)
    } else if matches!(error, ApiError::Overloaded) && route == Route::Webhook {
        Some(Refusal::Webhooks)
    } else {
        None
    }
}

/// Logs an error that is ours, once and with what caused it.
pub(super) fn log(request: &Observation, id: &HeaderValue, error: &ApiError) {
    let status = error.status();
    let (code, cause) = (error.code(), Chain(error));
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        let request_id = id.to_str().unwrap_or_default();
        let (method, route) = (request.method.as_str(), request.route.as_str());
        request.span.in_scope(
            || tracing::error!(code, %cause, request_id, method, route, "request failed"),
        );
    } else if status.is_server_error() && !request.route.is_quiet() {
        let status = status.as_u16();
        request
            .span
            .in_scope(|| tracing::warn!(status, code, %cause, "request not served"));
    }
}
