//! Who asks: authority is a value that a handler takes, so that it cannot forget to ask for it.

mod flood;
mod presented;

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

pub(super) use self::flood::Flood;
use super::error::ApiError;
use crate::credentials::Credentials;
use crate::domain::name;

/// What decides who may do what.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The secrets that are valid now.
    pub credentials: Arc<Credentials>,
    /// Whether `check` and `watch` go without a token.
    pub open_check: bool,
}

/// An operator, by the name of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator(pub name::Operator);

/// An application or an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Application;

/// An application or an operator, or anyone if the configuration opens `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poller;

/// A sender of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Webhook;

impl Authority {
    fn operator(&self, headers: &HeaderMap) -> Result<Operator, ApiError> {
        let operator =
            presented::tokens(headers).find_map(|token| self.credentials.operator(token));
        operator.map(Operator).ok_or_else(|| {
            if self.is_app(headers) {
                ApiError::Forbidden
            } else {
                refusal(presented::tokens(headers).next().is_some())
            }
        })
    }

    fn application(&self, headers: &HeaderMap) -> Result<Application, ApiError> {
        let is_operator = |token: &[u8]| self.credentials.operator(token).is_some();
        if self.is_app(headers) || presented::tokens(headers).any(is_operator) {
            Ok(Application)
        } else {
            Err(refusal(presented::tokens(headers).next().is_some()))
        }
    }

    pub(super) fn poller(&self, headers: &HeaderMap) -> Result<Poller, ApiError> {
        if self.open_check {
            return Ok(Poller);
        }
        self.application(headers).map(|Application| Poller)
    }

    fn webhook(&self, headers: &HeaderMap) -> Result<Webhook, ApiError> {
        let secrets = presented::secrets(headers);
        if secrets
            .iter()
            .any(|secret| self.credentials.webhook(secret))
        {
            Ok(Webhook)
        } else {
            Err(refusal(!secrets.is_empty()))
        }
    }

    fn is_app(&self, headers: &HeaderMap) -> bool {
        presented::tokens(headers).any(|token| self.credentials.app(token))
    }
}

const fn refusal(presented: bool) -> ApiError {
    ApiError::Unauthorized { presented }
}

impl<S: Sync> FromRequestParts<S> for Operator
where
    Authority: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Authority::from_ref(state).operator(&parts.headers)
    }
}

impl<S: Sync> FromRequestParts<S> for Application
where
    Authority: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Authority::from_ref(state).application(&parts.headers)
    }
}

impl<S: Sync> FromRequestParts<S> for Poller
where
    Authority: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Authority::from_ref(state).poller(&parts.headers)
    }
}

impl<S: Sync> FromRequestParts<S> for Webhook
where
    Authority: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Authority::from_ref(state).webhook(&parts.headers)
    }
}
