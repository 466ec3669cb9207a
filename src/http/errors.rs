//! `POST /api/autolog/errors`: an application reports errors, which open a session when they are many.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::auth::Application;
use super::error::{ApiError, Fault};
use super::extract::{JsonBody, Object};
use crate::control::Control;
use crate::control::counter::{Counter, Errors};
use crate::domain::name::{App, Endpoint, Environment, NameError};
use crate::domain::target::Target;

/// The most events of one request.
const MAX_EVENTS: usize = 1_000;
/// The most errors of one event.
const MAX_COUNT: u64 = 1_000_000;

/// What `errors` needs.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) counter: Counter,
    pub(crate) control: Control,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    events: Vec<Object<Event>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    app: String,
    environment: String,
    #[serde(default)]
    endpoint: Option<String>,
    #[serde(default)]
    scope: Option<Scope>,
    #[serde(default)]
    count: Option<u64>,
    /// What kind of error it was; accepted for the reader of the application's own code.
    #[serde(default, rename = "error_type")]
    _error_type: Option<IgnoredAny>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Scope {
    App,
    Endpoint,
}

/// The text names no scope.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("must be app or endpoint")]
struct UnknownScope;

impl TryFrom<String> for Scope {
    type Error = UnknownScope;

    fn try_from(text: String) -> Result<Self, UnknownScope> {
        match text.as_str() {
            "app" => Ok(Self::App),
            "endpoint" => Ok(Self::Endpoint),
            _ => Err(UnknownScope),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    accepted: usize,
    rejected: Vec<Rejected>,
}

/// An event that was not counted.
#[derive(Debug, Serialize)]
struct Rejected {
    /// Its place in the request, from 0.
    index: usize,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
}

pub(crate) async fn errors(
    State(report): State<Report>,
    _: Application,
    JsonBody(request): JsonBody<Request>,
) -> Result<(StatusCode, Json<Answer>), ApiError> {
    let events = request.events.len();
    if events > MAX_EVENTS {
        let (min, max) = (0, 1_000);
        return Err(ApiError::field("events", Fault::OutOfRange { min, max }));
    }
    let mut rejected = Vec::new();
    let sizes: Vec<u64> = request
        .events
        .iter()
        .map(|Object(event)| event.size())
        .collect();
    let (mut indices, mut valid) = (Vec::new(), Vec::new());
    for (index, Object(event)) in request.events.into_iter().enumerate() {
        match event.errors() {
            Ok(errors) => {
                indices.push(index);
                valid.push(errors);
            }
            Err((code, field)) => rejected.push(Rejected {
                index,
                code,
                field: Some(field),
            }),
        }
    }
    rejected.extend(report.count(indices, valid).await?);
    rejected.sort_by_key(|rejected| rejected.index);
    let accepted = events - rejected.len();
    let of_rejected = rejected
        .iter()
        .filter_map(|event| sizes.get(event.index))
        .sum();
    let all = sizes.iter().sum::<u64>();
    let metrics = &report.control.metrics().sessions;
    metrics.errors(all.saturating_sub(of_rejected), of_rejected);
    Ok((StatusCode::ACCEPTED, Json(Answer { accepted, rejected })))
}

impl Report {
    /// Counts, and tells which were not counted because too many targets are counted already.
    async fn count(
        &self,
        indices: Vec<usize>,
        errors: Vec<Errors>,
    ) -> Result<impl Iterator<Item = Rejected> + use<>, ApiError> {
        let counted = if errors.is_empty() {
            Vec::new()
        } else {
            self.counter.count(errors).await?
        };
        let uncounted = indices
            .into_iter()
            .zip(counted)
            .filter(|(_, counted)| !counted);
        Ok(uncounted.map(|(index, _)| Rejected {
            index,
            code: "cardinality_limit",
            field: None,
        }))
    }
}

impl Event {
    /// How many errors it tells of, as far as that is believed.
    fn size(&self) -> u64 {
        self.count.unwrap_or(1).min(MAX_COUNT)
    }

    /// The errors that this event tells of, or the code and the field at fault.
    fn errors(&self) -> Result<Errors, (&'static str, &'static str)> {
        let count = self.count.unwrap_or(1);
        if !(1..=MAX_COUNT).contains(&count) {
            return Err(("out_of_range", "count"));
        }
        let invalid = |field| move |_: NameError| ("invalid_name", field);
        let endpoint = self.endpoint.as_deref().map(Endpoint::parse).transpose();
        let target = Target {
            app: App::parse(&self.app).map_err(invalid("app"))?,
            environment: Environment::parse(&self.environment).map_err(invalid("environment"))?,
            endpoint: endpoint.map_err(invalid("endpoint"))?,
        };
        let endpoint_only = self.scope == Some(Scope::Endpoint);
        if endpoint_only && target.endpoint.is_none() {
            return Err(("missing_field", "endpoint"));
        }
        Ok(Errors {
            target,
            count,
            endpoint_only,
        })
    }
}
