//! `GET /api/autolog/check`: an application asks how verbose it should be.

mod body;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use http_body_util::Full;

use super::auth::Authority;
use super::error::{ApiError, Fault};
use super::extract::{Params, knows};
use crate::control::Control;
use crate::domain::name::{App, Endpoint, Environment, NameError};
use crate::metrics::labels::CheckResult;
use crate::snapshot::Shown;

use self::body::Body;

/// Marks answers of a replica that lost its store a while ago.
const AUTOLOG_STALE: HeaderName = HeaderName::from_static("autolog-stale");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What `check` needs.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    control: Control,
    authority: Authority,
    poll_interval_seconds: u64,
    /// What is shown where nothing is granted.
    nothing: Arc<Shown>,
}

/// Answers what the front leaves to the router, such as HEAD.
pub(crate) async fn check(
    State(check): State<Check>,
    request: Request,
) -> Result<Response<axum::body::Body>, ApiError> {
    let response = check.answer(request.uri(), request.headers())?;
    Ok(response.map(axum::body::Body::new))
}

impl Check {
    pub(crate) fn new(control: Control, authority: Authority, poll_interval: Duration) -> Self {
        Self {
            control,
            authority,
            poll_interval_seconds: poll_interval.as_secs(),
            nothing: Arc::new(Shown::nothing()),
        }
    }

    /// Answers a poll from memory alone.
    pub(super) fn answer(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Response<Full<Bytes>>, ApiError> {
        self.authority.poller(headers)?;
        let params = Params::of(uri);
        let [app, environment, endpoint] = params.texts(["app", "environment", "endpoint"])?;
        let app = required("app", named("app", app, App::check)?)?;
        let environment = named("environment", environment, Environment::check)?;
        let environment = required("environment", environment)?;
        let endpoint = named("endpoint", endpoint, Endpoint::check)?;

        let snapshot = self.control.snapshot();
        let found = snapshot
            .look_up(&app, &environment)
            .ok_or(ApiError::NotSynced)?;
        snapshot.polls().note(&app, &environment, found.now);
        let shown = found
            .view
            .map_or_else(|| Arc::clone(&self.nothing), |view| view.shown(found.now));

        let mut response = Response::new(Full::default());
        let result = if knows(headers, &shown.revision) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            CheckResult::NotModified
        } else {
            let session = shown.session(endpoint.as_deref());
            let body = Body {
                app: &app,
                environment: &environment,
                session,
                shown: &shown,
                now: found.now,
                poll_interval_seconds: self.poll_interval_seconds,
                stale: found.stale,
            };
            *response.body_mut() = Full::from(body.write());
            response.headers_mut().insert(CONTENT_TYPE, JSON);
            session.map_or(CheckResult::Disabled, |_| CheckResult::Enabled)
        };
        self.control.metrics().requests.check(result);
        mark(&mut response, &shown.revision, found.stale);
        Ok(response)
    }
}

/// A parameter that keeps the `rule` of its kind of name, if it is there; a name itself would be a copy of it.
fn named<'a>(
    parameter: &'static str,
    text: Option<Cow<'a, str>>,
    rule: fn(&str) -> Result<(), NameError>,
) -> Result<Option<Cow<'a, str>>, ApiError> {
    if let Some(text) = &text {
        rule(text).map_err(|error| ApiError::parameter(parameter, Fault::Name(error)))?;
    }
    Ok(text)
}

fn required<T>(parameter: &'static str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::parameter(parameter, Fault::Missing))
}

fn mark(response: &mut Response<Full<Bytes>>, revision: &str, stale: bool) {
    let headers = response.headers_mut();
    let tag = [b"W/\"", revision.as_bytes(), b"\""].concat();
    if let Ok(tag) = HeaderValue::from_maybe_shared(Bytes::from(tag)) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, ASK_AGAIN);
    if stale {
        headers.insert(AUTOLOG_STALE, HeaderValue::from_static("true"));
    }
}
