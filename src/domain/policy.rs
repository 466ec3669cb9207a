//! The limits within which sessions are granted.

use std::time::Duration;

use wildmatch::WildMatch;

use super::target::Target;

/// The limits within which sessions are granted; the same on every replica.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long a holder lives when nobody says otherwise.
    pub ttl: Duration,
    /// The shortest life a holder may be given.
    pub ttl_min: Duration,
    /// The longest life a holder may be given.
    pub ttl_max: Duration,
    /// How long an automatic holder may be renewed, from its start; after that it is barred for as long again.
    pub max_session: Duration,
    /// What a `resolved` alert does to its holder.
    pub on_resolved: OnResolved,
    /// How long automatic sources stay out after a disable.
    pub cooldown: Duration,
    /// Targets that may go verbose; every target, if empty.
    pub allow: Vec<Pattern>,
    /// Targets that may not go verbose, whatever `allow` says.
    pub deny: Vec<Pattern>,
    /// How many sessions may be live at once.
    pub caps: Caps,
}

/// What a `resolved` alert does to its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnResolved {
    /// Nothing: the TTL is the guarantee, and the time after the fix is worth reading.
    Keep,
    /// The holder ends after this long.
    Linger(Duration),
}

/// How many sessions may be live at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// All sessions.
    pub sessions: usize,
    /// Sessions of one application.
    pub sessions_per_app: usize,
    /// Sessions that an automatic source opened.
    pub automatic: usize,
    /// Sessions of one application that an automatic source opened.
    pub automatic_per_app: usize,
}

impl Default for Policy {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_mins(1);
        Self {
            ttl: 30 * MINUTE,
            ttl_min: MINUTE,
            ttl_max: 240 * MINUTE,
            max_session: 240 * MINUTE,
            on_resolved: OnResolved::Keep,
            cooldown: 10 * MINUTE,
            allow: Vec::new(),
            deny: Vec::new(),
            caps: Caps::default(),
        }
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            sessions: 1_000,
            sessions_per_app: 50,
            automatic: 100,
            automatic_per_app: 10,
        }
    }
}

impl Policy {
    /// Brings `ttl` within the bounds.
    pub fn clamp_ttl(&self, ttl: Duration) -> Duration {
        ttl.max(self.ttl_min).min(self.ttl_max)
    }

    /// Whether the configured lists let `target` go verbose.
    pub fn lets(&self, target: &Target) -> bool {
        let matches = |pattern: &Pattern| pattern.matches(target);
        !self.deny.iter().any(matches) && (self.allow.is_empty() || self.allow.iter().any(matches))
    }
}

/// An `app/environment` glob: `*` stands for any characters, `?` for one.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    app: WildMatch,
    environment: WildMatch,
}

/// The text is no `app/environment` glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be app/environment, where * stands for any characters and ? for one")]
pub struct PatternError;

impl Pattern {
    /// Whether `target` matches both halves.
    pub fn matches(&self, target: &Target) -> bool {
        self.app.matches(target.app.as_str())
            && self.environment.matches(target.environment.as_str())
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    /// Splits at the last `/`, since an application's name may have one and an environment's may not.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        match text.rsplit_once('/') {
            Some((app, environment)) if !app.is_empty() && !environment.is_empty() => Ok(Self {
                text: text.to_owned(),
                app: WildMatch::new(app),
                environment: WildMatch::new(environment),
            }),
            _ => Err(PatternError),
        }
    }
}
