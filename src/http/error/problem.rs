//! The document that tells a caller what went wrong.

use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::{ApiError, Field};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The problem document of RFC 9457, with our members.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guardrail: Option<&'static str>,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// Writes the problem document into `response`, which has its status and perhaps an Allow header already.
pub(in crate::http) fn render<B: From<String>>(
    response: &mut Response<B>,
    error: &ApiError,
    id: &HeaderValue,
) {
    let body = document(error, id.to_str().ok());
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, MEDIA_TYPE);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(after) = error.retry_after() {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if let ApiError::Unauthorized { .. } = *error {
        let scheme = HeaderValue::from_static("Bearer realm=\"autolog\"");
        headers.insert(WWW_AUTHENTICATE, scheme);
    }
    if let ApiError::SlowBody | ApiError::SlowWebhook = *error {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    *response.body_mut() = B::from(body);
}

/// The problem document for a connection over the cap, which never became a request.
pub(in crate::http) fn too_many_connections() -> String {
    document(&ApiError::Overloaded, None)
}

fn document(error: &ApiError, request_id: Option<&str>) -> String {
    let status = error.status();
    let field = if let ApiError::Input { field, .. } = error {
        field.as_ref().map(Field::as_str)
    } else {
        None
    };
    let guardrail = if let ApiError::Refused(guardrail) = error {
        Some(guardrail.as_str())
    } else {
        None
    };
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: error.to_string(),
        code: error.code(),
        field,
        guardrail,
        retryable: status == StatusCode::REQUEST_TIMEOUT
            || status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::SERVICE_UNAVAILABLE,
        request_id,
    };
    serde_json::to_string(&problem).unwrap_or_default()
}
