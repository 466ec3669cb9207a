//! `POST /webhook/{type}`: Alertmanager tells of alerts.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Serialize;

use super::auth::Webhook;
use super::error::ApiError;
use super::extract::{WebhookBody, WebhookPath};
use super::room::Occupied;
use crate::alertmanager::{Asks, Mapping, Message, Sighting, Unclear};
use crate::control::{Control, Refusal, Refused};
use crate::domain::holder::Source;
use crate::domain::name::{App, Environment};
use crate::domain::operation::Alert;
use crate::domain::outcome::{Guardrail, Outcome};
use crate::domain::target::Target;
use crate::metrics::labels::{AlertOutcome, WebhookType};

/// A body longer than this is parsed on a thread that may block.
const LONG_BODY: usize = 64 * 1_024;

/// What the webhook needs.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    pub(crate) control: Control,
    pub(crate) mapping: Arc<Mapping>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    /// What became of each alert, in the order of the message.
    outcomes: Vec<OutcomeBody>,
    /// How many alerts were more than are handled in one message.
    over_limit: usize,
    /// How many alerts the sender left out.
    truncated: u64,
}

#[derive(Debug, Serialize)]
struct OutcomeBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(flatten)]
    target: Option<Target>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    guardrail: Option<&'static str>,
}

pub(crate) async fn webhook(
    State(receiver): State<Receiver>,
    _: Webhook,
    WebhookPath(kind): WebhookPath,
    WebhookBody { bytes, occupied }: WebhookBody,
) -> Result<Json<Answer>, ApiError> {
    let (message, occupied) = receiver.read(bytes, occupied, kind).await?;
    receiver.count_message(&message, kind);
    let alerts: Vec<Alert> = message.sightings.iter().filter_map(session).collect();
    let outcomes = receiver.control.observe(alerts).await?;
    let mut outcomes = outcomes.into_iter();
    let mut bodies = Vec::with_capacity(message.sightings.len());
    for sighting in message.sightings {
        let outcome = match sighting.asks {
            Asks::Session(_) => outcomes.next(),
            Asks::Nothing | Asks::Unmapped(_) | Asks::Invalid(_) => None,
        };
        bodies.push(receiver.conclude(sighting, outcome));
    }
    drop(occupied);
    Ok(Json(Answer {
        outcomes: bodies,
        over_limit: message.over_limit,
        truncated: message.truncated,
    }))
}

fn session(sighting: &Sighting) -> Option<Alert> {
    match &sighting.asks {
        Asks::Session(alert) => Some(alert.clone()),
        Asks::Nothing | Asks::Unmapped(_) | Asks::Invalid(_) => None,
    }
}

impl Receiver {
    /// Parses the body, which takes its place until that is done, also if the client has left.
    async fn read(
        &self,
        body: Bytes,
        occupied: Occupied,
        kind: WebhookType,
    ) -> Result<(Message, Occupied), ApiError> {
        let wanted = kind == WebhookType::Autolog;
        let mapping = Arc::clone(&self.mapping);
        let is_long = body.len() > LONG_BODY;
        let read = move || {
            let message = mapping.read(&body, wanted);
            let message = message.map_err(|_quotes_nothing| ApiError::NotAMessage)?;
            Ok((message, occupied))
        };
        if is_long {
            let task = tokio::task::spawn_blocking(read);
            task.await
                .map_err(|error| ApiError::Internal(error.into()))?
        } else {
            read()
        }
    }

    fn count_message(&self, message: &Message, kind: WebhookType) {
        let sessions = &self.control.metrics().sessions;
        if kind == WebhookType::Watchdog
            && let Ok(now) = self.control.now()
        {
            sessions.watchdog_seen(now);
        }
        if message.over_limit > 0 {
            let over = u64::try_from(message.over_limit).unwrap_or(u64::MAX);
            sessions.alerts(AlertOutcome::OverLimit, over);
            tracing::warn!(
                over,
                "a message had more alerts than are handled: lower max_alerts in Alertmanager"
            );
        }
        if message.truncated > 0 {
            sessions.alerts(AlertOutcome::Truncated, message.truncated);
            tracing::warn!(
                truncated = message.truncated,
                "Alertmanager left alerts out of its message: raise max_alerts or group by fewer alerts"
            );
        }
    }

    /// Counts what became of one alert, and writes it down for the answer.
    fn conclude(&self, sighting: Sighting, outcome: Option<Outcome>) -> OutcomeBody {
        let sessions = &self.control.metrics().sessions;
        if sighting.remarks.clamped {
            sessions.clamped();
        }
        if sighting.remarks.endpoint_dropped {
            sessions.endpoint_dropped();
        }
        let (target, became) = match (sighting.asks, outcome) {
            (Asks::Session(alert), Some(outcome)) => (Some(alert.target), outcome.into()),
            (Asks::Session(alert), None) => (Some(alert.target), AlertOutcome::Unchanged),
            (Asks::Nothing, _) => (None, AlertOutcome::Ignored),
            (Asks::Unmapped(unclear), _) => {
                self.note_unclear(unclear, Refusal::Unmapped);
                (None, AlertOutcome::Unmapped)
            }
            (Asks::Invalid(unclear), _) => {
                self.note_unclear(unclear, Refusal::Invalid);
                (None, AlertOutcome::Invalid)
            }
        };
        sessions.alerts(became, 1);
        OutcomeBody {
            fingerprint: sighting.fingerprint,
            target,
            outcome: became.as_str(),
            guardrail: outcome.and_then(guardrail).map(Guardrail::as_str),
        }
    }

    fn note_unclear(&self, unclear: Unclear, why: Refusal) {
        let message = match why {
            Refusal::Invalid => {
                "an alert has no labels, or an application or environment that is no valid name"
            }
            Refusal::Unmapped | Refusal::Guardrail(_) => {
                "an alert asks for a session, and no label names its application or its environment"
            }
        };
        tracing::warn!(
            alert = unclear.reason.as_str(),
            app = unclear.app.as_ref().map(App::as_str),
            environment = unclear.environment.as_ref().map(Environment::as_str),
            "{message}"
        );
        if let Ok(at) = self.control.now() {
            self.control.note_refused(Refused {
                at,
                app: unclear.app,
                environment: unclear.environment,
                endpoint: None,
                source: Source::Alert,
                why,
                reason: unclear.reason,
            });
        }
    }
}

const fn guardrail(outcome: Outcome) -> Option<Guardrail> {
    match outcome {
        Outcome::Refused { guardrail, .. } => Some(guardrail),
        Outcome::Opened
        | Outcome::Extended
        | Outcome::Unchanged
        | Outcome::Resolved
        | Outcome::Stale => None,
    }
}
