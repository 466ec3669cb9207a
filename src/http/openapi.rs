//! The description of the API, for programs that write clients and for people.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

use super::route::Route;

/// The OpenAPI 3.1 document of the API listener.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// The route that answers the document.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route(Route::OpenApi.path(), get(document))
}

async fn document() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, DOCUMENT)
}
