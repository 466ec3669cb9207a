//! The names of the keys; all of them share one hash tag, so that a script may use them together.

use crate::domain::name::{App, Endpoint, Environment};
use crate::domain::target::{Place, Target};
use crate::store::{OpId, StoreError};

/// The names of the keys under one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    tag: String,
    /// Records, expiry, automatic, targets, meta and feed, in this order: what most scripts declare.
    pub(super) state: [String; 6],
    pub(super) meta: String,
    pub(super) feed: String,
    pub(super) windows: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        let key = |name| format!("{{{prefix}}}:{name}");
        Self {
            tag: format!("{{{prefix}}}"),
            state: ["records", "expiry", "automatic", "targets", "meta", "feed"].map(key),
            meta: key("meta"),
            feed: key("feed"),
            windows: key("windows"),
        }
    }

    /// Where the decision of an operation is remembered.
    pub(super) fn operation(&self, id: OpId) -> String {
        format!("{}:op:{id}", self.tag)
    }

    /// Where the answer to the given part of a count is remembered.
    pub(super) fn operation_part(&self, id: OpId, part: usize) -> String {
        format!("{}:op:{id}:{part}", self.tag)
    }

    /// The error window of the target with this field.
    pub(super) fn window(&self, field: &str) -> String {
        format!("{}:window:{field}", self.tag)
    }

    /// The error windows of one application.
    pub(super) fn windows_of(&self, app: &App) -> String {
        format!("{}:{app}", self.windows)
    }
}

/// The bounds between which the fields of one application in one environment lie.
pub(super) fn range(place: &Place) -> (String, String) {
    let Place { app, environment } = place;
    (
        format!("[{app}\0{environment}\0"),
        format!("({app}\0{environment}\x01"),
    )
}

/// The target that a key names, the reverse of [`crate::store::codec::key`].
pub(super) fn target(field: &str) -> Result<Target, StoreError> {
    let mut parts = field.splitn(3, '\0');
    let mut part = || parts.next().unwrap_or_default();
    let app = App::parse(part()).map_err(StoreError::corrupt)?;
    let environment = Environment::parse(part()).map_err(StoreError::corrupt)?;
    let endpoint = match part() {
        "" => None,
        name => Some(Endpoint::parse(name).map_err(StoreError::corrupt)?),
    };
    Ok(Target {
        app,
        environment,
        endpoint,
    })
}
