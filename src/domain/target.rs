//! What goes verbose.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::name::{App, Endpoint, Environment};

/// An application in an environment: what an application asks `check` about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The application.
    pub app: App,
    /// The environment it runs in.
    pub environment: Environment,
}

impl Place {
    /// The target that covers the whole application.
    pub fn whole(&self) -> Target {
        self.target(None)
    }

    /// The target of one `endpoint`, or of the whole application without one.
    pub fn target(&self, endpoint: Option<Endpoint>) -> Target {
        Target {
            app: self.app.clone(),
            environment: self.environment.clone(),
            endpoint,
        }
    }
}

/// What goes verbose: an application in an environment, or one endpoint of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The application.
    pub app: App,
    /// The environment it runs in.
    pub environment: Environment,
    /// The endpoint, or none for the whole application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
}

impl Target {
    /// The application and environment this target lies in.
    pub fn place(&self) -> Place {
        Place {
            app: self.app.clone(),
            environment: self.environment.clone(),
        }
    }

    /// The app-wide target of the same application and environment.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self {
            endpoint: None,
            ..self.clone()
        }
    }

    /// Whether both lie in the same place.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.app == other.app && self.environment == other.environment
    }

    /// Whether the target lies in `place`.
    pub fn is_in(&self, place: &Place) -> bool {
        self.app == place.app && self.environment == place.environment
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.app, self.environment)?;
        match &self.endpoint {
            Some(endpoint) => write!(formatter, " {endpoint}"),
            None => Ok(()),
        }
    }
}
