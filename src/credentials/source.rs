//! Where the secrets of a role come from.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::role::Role;
use super::secret::Fault;

/// Where the secrets of each role come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Secrets that Alertmanager presents.
    pub webhook: Source,
    /// Tokens of operators.
    pub operators: Source,
    /// Tokens of applications.
    pub apps: Source,
}

/// Where the secrets of one role come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Nothing is configured.
    Unset,
    /// The variable itself, separated by commas.
    Variable(SecretString),
    /// A file, one secret a line.
    File(PathBuf),
}

impl Sources {
    /// Where to read each role, with what is generated in `dir` filled in.
    pub(super) fn origins(self, dir: Option<&Path>) -> [Origin; 3] {
        [
            (Role::Webhook, self.webhook),
            (Role::Operator, self.operators),
            (Role::App, self.apps),
        ]
        .map(|(role, source)| {
            let place = match (source, dir.zip(role.generated_name())) {
                (Source::Unset, Some((dir, name))) => Place::Generated(dir.join(name)),
                (Source::Unset, None) => Place::Nowhere,
                (Source::Variable(text), _) => Place::Variable(text),
                (Source::File(path), _) => Place::File(path),
            };
            Origin {
                role,
                place,
                required: role.generated_name().is_some(),
            }
        })
    }
}

/// One role's secrets: where they are, and whether there must be one.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) role: Role,
    pub(super) required: bool,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Nowhere,
    Variable(SecretString),
    File(PathBuf),
    Generated(PathBuf),
}

impl Origin {
    pub(super) const fn is_file(&self) -> bool {
        match self.place {
            Place::File(_) | Place::Generated(_) => true,
            Place::Nowhere | Place::Variable(_) => false,
        }
    }

    /// Whether its one secret was generated, so that an operator's token has no name of its own.
    pub(super) const fn is_generated(&self) -> bool {
        matches!(self.place, Place::Generated(_))
    }

    /// The secrets as they are written, one each.
    pub(super) fn entries(&self) -> Result<Vec<SecretSlice<u8>>, Fault> {
        let entries = match &self.place {
            Place::Nowhere if self.required => return Err(Fault::Required),
            Place::Nowhere => return Ok(Vec::new()),
            Place::Variable(text) => in_variable(text),
            Place::File(path) | Place::Generated(path) => in_file(path)?,
        };
        if entries.is_empty() {
            Err(Fault::Nothing)
        } else {
            Ok(entries)
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let variable = self.role.variable();
        match &self.place {
            Place::Nowhere | Place::Variable(_) => formatter.write_str(variable),
            Place::File(path) => write!(formatter, "{variable}_FILE ({})", path.display()),
            Place::Generated(path) => path.display().fmt(formatter),
        }
    }
}

fn in_variable(text: &SecretString) -> Vec<SecretSlice<u8>> {
    let parts = text.expose_secret().split(',');
    parts.map(|part| secret(part.trim().as_bytes())).collect()
}

/// Reads a secret from each line that is not empty; only the line end is no part of it.
fn in_file(path: &Path) -> Result<Vec<SecretSlice<u8>>, Fault> {
    let bytes = SecretSlice::from(std::fs::read(path).map_err(Fault::Unreadable)?);
    let lines = bytes.expose_secret().split(|byte| *byte == b'\n');
    Ok(lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .map(secret)
        .collect())
}

fn secret(bytes: &[u8]) -> SecretSlice<u8> {
    SecretSlice::from(bytes.to_vec())
}
