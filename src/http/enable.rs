//! `POST /api/autolog/enable`: an operator wants a target verbose.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::auth::Operator;
use super::error::{ApiError, Fault};
use super::extract::JsonBody;
use super::wire::SessionBody;
use crate::control::Control;
use crate::domain::level::Level;
use crate::domain::name::{App, Endpoint, Environment, Reason};
use crate::domain::operation::Enable;
use crate::domain::policy::Policy;
use crate::domain::target::Target;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    app: App,
    environment: Environment,
    #[serde(default)]
    endpoint: Option<Endpoint>,
    #[serde(default)]
    level: Option<Level>,
    #[serde(default)]
    ttl_seconds: Option<u64>,
    #[serde(default)]
    ttl_minutes: Option<u64>,
    #[serde(default)]
    reason: Option<String>,
    /// Sent by clients of an older service.
    #[serde(default, rename = "service")]
    _service: Option<IgnoredAny>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    status: &'static str,
    applied: bool,
    session: SessionBody,
}

pub(crate) async fn enable(
    State(control): State<Control>,
    operator: Operator,
    JsonBody(request): JsonBody<Request>,
) -> Result<Json<Answer>, ApiError> {
    let enable = request.enable(operator, control.policy())?;
    let target = enable.target.clone();
    let enabled = control.enable(enable).await?;
    let session =
        SessionBody::of(&target, &enabled.session, control.now()?).ok_or(ApiError::Overloaded)?;
    Ok(Json(Answer {
        status: "enabled",
        applied: enabled.applied,
        session,
    }))
}

impl Request {
    fn enable(self, operator: Operator, policy: &Policy) -> Result<Enable, ApiError> {
        let ttl = ttl(self.ttl_seconds, self.ttl_minutes, policy)?;
        Ok(Enable {
            target: Target {
                app: self.app,
                environment: self.environment,
                endpoint: self.endpoint,
            },
            by: operator.0,
            level: self.level.unwrap_or(Level::Debug),
            ttl,
            reason: reason(self.reason)?,
        })
    }
}

/// The TTL asked for, in seconds or in minutes; outside the bounds it is refused.
fn ttl(seconds: Option<u64>, minutes: Option<u64>, policy: &Policy) -> Result<Duration, ApiError> {
    let (min, max) = (policy.ttl_min.as_secs(), policy.ttl_max.as_secs());
    let (field, asked, unit) = match (seconds, minutes) {
        (None, None) => return Ok(policy.ttl),
        (Some(_), Some(_)) => {
            let with = "ttl_minutes";
            return Err(ApiError::field("ttl_seconds", Fault::Conflict { with }));
        }
        (Some(seconds), None) => ("ttl_seconds", seconds, 1),
        (None, Some(minutes)) => ("ttl_minutes", minutes, 60),
    };
    let length = asked.saturating_mul(unit);
    if (min..=max).contains(&length) {
        return Ok(Duration::from_secs(length));
    }
    let (min, max) = (min.div_ceil(unit), max / unit);
    Err(ApiError::field(field, Fault::OutOfRange { min, max }))
}

/// Checks the reason that an operator gave.
pub(super) fn reason(text: Option<String>) -> Result<Reason, ApiError> {
    let reason = Reason::parse(&text.unwrap_or_default());
    reason.map_err(|error| ApiError::field("reason", Fault::Name(error)))
}
