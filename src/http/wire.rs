//! Sessions, holders and instants as the API writes them.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::halt::Freeze;
use crate::domain::holder::{Cause, Holder};
use crate::domain::level::Level;
use crate::domain::name::{Endpoint, Fingerprint, Operator, Reason};
use crate::domain::session::{Session, SessionId};
use crate::domain::target::Target;
use crate::domain::time::Time;

/// A session with its holders.
#[derive(Debug, Serialize)]
pub(crate) struct SessionBody {
    pub(crate) id: SessionId,
    #[serde(flatten)]
    pub(crate) target: Target,
    pub(crate) level: Level,
    pub(crate) source: &'static str,
    pub(crate) opened_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) expires_in_seconds: u64,
    pub(crate) holders: Vec<HolderBody>,
}

/// One reason why a session is open.
#[derive(Debug, Serialize)]
pub(crate) struct HolderBody {
    source: &'static str,
    level: Level,
    started_at: Timestamp,
    expires_at: Timestamp,
    expires_in_seconds: u64,
    #[serde(skip_serializing_if = "Reason::is_empty")]
    reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<Operator>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<AlertBody>,
    /// How many alerts share this holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<u32>,
}

/// The alert behind a holder.
#[derive(Debug, Serialize)]
pub(crate) struct AlertBody {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) starts_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolved: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<Endpoint>,
}

/// A freeze in force.
#[derive(Debug, Serialize)]
pub(crate) struct FreezeBody {
    by: Operator,
    since: Timestamp,
    until: Timestamp,
    #[serde(skip_serializing_if = "Reason::is_empty")]
    reason: Reason,
}

impl SessionBody {
    /// Writes what of `session` lives at `now`; none if nothing does.
    pub(crate) fn of(target: &Target, session: &Session, now: Time) -> Option<Self> {
        let grant = session.grant(now)?;
        let expires_at = session.expires_at(now)?;
        let live = session.holders.iter().filter(|holder| holder.is_live(now));
        Some(Self {
            id: session.id,
            target: target.clone(),
            level: grant.level,
            source: session.source.as_str(),
            opened_at: instant(session.opened_at),
            expires_at: instant(expires_at),
            expires_in_seconds: whole_seconds(expires_at, now),
            holders: live.map(|holder| HolderBody::of(holder, now)).collect(),
        })
    }
}

impl HolderBody {
    fn of(holder: &Holder, now: Time) -> Self {
        let mut body = Self {
            source: holder.cause.source().as_str(),
            level: holder.level,
            started_at: instant(holder.started_at),
            expires_at: instant(holder.expires_at),
            expires_in_seconds: whole_seconds(holder.expires_at, now),
            reason: holder.reason.clone(),
            operator: None,
            alert: None,
            alerts: None,
        };
        match &holder.cause {
            Cause::Alert(alert) => {
                body.alert = Some(AlertBody {
                    fingerprint: alert.fingerprint.clone(),
                    starts_at: instant(alert.starts_at),
                    resolved: Some(alert.resolved),
                    endpoint: alert.endpoint.clone(),
                });
            }
            Cause::Others(others) => body.alerts = Some(others.count),
            Cause::Operator { name } => body.operator = Some(name.clone()),
            Cause::Errors => {}
        }
        body
    }
}

impl From<&Freeze> for FreezeBody {
    fn from(freeze: &Freeze) -> Self {
        Self {
            by: freeze.by.clone(),
            since: instant(freeze.since),
            until: instant(freeze.until),
            reason: freeze.reason.clone(),
        }
    }
}

/// The instant as RFC 3339 writes it; the epoch if it is in no calendar.
pub(crate) fn instant(time: Time) -> Timestamp {
    Timestamp::from_millisecond(time.as_millis()).unwrap_or_default()
}

/// The whole seconds from `now` to `until`, rounded down so that a client never ends later than the service.
pub(crate) fn whole_seconds(until: Time, now: Time) -> u64 {
    until.since(now).as_secs()
}
