//! Reads bodies, queries and paths so that every rejection has our shape.

mod body;
mod json;
mod object;
mod query;
mod validator;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

pub use self::body::WebhookBody;
pub use self::json::JsonBody;
pub use self::object::Object;
pub use self::query::Params;
pub use self::validator::knows;
use super::error::ApiError;
use crate::metrics::labels::WebhookType;

/// The type in a webhook's path; any text is one, what is not known is `other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookPath(pub WebhookType);

impl<S: Sync> FromRequestParts<S> for WebhookPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self::of(parts.uri.path()))
    }
}

impl WebhookPath {
    pub(super) fn of(path: &str) -> Self {
        Self(WebhookType::of(path.rsplit('/').next().unwrap_or_default()))
    }
}
