//! `GET` and `POST /api/autolog/freeze`: the operators' kill switch.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::auth::Operator;
use super::disable::ended;
use super::enable::reason;
use super::error::{ApiError, Fault};
use super::extract::JsonBody;
use super::wire::{FreezeBody, instant, whole_seconds};
use crate::control::Control;
use crate::domain::operation::SetFreeze;

/// How long a freeze lasts if nobody says otherwise, in seconds: four hours.
const DEFAULT_TTL: u64 = 4 * 60 * 60;
/// The longest freeze, in seconds: a week.
const MAX_TTL: u64 = 7 * 24 * 60 * 60;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    frozen: bool,
    #[serde(default)]
    end_sessions: bool,
    #[serde(default)]
    ttl_seconds: Option<u64>,
    #[serde(default)]
    reason: Option<String>,
}

/// Whether automatic sources are stopped.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    frozen: bool,
    #[serde(flatten)]
    freeze: Option<FreezeBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_seconds: Option<u64>,
    /// The end of the cooldown that a disable of everything started.
    #[serde(skip_serializing_if = "Option::is_none")]
    cooldown_until: Option<jiff::Timestamp>,
    /// How many sessions this request ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<bool>,
}

pub(crate) async fn state(
    State(control): State<Control>,
    _: Operator,
) -> Result<Json<Answer>, ApiError> {
    Answer::of(&control).map(Json)
}

pub(crate) async fn set(
    State(control): State<Control>,
    operator: Operator,
    JsonBody(request): JsonBody<Request>,
) -> Result<Json<Answer>, ApiError> {
    let asked = request.frozen;
    let written = control.freeze(request.freeze(operator)?).await?;
    let shown = Answer::of(&control)?;
    Ok(Json(Answer {
        ended: Some(ended(&written)),
        applied: Some(written.applied),
        ..shown.after(asked)
    }))
}

impl Answer {
    fn of(control: &Control) -> Result<Self, ApiError> {
        let now = control.now()?;
        let halt = control.halt()?;
        let freeze = halt.freeze(now);
        Ok(Self {
            frozen: freeze.is_some(),
            freeze: freeze.map(FreezeBody::from),
            expires_in_seconds: freeze.map(|freeze| whole_seconds(freeze.until, now)),
            cooldown_until: halt.cooldown(now).map(instant),
            ended: None,
            applied: None,
        })
    }

    /// What is told after a change, which the snapshot this was read from may not show yet.
    fn after(self, asked: bool) -> Self {
        if self.frozen == asked {
            return self;
        }
        Self {
            frozen: asked,
            freeze: None,
            expires_in_seconds: None,
            ..self
        }
    }
}

impl Request {
    fn freeze(self, operator: Operator) -> Result<SetFreeze, ApiError> {
        let ttl = self.ttl_seconds.unwrap_or(DEFAULT_TTL);
        if !(1..=MAX_TTL).contains(&ttl) {
            let fault = Fault::OutOfRange {
                min: 1,
                max: MAX_TTL,
            };
            return Err(ApiError::field("ttl_seconds", fault));
        }
        if self.end_sessions && !self.frozen {
            let fault = Fault::Conflict {
                with: "frozen: false",
            };
            return Err(ApiError::field("end_sessions", fault));
        }
        Ok(SetFreeze {
            frozen: self.frozen,
            end_sessions: self.end_sessions,
            ttl: Duration::from_secs(ttl),
            by: operator.0,
            reason: reason(self.reason)?,
            began_by: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(frozen: bool) -> Answer {
        Answer {
            frozen,
            freeze: None,
            expires_in_seconds: frozen.then_some(60),
            cooldown_until: None,
            ended: None,
            applied: None,
        }
    }

    #[test]
    fn an_answer_never_denies_the_change_that_it_acknowledges() {
        assert!(shown(false).after(true).frozen);
        let thawed = shown(true).after(false);
        assert_eq!((thawed.frozen, thawed.expires_in_seconds), (false, None));
        assert_eq!(shown(true).after(true).expires_in_seconds, Some(60));
    }
}
