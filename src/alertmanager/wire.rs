//! One alert as Alertmanager writes it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::name::Fingerprint;
use crate::domain::time::Time;

/// One alert as Alertmanager writes it; whatever is missing or odd is left out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireAlert {
    #[serde(default)]
    status: Value,
    #[serde(default)]
    labels: Value,
    #[serde(default)]
    annotations: Value,
    #[serde(default)]
    starts_at: Value,
    #[serde(default)]
    ends_at: Value,
    #[serde(default)]
    fingerprint: Value,
}

impl WireAlert {
    /// The value of the label `name`; an empty one is none, as in Prometheus.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        text_of(&self.labels, name)
    }

    /// The value of the label `name`, else of the annotation.
    pub(super) fn label_or_annotation(&self, name: &str) -> Option<&str> {
        self.label(name)
            .or_else(|| text_of(&self.annotations, name))
    }

    pub(super) fn has_labels(&self) -> bool {
        self.labels.is_object()
    }

    /// Whether the alert fires; one that does not say so fires if it has no end yet.
    pub(super) fn is_firing(&self) -> bool {
        match self.status.as_str() {
            Some("firing") => true,
            Some("resolved") => false,
            Some(_) | None => {
                // a firing alert's end is the year 1
                instant(&self.ends_at).is_none_or(|end| end <= Time::default())
            }
        }
    }

    /// When the alert began to fire; the epoch if it does not say so.
    pub(super) fn starts_at(&self) -> Time {
        instant(&self.starts_at).unwrap_or_default()
    }

    /// What tells this alert from another: its fingerprint, else a hash of its sorted labels.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        let given = self.fingerprint.as_str().filter(|text| !text.is_empty());
        match given.map(Fingerprint::parse) {
            Some(Ok(fingerprint)) => Some(fingerprint),
            Some(Err(_odd)) => given.map(short_hash)?,
            None => short_hash(&self.sorted_labels()),
        }
    }

    fn sorted_labels(&self) -> String {
        let labels: BTreeMap<&str, &Value> = self
            .labels
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        let pairs = labels
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"));
        pairs.collect()
    }
}

fn text_of<'value>(object: &'value Value, name: &str) -> Option<&'value str> {
    let text = object.get(name)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

fn instant(value: &Value) -> Option<Time> {
    let instant: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(Time::from_millis(instant.as_millisecond()))
}

/// The first 16 hex digits of SHA-256, as long as Alertmanager's own fingerprints.
fn short_hash(text: &str) -> Option<Fingerprint> {
    let digest = Sha256::digest(text.as_bytes());
    let head = digest.first_chunk().copied().unwrap_or_default();
    Fingerprint::parse(&format!("{:016x}", u64::from_be_bytes(head))).ok()
}
