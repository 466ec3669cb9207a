//! `GET /api/autolog/explain`: why an application logs as it does.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;

use super::auth::Operator;
use super::error::ApiError;
use super::extract::Params;
use super::wire::{AlertBody, FreezeBody, SessionBody, instant};
use crate::control::{Control, Explanation, Refusal, Refused};
use crate::domain::name::{Endpoint, Reason};
use crate::domain::record::{Barred, BarredOthers, Episode, Record, Waiting};
use crate::domain::target::Place;

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    place: Place,
    sessions: Vec<SessionBody>,
    waiting: Vec<WaitingBody>,
    barred: Vec<BarredBody>,
    cooldown_until: Option<Timestamp>,
    freeze: Option<FreezeBody>,
    guardrails: Guardrails,
    refused: Vec<RefusedBody>,
    last_checked_at: Option<Timestamp>,
    stale: bool,
}

#[derive(Debug, Serialize)]
struct WaitingBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    alert: AlertBody,
    guardrail: &'static str,
    since: Timestamp,
    until: Timestamp,
    reason: Reason,
}

#[derive(Debug, Serialize)]
struct BarredBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    /// None if the error window is barred, or a crowd of alerts.
    alert: Option<AlertBody>,
    /// How many alerts shared the holder, if a crowd is barred; a lower bound if they were many.
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<usize>,
    until: Timestamp,
}

/// The limits that apply, and how much of them is used.
#[derive(Debug, Serialize)]
struct Guardrails {
    /// Whether the configuration lets this application go verbose here.
    allowed: bool,
    sessions: Usage,
    sessions_per_app: Usage,
    automatic_limit: usize,
    automatic_per_app_limit: usize,
}

#[derive(Debug, Serialize)]
struct Usage {
    live: usize,
    limit: usize,
}

#[derive(Debug, Serialize)]
struct RefusedBody {
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    source: &'static str,
    /// The guardrail, or `unmapped` or `invalid`.
    why: &'static str,
    explanation: &'static str,
    reason: Reason,
}

pub(crate) async fn explain(
    State(control): State<Control>,
    _: Operator,
    params: Params<'static>,
) -> Result<Json<Answer>, ApiError> {
    let place = Place {
        app: params.required_name("app")?,
        environment: params.required_name("environment")?,
    };
    let explanation = control.explain(&place)?;
    Ok(Json(Answer::of(place, &explanation)))
}

impl Answer {
    fn of(place: Place, explanation: &Explanation) -> Self {
        let now = explanation.now;
        let records = &explanation.records;
        let session =
            |record: &Record| SessionBody::of(&record.target, record.session.as_ref()?, now);
        Self {
            place,
            sessions: records.iter().filter_map(session).collect(),
            waiting: records
                .iter()
                .flat_map(|record| {
                    record
                        .waiting
                        .iter()
                        .map(|waiting| waiting_body(record, waiting))
                })
                .collect(),
            barred: records.iter().flat_map(barred_bodies).collect(),
            cooldown_until: explanation.cooldown_until.map(instant),
            freeze: explanation.halt.freeze(now).map(FreezeBody::from),
            guardrails: guardrails(explanation),
            refused: explanation.refused.iter().map(RefusedBody::from).collect(),
            last_checked_at: explanation.last_checked_at.map(instant),
            stale: explanation.stale,
        }
    }
}

fn waiting_body(record: &Record, waiting: &Waiting) -> WaitingBody {
    WaitingBody {
        endpoint: record.target.endpoint.clone(),
        alert: AlertBody {
            endpoint: waiting.endpoint.clone(),
            ..alert_body(&waiting.alert)
        },
        guardrail: waiting.guardrail.as_str(),
        since: instant(waiting.since),
        until: instant(waiting.until),
        reason: waiting.reason.clone(),
    }
}

fn barred_bodies(record: &Record) -> impl Iterator<Item = BarredBody> {
    let endpoint = || record.target.endpoint.clone();
    let one = move |barred: &Barred| BarredBody {
        endpoint: endpoint(),
        alert: barred.alert.as_ref().map(alert_body),
        alerts: None,
        until: instant(barred.until),
    };
    let crowd = move |barred: &BarredOthers| BarredBody {
        endpoint: endpoint(),
        alert: None,
        alerts: Some(barred.seen.len()),
        until: instant(barred.until),
    };
    let crowds = record.barred_others.as_deref().into_iter().map(crowd);
    record.barred.iter().map(one).chain(crowds)
}

fn alert_body(alert: &Episode) -> AlertBody {
    AlertBody {
        fingerprint: alert.fingerprint.clone(),
        starts_at: instant(alert.starts_at),
        resolved: None,
        endpoint: None,
    }
}

fn guardrails(explanation: &Explanation) -> Guardrails {
    let (live, live_of_app) = explanation.live;
    let caps = explanation.caps;
    Guardrails {
        allowed: explanation.allowed,
        sessions: Usage {
            live,
            limit: caps.sessions,
        },
        sessions_per_app: Usage {
            live: live_of_app,
            limit: caps.sessions_per_app,
        },
        automatic_limit: caps.automatic,
        automatic_per_app_limit: caps.automatic_per_app,
    }
}

impl From<&Refused> for RefusedBody {
    fn from(refused: &Refused) -> Self {
        let (why, explanation) = match refused.why {
            Refusal::Guardrail(guardrail) => (guardrail.as_str(), guardrail.explanation()),
            Refusal::Unmapped => (
                "unmapped",
                "no label names the application or the environment",
            ),
            Refusal::Invalid => (
                "invalid",
                "the alert has no labels, or an application or environment that is no valid name",
            ),
        };
        Self {
            at: instant(refused.at),
            endpoint: refused.endpoint.clone(),
            source: refused.source.as_str(),
            why,
            explanation,
            reason: refused.reason.clone(),
        }
    }
}
