//! What every request passes on its way in and out: identity, span, metrics, panics, errors.
//!
//! One function around everything, since stacked layers cost more than `check` itself, which does not even pass through
//! the router.

use std::any::Any;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;
use tower::Service;
use tower_http::catch_panic::{CatchPanic, ResponseForPanic};
use tracing::Instrument;

use super::answer::{Answer, Content};
use super::auth::Flood;
use super::check::Check;
use super::drain;
use super::error::{ApiError, Unrendered, render};
use super::limits::Limits;
use super::observe::{self, Observation};
use super::phase::Progress;
use super::route::{Method, Route};
use super::trace::{REQUEST_ID, RequestIds};
use crate::metrics::Metrics;

/// What answers the requests of a listener.
#[derive(Clone, Debug)]
pub struct Routes {
    /// Every route.
    pub router: Router,
    /// Answers polls in the router's place.
    pub(super) check: Option<Check>,
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self {
            router,
            check: None,
        }
    }
}

/// Answers every request of a listener.
pub(super) struct Front {
    router: CatchPanic<Router, Panicked>,
    check: Option<Check>,
    metrics: Arc<Metrics>,
    flood: Flood,
    ids: RequestIds,
    limits: Limits,
}

impl Front {
    pub(super) fn new(all: Routes, limits: Limits, metrics: Arc<Metrics>) -> Self {
        let router = all
            .router
            .fallback(async || ApiError::NotFound)
            .method_not_allowed_fallback(method_not_allowed);
        Self {
            router: CatchPanic::custom(router, Panicked(Arc::clone(&metrics))),
            check: all.check,
            metrics,
            flood: Flood::default(),
            ids: RequestIds::new(),
            limits,
        }
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers one request; it never fails, and it ends early only if the client leaves.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: IpAddr,
        progress: Arc<Progress>,
    ) -> Result<Response<Answer>, std::convert::Infallible> {
        let id = self.ids.of(request.headers());
        let mut observation = Observation::begin(&self.metrics, &request, &id);
        let mut response = match &self.check {
            Some(check) if is_poll(&observation, &request) => at_once(&self.metrics, || {
                check.answer(request.uri(), request.headers())
            }),
            // Boxed, since what it needs would make every connection larger.
            _ => Box::pin(self.route(request, &observation)).await,
        };
        if let Some(Unrendered(error)) = response.extensions_mut().remove() {
            let error = self.slow_down(error, peer);
            observe::refusal(&self.metrics, &observation, &error);
            observe::log(&observation, &id, &error);
            render(&mut response, &error, &id);
        }
        response.headers_mut().insert(REQUEST_ID, id);
        observation.end(response.status());
        Ok(response.map(|content| Answer::new(content, progress)))
    }

    /// Lets the router answer, and reads what is left of the request's body.
    async fn route(
        &self,
        request: Request<Incoming>,
        observation: &Observation,
    ) -> Response<Content> {
        let (request, unread) = drain::lend(request);
        let routed = self.router.clone().call(request);
        let Ok(response) = routed.instrument(observation.span.clone()).await;
        if let Some(unread) = unread {
            // A client that sends its whole body before it reads would lose the answer to a closed connection.
            let deadline = observation.begun + self.limits.body.deadline;
            unread.discard(deadline).await;
        }
        response.map(|body| Content::Pieces(Body::new(body)))
    }

    /// Turns the refusal of a wrong secret into a slower one if its peer has presented too many.
    fn slow_down(&self, error: Arc<ApiError>, peer: IpAddr) -> Arc<ApiError> {
        if let ApiError::Unauthorized { presented: true } = *error
            && let Err(retry_after) = self.flood.admit(peer, Instant::now())
        {
            Arc::new(ApiError::TooManyWrongSecrets { retry_after })
        } else {
            error
        }
    }
}

/// Whether the request is a poll as clients make it; the router knows what to do with all others of that path.
fn is_poll(observation: &Observation, request: &Request<Incoming>) -> bool {
    observation.route == Route::Check
        && observation.method == Method::Get
        && request.body().is_end_stream()
}

/// Answers without a step that waits; a panic ends as it does in the router.
fn at_once(
    metrics: &Arc<Metrics>,
    answer: impl FnOnce() -> Result<Response<Full<Bytes>>, ApiError>,
) -> Response<Content> {
    // What an answer leaves half-done are counts of itself.
    match catch_unwind(AssertUnwindSafe(answer)) {
        Ok(Ok(response)) => response.map(Content::Whole),
        Ok(Err(error)) => error.into_response().map(Content::Pieces),
        Err(said) => {
            let mut panicked = Panicked(Arc::clone(metrics));
            panicked.response_for_panic(said).map(Content::Pieces)
        }
    }
}

/// Answers for a handler that panicked; what it said is the panic hook's to log and nobody else's to know.
#[derive(Clone)]
struct Panicked(Arc<Metrics>);

impl ResponseForPanic for Panicked {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, _said: Box<dyn Any + Send>) -> Response {
        self.0.requests.panicked();
        ApiError::Panicked.into_response()
    }
}

/// Answers a method that the path does not have; the router adds the Allow header.
///
/// OPTIONS is one of them: no browser's script is meant to call this API, so there is no preflight to answer.
async fn method_not_allowed() -> ApiError {
    ApiError::MethodNotAllowed
}

#[cfg(test)]
mod tests;
