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
use crate::http::room::{Occupied, Room};

/// The body of a webhook, declared to be JSON and not yet parsed: that is done off the threads that answer polls.
#[derive(Debug)]
pub struct WebhookBody {
    /// What was sent.
    pub bytes: Bytes,
    /// What it takes of the room for webhooks, until they are done with it.
    pub occupied: Occupied,
}

impl<S> FromRequest<S> for WebhookBody
where
    S: Send + Sync,
    BodyLimits: FromRef<S>,
    Room: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let limits = BodyLimits::from_ref(state);
        require_json(request.headers())?;
        let body = request.into_body();
        claimed(&body, limits.webhook_bytes)?;
        let mut occupied = Room::from_ref(state).enter()?;
        let grow = |bytes| occupied.grow(bytes);
        let read = read(body, limits.webhook_bytes, grow);
        let body = timeout(limits.deadline, read).await;
        let bytes = body.unwrap_or(Err(ApiError::SlowWebhook))?;
        Ok(Self { bytes, occupied })
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

/// How long a body says that it is, 0 if it does not say so; refuses one of more than `limit` bytes.
fn claimed(body: &Body, limit: usize) -> Result<usize, ApiError> {
    let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if claimed > limit {
        return Err(ApiError::BodyTooLarge { limit });
    }
    Ok(claimed)
}

/// Reads a body of at most `limit` bytes; a longer one is refused before more of it is kept.
///
/// `grow` is told how long it is going to be before more is kept, and may refuse that.
pub(super) async fn read(
    mut body: Body,
    limit: usize,
    mut grow: impl FnMut(usize) -> Result<(), ApiError>,
) -> Result<Bytes, ApiError> {
    let claimed = claimed(&body, limit)?;
    grow(claimed)?;
    let mut whole = Vec::with_capacity(claimed);
    while let Some(frame) = body.frame().await {
        // What went wrong is the sender's doing: a broken connection or broken chunks.
        let Ok(frame) = frame else {
            return Err(ApiError::BodyBroken);
        };
        if let Some(bytes) = frame.data_ref() {
            if whole.len() + bytes.len() > limit {
                return Err(ApiError::BodyTooLarge { limit });
            }
            grow(whole.len() + bytes.len())?;
            whole.extend_from_slice(bytes);
        }
    }
    Ok(Bytes::from(whole))
}
