//! Who may: the secrets of each role, where they come from, and whether a presented one is right.

mod data_dir;
mod generated;
mod keyring;
mod role;
mod secret;
mod source;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::name::Operator;

pub use data_dir::{DataDirError, prepare};
pub use role::Role;
pub use secret::Fault;
pub use source::{Source, Sources};

use generated::ensure;
use keyring::{Digest, Keyring};
use source::Origin;

/// Where the embedded store's webhook secret lies in the data directory.
pub const WEBHOOK_SECRET_FILE: &str = "webhook-secret";
/// Where the embedded store's operator token lies in the data directory.
pub const OPERATOR_TOKEN_FILE: &str = "operator-token";

/// The secrets of every role. `Debug` shows none of them.
#[derive(Debug)]
pub struct Credentials {
    origins: [Origin; 3],
    keyring: Mutex<Arc<Keyring>>,
}

/// The secrets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Every secret that is refused, by where it comes from, never its text.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refusal>),
    /// The data directory cannot take the generated secrets.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

/// A secret that is refused.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {fault}")]
pub struct Refusal {
    /// Where it comes from: a variable, with its file if it names one, or a generated file.
    pub origin: String,
    /// What is wrong with it.
    pub fault: Fault,
}

impl Credentials {
    /// Loads the secrets; with `generate_in`, webhook and operator get a generated one where none is configured.
    ///
    /// Generating is idempotent and survives a crash at any moment. Without `generate_in` (a store that replicas
    /// share) both are required. Reads and writes files: not for an async thread.
    pub fn open(sources: Sources, generate_in: Option<&Path>) -> Result<Self, CredentialsError> {
        if let Some(dir) = generate_in {
            prepare(dir)?;
            let pairs = [
                (&sources.webhook, WEBHOOK_SECRET_FILE),
                (&sources.operators, OPERATOR_TOKEN_FILE),
            ];
            for (source, name) in pairs {
                if matches!(source, Source::Unset) {
                    ensure(dir, name).map_err(|error| DataDirError::new(dir, error))?;
                }
            }
        }
        let origins = sources.origins(generate_in);
        let keyring = Keyring::load(&origins)?;
        Ok(Self {
            origins,
            keyring: Mutex::new(Arc::new(keyring)),
        })
    }

    /// Checks what is configured without generating anything; `embedded` tells whether the rest would be generated.
    pub fn check(sources: Sources, embedded: bool) -> Result<(), CredentialsError> {
        let mut origins = sources.origins(None);
        if embedded {
            for origin in &mut origins {
                origin.required = false;
            }
        }
        Keyring::load(&origins).map(|_| ())
    }

    /// Reads the files again and tells whether a secret changed; on an error the old secrets stay in force.
    ///
    /// Reads files: not for an async thread.
    pub fn reload(&self) -> Result<bool, CredentialsError> {
        let fresh = Keyring::load(&self.origins)?;
        let mut keyring = self.keyring.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = **keyring != fresh;
        *keyring = Arc::new(fresh);
        Ok(changed)
    }

    /// Whether some secret comes from a file, so that [`Credentials::reload`] can find a change.
    pub fn has_files(&self) -> bool {
        self.origins.iter().any(Origin::is_file)
    }

    /// Whether `presented` is one of the webhook's secrets; compares with every one of them, in constant time.
    pub fn webhook(&self, presented: &[u8]) -> bool {
        self.keyring().webhook(&Digest::of(presented))
    }

    /// The operator whose token was presented.
    pub fn operator(&self, presented: &[u8]) -> Option<Operator> {
        self.keyring().operator(&Digest::of(presented))
    }

    /// Whether `presented` is an application's token.
    pub fn app(&self, presented: &[u8]) -> bool {
        self.keyring().app(&Digest::of(presented))
    }

    fn keyring(&self) -> Arc<Keyring> {
        let keyring = self.keyring.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&keyring)
    }
}

/// The path of a generated secret in the data directory.
pub fn generated_path(dir: &Path, role: Role) -> Option<PathBuf> {
    role.generated_name().map(|name| dir.join(name))
}

#[cfg(test)]
mod tests;
