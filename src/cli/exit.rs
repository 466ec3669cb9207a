//! How a command ends.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::config::ConfigError;
use crate::credentials::CredentialsError;

/// How a command ends; the numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or yes.
    Done = 0,
    /// No, or failed.
    No = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// The service refused.
    Refused = 3,
    /// The service cannot be reached, or cannot do it now.
    Unavailable = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The address of the service is none.
    #[error("--url or AUTOLOG_URL must be an http:// or https:// address")]
    Url,
    /// The token cannot be sent.
    #[error("AUTOLOG_TOKEN has characters that cannot be sent")]
    Token,
    /// The HTTP client could not be made, for want of CA certificates.
    #[error("no connection over TLS is possible: {}", innermost(.0))]
    Client(#[source] reqwest::Error),
    /// There was no answer.
    #[error("cannot reach {origin}: {}", innermost(.source))]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// The service said no.
    #[error("{problem}{}", if *.no_token { "\nSet AUTOLOG_TOKEN to an operator's token." } else { "" })]
    Problem {
        /// The status of the answer.
        status: StatusCode,
        /// What the service said.
        problem: Problem,
        /// Whether none was sent where one was needed.
        no_token: bool,
    },
    /// The answer is none of the service's.
    #[error("the answer of {origin} ({status}) is none of autolog's; check the address")]
    Foreign {
        /// Scheme, host and port.
        origin: String,
        /// The status of the answer.
        status: StatusCode,
    },
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The secrets are wrong.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// No secret was generated.
    #[error("there are no generated secrets in {}; start the service once", .0.display())]
    NothingGenerated(PathBuf),
    /// The service is not well.
    #[error("{url} answered {status}")]
    Unhealthy {
        /// What was asked.
        url: String,
        /// The status of the answer.
        status: StatusCode,
    },
    /// The admin listener's address is none.
    #[error("AUTOLOG_ADMIN_LISTEN: must be an address and a port")]
    AdminListen,
    /// The result could not be printed.
    #[error("cannot write the result: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// The exit code that tells a script what happened.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Url | Self::Token | Self::Config(_) | Self::Credentials(_) => Exit::Usage,
            Self::Problem { status, .. } if status.is_client_error() => Exit::Refused,
            Self::Client(_)
            | Self::Unreachable { .. }
            | Self::Problem { .. }
            | Self::Foreign { .. } => Exit::Unavailable,
            Self::NothingGenerated(_)
            | Self::Unhealthy { .. }
            | Self::AdminListen
            | Self::Output(_) => Exit::No,
        }
    }

    /// Whether whoever read the result has gone, as `head` does; that is no failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// What the service said in `application/problem+json`.
#[derive(Debug, Deserialize)]
pub struct Problem {
    detail: String,
    code: String,
    field: Option<String>,
    request_id: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = [("field", &self.field), ("request", &self.request_id)];
        write!(formatter, "{} (code {}", self.detail, self.code)?;
        for (name, value) in named {
            if let Some(value) = value {
                write!(formatter, ", {name} {value}")?;
            }
        }
        formatter.write_str(")")
    }
}

/// The last cause, which is the one that says something.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
