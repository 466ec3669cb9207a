//! Reads a body within its size and its time.

use axum::body::{Body, Bytes};
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::http::error::ApiError;
use crate::http::limits::BodyLimits;

/// The most that is set aside for a body before it has come, whatever length it claims.
const AHEAD: u64 = 64 * 1_024;

/// The body of a webhook, declared to be JSON and not yet parsed: that is done off the threads that answer polls.
#[derive(Clone, Debug)]
pub struct WebhookBody(pub Bytes);

impl<S> FromRequest<S> for WebhookBody
where
    S: Send + Sync,
    BodyLimits: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let limits = BodyLimits::from_ref(state);
        require_json(request.headers())?;
        let read = read(request.into_body(), limits.webhook_bytes);
        let body = timeout(limits.deadline, read).await;
        body.unwrap_or(Err(ApiError::SlowWebhook)).map(Self)
    }
}

/// Refuses a body that is not declared to be JSON, or that is compressed.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let declared = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = declared
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let is_json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    let is_plain = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_json && is_plain {
        Ok(())
    } else {
        Err(ApiError::UnsupportedMediaType)
    }
}

/// Reads a body of at most `limit` bytes; a longer one is refused before more of it is kept.
pub(super) async fn read(mut body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let claimed = body.size_hint().lower();
    if claimed > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(ApiError::BodyTooLarge { limit });
    }
    let mut whole = Vec::with_capacity(usize::try_from(claimed.min(AHEAD)).unwrap_or(0));
    while let Some(frame) = body.frame().await {
        // What went wrong is the sender's doing: a broken connection or broken chunks.
        let Ok(frame) = frame else {
            return Err(ApiError::BodyBroken);
        };
        if let Some(bytes) = frame.data_ref() {
            if whole.len() + bytes.len() > limit {
                return Err(ApiError::BodyTooLarge { limit });
            }
            whole.extend_from_slice(bytes);
        }
    }
    Ok(Bytes::from(whole))
}
