//! Why a request was not done, and how that is told: `application/problem+json` (RFC 9457).

mod input;
mod problem;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

pub use self::input::{Fault, Field, Part, Rule};
pub(super) use self::problem::{render, too_many_connections};
use crate::control::ControlError;
use crate::domain::outcome::Guardrail;

/// The cause of an error of ours, for the log and never for the caller.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a request was not done. Its text is for the caller and never repeats what the caller sent.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The body is no JSON object.
    #[error("the body must be a JSON object")]
    NotJson,
    /// The body is no message of Alertmanager's.
    #[error("the body must be a JSON object with a list of alerts, as Alertmanager sends")]
    NotAMessage,
    /// The body broke off, or its framing is not valid.
    #[error("the body could not be read to its end")]
    BodyBroken,
    /// The query string cannot be decoded.
    #[error("the query string is not valid percent-encoded UTF-8")]
    NotDecodable,
    /// A field of the body or a parameter of the query is not as it must be.
    #[error("{} {fault}", .field.as_ref().map_or("a field", Field::as_str))]
    Input {
        /// Where it stands.
        part: Part,
        /// Which one, if it can be named.
        field: Option<Field>,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The secret is missing or wrong.
    #[error("a valid token or secret is required")]
    Unauthorized {
        /// Whether there was one.
        presented: bool,
    },
    /// The peer presented too many wrong secrets.
    #[error("too many wrong tokens or secrets came from this address")]
    TooManyWrongSecrets {
        /// When to try again.
        retry_after: Duration,
    },
    /// The token is valid and may not do this.
    #[error("this token may not do that: an operator's token is required")]
    Forbidden,
    /// The path is no route.
    #[error("there is nothing at this path")]
    NotFound,
    /// The route has no such method.
    #[error("this path does not have this method: see the Allow header")]
    MethodNotAllowed,
    /// The body is not declared to be plain JSON.
    #[error("the Content-Type must be application/json, and the body not be compressed")]
    UnsupportedMediaType,
    /// The body is larger than it may be.
    #[error("the body must be at most {limit} bytes long")]
    BodyTooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
    /// The body was not complete in time.
    #[error("the body was not complete in time")]
    SlowBody,
    /// A webhook's body was not complete in time; its sender tries again only after a 5xx.
    #[error("the body was not complete in time")]
    SlowWebhook,
    /// A guardrail said no.
    #[error("refused: {}", .0.explanation())]
    Refused(Guardrail),
    /// The store did not take it.
    #[error("the store is not available: nothing was changed for certain, try again")]
    StoreUnavailable(#[source] Cause),
    /// The store did not take a stop; this replica obeys it and repeats it.
    #[error(
        "the store is not available: this replica obeys at once, and repeats it until the store has it"
    )]
    AppliedLocally(#[source] Cause),
    /// This replica has never read its store.
    #[error("this replica has not read its store yet")]
    NotSynced,
    /// More of this is going on than may be.
    #[error("more requests are in progress than may be")]
    Overloaded,
    /// Something failed here.
    #[error("something failed here; the log tells more under this request_id")]
    Internal(#[source] Cause),
    /// The handler panicked.
    #[error("something failed here; the log tells more under this request_id")]
    Panicked,
}

impl ApiError {
    /// A field of a body that is not as it must be.
    pub fn field(field: &'static str, fault: Fault) -> Self {
        Self::Input {
            part: Part::Body,
            field: Some(Field::from(field)),
            fault,
        }
    }

    /// A parameter of the query that is not as it must be.
    pub fn parameter(field: &'static str, fault: Fault) -> Self {
        Self::Input {
            part: Part::Query,
            field: Some(Field::from(field)),
            fault,
        }
    }

    /// The status it is answered with.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotJson | Self::NotAMessage | Self::BodyBroken | Self::NotDecodable => {
                StatusCode::BAD_REQUEST
            }
            Self::Input { part, .. } => part.status(),
            Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Self::TooManyWrongSecrets { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::SlowWebhook
            | Self::StoreUnavailable(_)
            | Self::AppliedLocally(_)
            | Self::NotSynced
            | Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) | Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What it is called for programs; never changes once it is released.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson => "invalid_json",
            Self::NotAMessage => "invalid_message",
            Self::BodyBroken => "invalid_body",
            Self::NotDecodable => "invalid_query",
            Self::Input { fault, .. } => fault.code(),
            Self::Unauthorized { .. } => "unauthorized",
            Self::TooManyWrongSecrets { .. } => "too_many_wrong_secrets",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::SlowBody | Self::SlowWebhook => "slow_body",
            Self::Refused(_) => "refused",
            Self::StoreUnavailable(_) => "store_unavailable",
            Self::AppliedLocally(_) => "applied_locally",
            Self::NotSynced => "not_synced",
            Self::Overloaded => "overloaded",
            Self::Internal(_) | Self::Panicked => "internal",
        }
    }

    /// When to try again, if that may help.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyWrongSecrets { retry_after } => Some(*retry_after),
            Self::SlowBody | Self::SlowWebhook | Self::Overloaded => Some(Duration::from_secs(1)),
            Self::StoreUnavailable(_) | Self::NotSynced => Some(Duration::from_secs(2)),
            Self::AppliedLocally(_) => Some(Duration::from_secs(5)),
            Self::NotJson
            | Self::NotAMessage
            | Self::BodyBroken
            | Self::NotDecodable
            | Self::Input { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::UnsupportedMediaType
            | Self::BodyTooLarge { .. }
            | Self::Refused(_)
            | Self::Internal(_)
            | Self::Panicked => None,
        }
    }
}

/// The error in an answer that has no body yet: the front adds it, once the request's identity is known.
#[derive(Clone, Debug)]
pub(super) struct Unrendered(pub(super) Arc<ApiError>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(Unrendered(Arc::new(self)));
        response
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Refused(guardrail) => Self::Refused(guardrail),
            ControlError::Store(error) => Self::StoreUnavailable(error.into()),
            ControlError::AppliedLocally(error) => Self::AppliedLocally(error.into()),
            ControlError::NotSynced => Self::NotSynced,
            ControlError::Overloaded => Self::Overloaded,
            ControlError::Interrupted => Self::Internal(error.into()),
        }
    }
}
