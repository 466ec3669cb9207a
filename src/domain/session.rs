//! The live grant of verbose logging for one target.

use serde::{Deserialize, Deserializer, Serialize};

use super::holder::{Cause, Holder, Source};
use super::level::Level;
use super::text;
use super::time::Time;

/// The most holders a session may have.
pub const MAX_HOLDERS: usize = 32;

/// What tells one session from another: a ULID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct SessionId(ulid::Ulid);

impl SessionId {
    /// Makes the identity of a session opened at `now`; the same `random` makes the same identity.
    pub fn new(now: Time, random: u128) -> Self {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        Self(ulid::Ulid::from_parts(millis, random))
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0.to_string()
    }
}

impl std::str::FromStr for SessionId {
    type Err = ulid::DecodeError;

    fn from_str(text: &str) -> Result<Self, ulid::DecodeError> {
        ulid::Ulid::from_string(text).map(Self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::parse(deserializer)
    }
}

/// The live grant of verbose logging for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What tells this session from another.
    pub id: SessionId,
    /// What opened it.
    pub source: Source,
    /// When it was opened.
    pub opened_at: Time,
    /// Why it is open; never empty in a stored session.
    #[serde(deserialize_with = "exact")]
    pub holders: Vec<Holder>,
}

/// Reads holders without room for more: most sessions have one, and there may be thousands.
fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Holder>, D::Error> {
    let mut holders = Vec::deserialize(deserializer)?;
    holders.shrink_to_fit();
    Ok(holders)
}

impl Session {
    /// The end of the last holder that lives at `now`, or none if the session has ended.
    pub fn expires_at(&self, now: Time) -> Option<Time> {
        self.live(now).map(|holder| holder.expires_at).max()
    }

    /// The instant after which no holder lives, whenever that is.
    pub fn end(&self) -> Time {
        self.holders
            .iter()
            .map(|holder| holder.expires_at)
            .max()
            .unwrap_or_default()
    }

    /// What the session grants at `now`: the most verbose level any live holder asks for, and until when.
    pub fn grant(&self, now: Time) -> Option<Grant> {
        let level = self.live(now).map(|holder| holder.level).max()?;
        let until = self
            .live(now)
            .filter(|holder| holder.level == level)
            .map(|holder| holder.expires_at)
            .max()?;
        let changes_at = self.live(now).map(|holder| holder.expires_at).min()?;
        Some(Grant {
            level,
            until,
            changes_at,
        })
    }

    /// The holder that is the same as `cause`.
    pub fn holder(&self, cause: &Cause) -> Option<&Holder> {
        self.holders
            .iter()
            .find(|holder| holder.cause.is_same(cause))
    }

    /// The holder that is the same as `cause`, to change it.
    pub fn holder_mut(&mut self, cause: &Cause) -> Option<&mut Holder> {
        self.holders
            .iter_mut()
            .find(|holder| holder.cause.is_same(cause))
    }

    fn live(&self, now: Time) -> impl Iterator<Item = &Holder> {
        self.holders
            .iter()
            .filter(move |holder| holder.is_live(now))
    }
}

/// What a session grants at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The level.
    pub level: Level,
    /// Until when this level is granted.
    pub until: Time,
    /// The first instant at which a holder ends, so that the grant may change by time alone.
    pub changes_at: Time,
}
