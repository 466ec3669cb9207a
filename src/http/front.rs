//! What every request passes on its way in and out: identity, span, metrics, panics, errors.
//!
//! One function around the whole router, since stacked layers cost more than `check` itself.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use tokio::time::Instant;
use tower::Service;
use tower_http::catch_panic::{CatchPanic, ResponseForPanic};
use tracing::{Instrument, Span};

use super::auth::Flood;
use super::drain;
use super::error::{ApiError, Unrendered, render};
use super::limits::Limits;
use super::observe::{self, Observation};
use super::phase::{Answer, Progress};
use super::trace::{REQUEST_ID, RequestIds};
use crate::metrics::Metrics;

/// Answers every request of a listener.
pub(super) struct Front {
    router: CatchPanic<Router, Panicked>,
    metrics: Arc<Metrics>,
    flood: Flood,
    ids: RequestIds,
    limits: Limits,
}

impl Front {
    pub(super) fn new(router: Router, limits: Limits, metrics: Arc<Metrics>) -> Self {
        let router = router
            .fallback(async || ApiError::NotFound)
            .method_not_allowed_fallback(method_not_allowed);
        Self {
            router: CatchPanic::custom(router, Panicked(Arc::clone(&metrics))),
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
        let mut observation = Observation::begin(&self.metrics, &request);
        let id = self.ids.of(request.headers());
        let span = if observation.route.is_quiet() {
            Span::none()
        } else {
            observe::span(&observation, &id, request.headers())
        };
        let (request, unread) = drain::lend(request);
        let routed = self.router.clone().call(request);
        let Ok(response) = routed.instrument(span.clone()).await;
        let mut response = response.map(Body::new);
        if let Some(Unrendered(error)) = response.extensions_mut().remove() {
            let error = self.slow_down(error, peer);
            observe::refusal(&self.metrics, &observation, &error);
            observe::log(&observation, &span, &id, &error);
            render(&mut response, &error, &id);
        }
        if let Some(unread) = unread {
            // A client that sends its whole body before it reads would lose the answer to a closed connection.
            // Boxed, since what it needs would make every connection larger.
            let deadline = observation.begun + self.limits.body.deadline;
            Box::pin(unread.discard(deadline)).await;
        }
        response.headers_mut().insert(REQUEST_ID, id);
        observation.end(response.status(), &span);
        Ok(response.map(|body| Answer::new(body, progress)))
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
