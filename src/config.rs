//! The configuration: environment variables, read once, with every problem reported at once.

mod client;
mod names;
mod reader;
mod sections;
mod store;
mod values;
mod variables;

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::alertmanager::Mapping;
use crate::credentials::{Credentials, CredentialsError, Sources};
use crate::domain::policy::Policy;
use crate::domain::window::WindowRule;
use crate::telemetry::Logging;

pub use client::{ClientConfig, admin_address};
pub use reader::{ConfigError, Problem};
pub use store::{AddressError, StoreAddress};
pub use values::{Length, LengthError};
pub use variables::{Fallback, PREFIX, VARIABLES, Variable};

use reader::Reader;
use variables::{Setting, Settings};

/// The configuration of the service: a section for each part.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the service listens.
    pub listeners: Listeners,
    /// Directory of the embedded store and of the generated secrets.
    pub data_dir: PathBuf,
    /// Where sessions are kept.
    pub store: StoreAddress,
    /// Where the secrets of each role come from.
    pub secrets: Sources,
    /// The limits within which sessions are granted.
    pub policy: Policy,
    /// How alerts become targets.
    pub mapping: Mapping,
    /// How errors are counted.
    pub errors: WindowRule,
    /// How often applications are told to poll; whole seconds.
    pub poll_interval: Duration,
    /// What a request may cost.
    pub limits: Limits,
    /// What is logged, and how.
    pub logging: Logging,
    /// What `check-config` prints: a row for each variable.
    pub effective: Vec<Effective>,
}

/// Where the service listens.
#[derive(Clone, Copy, Debug)]
pub struct Listeners {
    /// The API.
    pub api: SocketAddr,
    /// Metrics and probes.
    pub admin: SocketAddr,
    /// Whether `check` and `watch` answer without a token.
    pub open_check: bool,
}

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest webhook body, in bytes.
    pub webhook_bytes: usize,
    /// The largest other body, in bytes.
    pub body_bytes: usize,
    /// The largest request head, in bytes.
    pub header_bytes: usize,
    /// How many connections are open at once.
    pub connections: usize,
    /// How many of those may watch.
    pub watchers: usize,
    /// The longest page of a list.
    pub page: usize,
}

/// One row of the effective configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The variable's full name.
    pub variable: &'static str,
    /// Its value; a secret is not shown.
    pub value: String,
    /// Whether it was given.
    pub given: bool,
}

impl Config {
    /// Reads the configuration from environment variables.
    pub fn from_vars(
        vars: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader::default();
        let mut no_color = false;
        let vars = vars.inspect(|(name, value)| no_color |= is_no_color(name, value));
        let ours = names::collect(vars, &mut reader);
        let settings = fill(ours, &mut reader);
        let mut config = Self::read(&settings, &mut reader);
        config.logging.no_color = no_color;
        config.effective = settings
            .all()
            .into_iter()
            .map(|setting| config.effective(setting))
            .collect();
        tell_secrets(&config, &mut reader);
        reader.finish(config)
    }

    fn read(settings: &Settings, reader: &mut Reader) -> Self {
        let data_dir = reader.parse(settings.data_dir()).or(PathBuf::new());
        // in the order in which the problems are to be told
        let listeners = sections::listeners(settings, reader);
        let store = sections::store(settings, &data_dir, reader);
        let secrets = sections::secrets(settings, reader);
        let policy = sections::policy(settings, reader);
        Self {
            mapping: sections::mapping(settings, &policy, reader),
            errors: sections::errors(settings, reader),
            poll_interval: sections::poll_interval(settings, reader),
            limits: sections::limits(settings, reader),
            logging: sections::logging(settings, reader),
            effective: Vec::new(),
            listeners,
            data_dir,
            store,
            secrets,
            policy,
        }
    }

    fn effective(&self, setting: Setting) -> Effective {
        let value = match setting.variable.name {
            "AUTOLOG_STORE" => self.store.to_string(),
            "AUTOLOG_OPEN_CHECK" => self.listeners.open_check.to_string(),
            _ => match (setting.variable.default, setting.given) {
                (Fallback::Secret, Some(_)) => "(secret)".to_owned(),
                (Fallback::Derived(words), None) => format!("({words})"),
                _ => setting.text().unwrap_or_default().trim().to_owned(),
            },
        };
        Effective {
            variable: setting.variable.name,
            value,
            given: setting.given.is_some(),
        }
    }
}

/// Hands the cleaned variables to envy, which takes the prefix off and fills the struct.
fn fill(ours: std::collections::BTreeMap<String, String>, reader: &mut Reader) -> Settings {
    envy::prefixed(PREFIX).from_iter(ours).unwrap_or_else(|_| {
        // Names are known and values are text by now, so that envy has nothing left to refuse.
        reader.problem(PREFIX, format_args!("could not be read"));
        Settings::default()
    })
}

/// Adds what is wrong with the secrets to the other problems. Alone they are told by who opens them.
fn tell_secrets(config: &Config, reader: &mut Reader) {
    if !reader.has_problems() {
        return;
    }
    let checked = Credentials::check(config.secrets.clone(), config.store.is_embedded());
    if let Err(CredentialsError::Refused(refusals)) = checked {
        for refusal in refusals {
            reader.problem(&refusal.origin, format_args!("{}", refusal.fault));
        }
    }
}

fn is_no_color(name: &std::ffi::OsStr, value: &std::ffi::OsStr) -> bool {
    name == "NO_COLOR" && !value.is_empty()
}

/// Stands in for an address that could not be read.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[cfg(test)]
mod tests;
