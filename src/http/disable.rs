//! `POST /api/autolog/disable`: an operator wants targets quiet.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::auth::Operator;
use super::enable::reason;
use super::error::{ApiError, Fault};
use super::extract::JsonBody;
use super::wire::instant;
use crate::control::{Control, Written};
use crate::domain::event::Event;
use crate::domain::name::{App, Endpoint, Environment};
use crate::domain::operation::{Disable, Selection};
use crate::domain::target::Place;

/// The longest cooldown, in seconds: a week.
const MAX_COOLDOWN: u64 = 7 * 24 * 60 * 60;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    #[serde(default)]
    all: bool,
    #[serde(default)]
    app: Option<App>,
    #[serde(default)]
    environment: Option<Environment>,
    #[serde(default)]
    endpoint: Option<Endpoint>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    cooldown_seconds: Option<u64>,
    /// Sent by clients of an older service.
    #[serde(default, rename = "service")]
    _service: Option<IgnoredAny>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    status: &'static str,
    applied: bool,
    ended: usize,
    cooldown_until: Option<Timestamp>,
}

pub(crate) async fn disable(
    State(control): State<Control>,
    operator: Operator,
    JsonBody(request): JsonBody<Request>,
) -> Result<Json<Answer>, ApiError> {
    let written = control.disable(request.disable(operator)?).await?;
    Ok(Json(Answer {
        status: "disabled",
        applied: written.applied,
        ended: ended(&written),
        cooldown_until: written.decision.cooldown_until.map(instant),
    }))
}

/// How many sessions an operator's stop ended; those that had lapsed by themselves do not count.
pub(super) fn ended(written: &Written) -> usize {
    let events = written.decision.events.iter();
    events
        .filter(|event| matches!(event, Event::Ended { by: Some(_), .. }))
        .count()
}

impl Request {
    fn disable(self, operator: Operator) -> Result<Disable, ApiError> {
        let cooldown = self.cooldown_seconds;
        if cooldown.is_some_and(|seconds| seconds > MAX_COOLDOWN) {
            let fault = Fault::OutOfRange {
                min: 0,
                max: MAX_COOLDOWN,
            };
            return Err(ApiError::field("cooldown_seconds", fault));
        }
        Ok(Disable {
            reason: reason(self.reason.clone())?,
            selection: self.selection()?,
            by: operator.0,
            cooldown: cooldown.map(Duration::from_secs),
            began_by: None,
        })
    }

    fn selection(self) -> Result<Selection, ApiError> {
        let narrowed = self.app.is_some() || self.environment.is_some() || self.endpoint.is_some();
        if self.all && narrowed {
            return Err(ApiError::field("all", Fault::Conflict { with: "app" }));
        }
        if self.all {
            return Ok(Selection::Everything);
        }
        let missing = |field| ApiError::field(field, Fault::Missing);
        let place = Place {
            app: self.app.ok_or_else(|| missing("app"))?,
            environment: self.environment.ok_or_else(|| missing("environment"))?,
        };
        Ok(match self.endpoint {
            Some(endpoint) => Selection::Endpoint(place.target(Some(endpoint))),
            None => Selection::Place(place),
        })
    }
}
