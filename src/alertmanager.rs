//! Alertmanager's webhook body, version 4, and the way from its alerts to targets.
//!
//! Parsed leniently, since bodies gain fields over time and one odd alert must not cost the others: only a body that
//! is no object with a list of `alerts` is an error.
//! Source: the `Data` and `Alert` structs of Alertmanager's `template` package, seen from 0.25 to 0.34.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::name::{App, Environment, Reason};
use crate::domain::operation::Alert;

mod mapping;
mod wire;

pub use mapping::Mapping;

/// The most alerts that a message is believed to leave out: what is added to a counter must not wrap it.
const MAX_TRUNCATED: u64 = 1_000_000;

/// What a message says, alert by alert.
#[derive(Debug, Default)]
pub struct Message {
    /// Each alert that was handled, in the order of the message.
    pub sightings: Vec<Sighting>,
    /// How many alerts were over the limit and not handled.
    pub over_limit: usize,
    /// How many alerts the sender left out of its message (`truncatedAlerts`).
    pub truncated: u64,
}

/// One alert of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The fingerprint, as far as it is one.
    pub fingerprint: Option<String>,
    /// What the alert asks for.
    pub asks: Asks,
    /// What of it was left out or brought within bounds.
    pub remarks: Remarks,
}

/// What an alert asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// A session for a target.
    Session(Alert),
    /// Nothing: it carries no `autolog="true"`, and the webhook's type does not ask either.
    Nothing,
    /// A session, but no label names the application or the environment.
    Unmapped(Unclear),
    /// It has no usable form: no labels, or a name that is none.
    Invalid(Unclear),
}

/// What can be told of an alert that names no target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unclear {
    /// The alert's name.
    pub reason: Reason,
    /// The application, if that could be told.
    pub app: Option<App>,
    /// The environment, if that could be told.
    pub environment: Option<Environment>,
}

/// What of an alert was left out or brought within bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// It asked for `trace`, which only operators get, or for a TTL beyond the bounds or that is none.
    pub clamped: bool,
    /// Its endpoint is none.
    pub endpoint_dropped: bool,
}

/// The body is no Alertmanager message. Never quotes the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a JSON object with a list of alerts, as Alertmanager sends")]
pub struct NotAMessage;

#[derive(Deserialize)]
struct Envelope<'body> {
    #[serde(borrow)]
    alerts: Vec<&'body RawValue>,
    #[serde(rename = "truncatedAlerts", borrow, default)]
    truncated: Option<&'body RawValue>,
}

impl Mapping {
    /// Reads a webhook's body; `wanted` tells that the webhook's type itself asks for sessions.
    pub fn read(&self, body: &[u8], wanted: bool) -> Result<Message, NotAMessage> {
        let text = std::str::from_utf8(body).map_err(|_quotes| NotAMessage)?;
        let envelope: Envelope<'_> = object(text).ok_or(NotAMessage)?;
        let handled = envelope.alerts.iter().take(self.max_alerts);
        Ok(Message {
            sightings: handled
                .map(|alert| self.sight(alert.get(), wanted))
                .collect(),
            over_limit: envelope.alerts.len().saturating_sub(self.max_alerts),
            truncated: envelope
                .truncated
                .and_then(|number| number.get().parse().ok())
                .map_or(0, |number: u64| number.min(MAX_TRUNCATED)),
        })
    }
}

/// Reads a JSON object; a derived type would take an array of its fields' values too.
fn object<'json, T: Deserialize<'json>>(json: &'json str) -> Option<T> {
    let is_object = json.trim_start().starts_with('{');
    is_object.then(|| serde_json::from_str(json).ok())?
}

#[cfg(test)]
mod tests;
