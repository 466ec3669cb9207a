//! The admin listener: metrics and probes, apart from the API so that no proxy rule is needed to hide them.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use super::route::Route;
use crate::metrics::{CONTENT_TYPE as METRICS_TYPE, Live, Metrics};
use crate::readiness::Readiness;

/// What the admin listener needs to know.
#[derive(Clone)]
pub struct Admin {
    /// What the service measures.
    pub metrics: Arc<Metrics>,
    /// Sees the live sessions at the moment of a scrape.
    pub live: Arc<dyn Fn() -> Live + Send + Sync>,
    /// How the service is.
    pub health: Health,
}

/// How the service is.
#[derive(Clone)]
pub struct Health {
    /// Whether every part could serve once.
    pub readiness: Readiness,
    /// Cancelled as soon as the process is to stop.
    pub stopping: CancellationToken,
    /// Whether the store answered when it was last asked.
    pub store_up: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for Health {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.state())
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Admin").field(&self.health).finish()
    }
}

impl Health {
    /// Whether requests should be sent here: not before the first sync, and not while the process stops.
    ///
    /// A store that is away does not count: every replica would be drained, and each of them can still answer.
    pub fn is_ready(&self) -> bool {
        self.readiness.is_ready() && !self.stopping.is_cancelled()
    }

    /// Whether nothing is wrong: ready, and the store answers.
    pub fn is_healthy(&self) -> bool {
        self.is_ready() && (self.store_up)()
    }

    fn state(&self) -> &'static str {
        if self.stopping.is_cancelled() {
            "stopping"
        } else if !self.readiness.is_ready() {
            "not synced"
        } else if (self.store_up)() {
            "ok"
        } else {
            "store unavailable"
        }
    }
}

/// The routes of the admin listener.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route(Route::Metrics.path(), get(metrics))
        .route(Route::Livez.path(), get(livez))
        .route(Route::Readyz.path(), get(readyz))
        .route(Route::Healthz.path(), get(healthz))
        .with_state(admin)
}

async fn metrics(State(admin): State<Admin>) -> Result<Response, ApiError> {
    let text = admin.metrics.render(&(admin.live)());
    let text = text.map_err(|error| ApiError::Internal(error.into()))?;
    Ok(([(CONTENT_TYPE, METRICS_TYPE)], text).into_response())
}

/// Answers at all, which is what it says: it touches nothing.
async fn livez() -> Response {
    probe(true, "ok")
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let ready = admin.health.is_ready();
    probe(ready, if ready { "ok" } else { admin.health.state() })
}

async fn healthz(State(admin): State<Admin>) -> Response {
    probe(admin.health.is_healthy(), admin.health.state())
}

/// Answers in plain text, as probes and people expect it.
fn probe(good: bool, state: &'static str) -> Response {
    let status = if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, format!("{state}\n")).into_response()
}
