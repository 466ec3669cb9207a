//! What can be wrong with a field or a parameter.

use std::borrow::Cow;
use std::fmt;

use axum::http::StatusCode;

use crate::domain::name::NameError;

/// Where a field or parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// In the query string.
    Query,
    /// In the body.
    Body,
}

impl Part {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Query => StatusCode::BAD_REQUEST,
            Self::Body => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

/// The name of a field, such as `app` or `events[3].count`; never long, never other than a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field(Cow<'static, str>);

impl Field {
    /// The longest name that is repeated to the caller.
    const MAX: usize = 64;

    /// Takes a name that came with a request, if it is one that may be repeated.
    pub fn sanitized(name: &str) -> Option<Self> {
        let sane =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']');
        let may = !name.is_empty() && name.len() <= Self::MAX && name.bytes().all(sane);
        may.then(|| Self(Cow::Owned(name.to_owned())))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for Field {
    fn from(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

/// What is wrong with a field or parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// It has no meaning here.
    #[error("is not known here")]
    Unknown,
    /// It is there more than once.
    #[error("must be given once")]
    Repeated,
    /// It may not be given together with another one.
    #[error("cannot be given together with {with}")]
    Conflict {
        /// The other one.
        with: &'static str,
    },
    /// It is no valid name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It is too small or too large.
    #[error("must be from {min} to {max}")]
    OutOfRange {
        /// The least that is allowed.
        min: u64,
        /// The most that is allowed.
        max: u64,
    },
    /// It is of another JSON type, or a number of another kind or size.
    #[error("has the wrong type or size")]
    Type,
    /// It is not among the values that are known.
    #[error("must be one of {0}")]
    NotOneOf(&'static str),
    /// It breaks a rule of ours, told in its words.
    #[error("{0}")]
    Rule(Rule),
    /// It is not valid in another way.
    #[error("is not valid")]
    Invalid,
}

impl Fault {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing_field",
            Self::Unknown => "unknown_field",
            Self::Repeated => "repeated_field",
            Self::Conflict { .. } => "conflicting_fields",
            Self::Name(_) => "invalid_name",
            Self::OutOfRange { .. } => "out_of_range",
            Self::Type => "invalid_type",
            Self::Rule(rule) if rule.is_of_names() => "invalid_name",
            Self::NotOneOf(_) | Self::Rule(_) | Self::Invalid => "invalid_value",
        }
    }
}

/// The words of a rule of ours: they begin with `must` or `may`, and never quote what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule(Box<str>);

impl Rule {
    /// Takes the words of an error that a field's own type gave, if it is one of ours.
    ///
    /// The messages of serde and of `serde_json` quote the input and begin otherwise.
    pub fn of(message: &str) -> Option<Self> {
        let ours = message.starts_with("must ") || message.starts_with("may ");
        ours.then(|| Self(Box::from(message)))
    }

    /// Whether it is what a [`NameError`] says, which a field's own type can only tell in words.
    fn is_of_names(&self) -> bool {
        *self.0 == *"must not be empty"
            || self.0.starts_with("may only contain ")
            || (self.0.starts_with("must be at most ") && self.0.ends_with(" characters long"))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
