//! A cause as it is written: read field by field, since the library would keep all of a tagged one aside first.

use serde::Deserialize;

use super::{Alerting, Cause, Others};
use crate::domain::name::{Endpoint, Fingerprint, Operator};
use crate::domain::record::Seen;
use crate::domain::time::Time;

/// The fields of every kind of cause.
#[derive(Deserialize)]
pub(super) struct WrittenCause {
    source: Kind,
    fingerprint: Option<Fingerprint>,
    starts_at: Option<Time>,
    #[serde(default)]
    resolved: bool,
    endpoint: Option<Endpoint>,
    count: Option<u32>,
    #[serde(default)]
    seen: Seen,
    name: Option<Operator>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Alert,
    Others,
    Errors,
    Operator,
}

/// A field is missing that this kind of cause has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("missing field `{0}`")]
pub struct Missing(&'static str);

impl TryFrom<WrittenCause> for Cause {
    type Error = Missing;

    fn try_from(written: WrittenCause) -> Result<Self, Missing> {
        Ok(match written.source {
            Kind::Alert => Self::Alert(Alerting {
                fingerprint: written.fingerprint.ok_or(Missing("fingerprint"))?,
                starts_at: written.starts_at.ok_or(Missing("starts_at"))?,
                resolved: written.resolved,
                endpoint: written.endpoint,
            }),
            Kind::Others => Self::Others(Others {
                count: written.count.ok_or(Missing("count"))?,
                seen: written.seen,
            }),
            Kind::Errors => Self::Errors,
            Kind::Operator => Self::Operator {
                name: written.name.ok_or(Missing("name"))?,
            },
        })
    }
}
