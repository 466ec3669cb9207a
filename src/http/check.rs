//! `GET /api/autolog/check`: an application asks how verbose it should be.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::auth::Poller;
use super::error::ApiError;
use super::extract::{IfNoneMatch, Params};
use super::wire::{instant, whole_seconds};
use crate::control::Control;
use crate::domain::level::Level;
use crate::domain::name::{App, Endpoint, Environment};
use crate::domain::session::SessionId;
use crate::domain::time::Time;
use crate::metrics::labels::CheckResult;
use crate::snapshot::{Shown, ShownSession};

/// Marks answers of a replica that lost its store a while ago.
const AUTOLOG_STALE: HeaderName = HeaderName::from_static("autolog-stale");

/// What `check` needs.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    control: Control,
    poll_interval_seconds: u64,
    /// What is shown where nothing is granted.
    nothing: Arc<Shown>,
}

impl Check {
    pub(crate) fn new(control: Control, poll_interval: Duration) -> Self {
        Self {
            control,
            poll_interval_seconds: poll_interval.as_secs(),
            nothing: Arc::new(Shown::nothing()),
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    enabled: bool,
    app: &'a App,
    environment: &'a Environment,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<SessionId>,
    revision: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_seconds: Option<u64>,
    poll_interval_seconds: u64,
    stale: bool,
    endpoints: Vec<EndpointAnswer<'a>>,
}

#[derive(Serialize)]
struct EndpointAnswer<'a> {
    endpoint: &'a Endpoint,
    level: Level,
    session_id: SessionId,
    expires_in_seconds: u64,
}

/// Answers from memory alone.
pub(crate) async fn check(
    State(check): State<Check>,
    _: Poller,
    params: Params,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    check.answer(&params, &known)
}

impl Check {
    fn answer(&self, params: &Params, known: &IfNoneMatch) -> Result<Response, ApiError> {
        let app: App = params.required_name("app")?;
        let environment: Environment = params.required_name("environment")?;
        let endpoint: Option<Endpoint> = params.name("endpoint")?;
        let snapshot = self.control.snapshot();
        let found = snapshot
            .look_up(app.as_str(), environment.as_str())
            .ok_or(ApiError::NotSynced)?;
        snapshot
            .polls()
            .note(app.as_str(), environment.as_str(), found.now);
        let shown = found
            .view
            .map_or_else(|| Arc::clone(&self.nothing), |view| view.shown(found.now));
        let session = shown.session(endpoint.as_ref().map(Endpoint::as_str));
        let mut response = if known.has(&shown.revision) {
            self.control
                .metrics()
                .requests
                .check(CheckResult::NotModified);
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.count(session);
            let answer = Answer {
                enabled: session.is_some(),
                app: &app,
                environment: &environment,
                level: session.map(|session| session.level),
                session_id: session.map(|session| session.id),
                revision: &shown.revision,
                expires_at: session.map(|session| instant(session.until)),
                expires_in_seconds: session.map(|session| whole_seconds(session.until, found.now)),
                poll_interval_seconds: self.poll_interval_seconds,
                stale: found.stale,
                endpoints: endpoints(&shown, found.now),
            };
            axum::Json(answer).into_response()
        };
        mark(&mut response, &shown.revision, found.stale);
        Ok(response)
    }

    fn count(&self, session: Option<ShownSession>) {
        let result = if session.is_some() {
            CheckResult::Enabled
        } else {
            CheckResult::Disabled
        };
        self.control.metrics().requests.check(result);
    }
}

fn endpoints(shown: &Shown, now: Time) -> Vec<EndpointAnswer<'_>> {
    let endpoints = shown.endpoints.iter();
    endpoints
        .map(|(endpoint, session)| EndpointAnswer {
            endpoint,
            level: session.level,
            session_id: session.id,
            expires_in_seconds: whole_seconds(session.until, now),
        })
        .collect()
}

fn mark(response: &mut Response, revision: &str, stale: bool) {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(format!("W/\"{revision}\"")) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if stale {
        headers.insert(AUTOLOG_STALE, HeaderValue::from_static("true"));
    }
}
