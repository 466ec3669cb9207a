//! The digests of all secrets, and the comparisons with them.

use std::collections::{HashMap, HashSet};
use std::fmt;

use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::role::Role;
use super::secret::{Fault, check};
use super::source::Origin;
use super::{CredentialsError, Refusal};
use crate::domain::name::Operator;

/// The most secrets the webhook may have: each costs a comparison on every message.
const MAX_WEBHOOK_SECRETS: usize = 8;

/// The SHA-256 digest of a secret, so that every comparison is of the same length.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Compares in constant time, once more after a look-up by digest, which no one can steer byte by byte.
    fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The digests of all secrets, by role. `Debug` shows how many.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Keyring {
    webhook: Vec<Digest>,
    operators: HashMap<Digest, Operator>,
    apps: HashSet<Digest>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keyring")
            .field("webhook", &self.webhook.len())
            .field("operators", &self.operators.len())
            .field("apps", &self.apps.len())
            .finish()
    }
}

impl Keyring {
    /// Reads every secret and reports everything that is wrong with any of them.
    pub(super) fn load(origins: &[Origin]) -> Result<Self, CredentialsError> {
        let mut loading = Loading::default();
        for origin in origins {
            loading.read(origin);
        }
        if loading.refusals.is_empty() {
            Ok(loading.keyring)
        } else {
            Err(CredentialsError::Refused(loading.refusals))
        }
    }

    /// Compares with every secret, so that the time tells nothing about which one it was.
    pub(super) fn webhook(&self, presented: &Digest) -> bool {
        let right = self.webhook.iter().fold(Choice::from(0), |found, secret| {
            found | secret.0.ct_eq(&presented.0)
        });
        right.into()
    }

    pub(super) fn operator(&self, presented: &Digest) -> Option<Operator> {
        let (token, name) = self.operators.get_key_value(presented)?;
        token.is(presented).then(|| name.clone())
    }

    pub(super) fn app(&self, presented: &Digest) -> bool {
        self.apps
            .get(presented)
            .is_some_and(|token| token.is(presented))
    }
}

/// A keyring on its way, and what was refused so far.
#[derive(Default)]
struct Loading {
    keyring: Keyring,
    seen: HashMap<Digest, String>,
    refusals: Vec<Refusal>,
}

impl Loading {
    fn read(&mut self, origin: &Origin) {
        let entries = match origin.entries() {
            Ok(entries) => entries,
            Err(fault) => return self.refuse(origin, fault),
        };
        if origin.role == Role::Webhook && entries.len() > MAX_WEBHOOK_SECRETS {
            return self.refuse(origin, Fault::TooMany(MAX_WEBHOOK_SECRETS));
        }
        for (index, entry) in entries.iter().enumerate() {
            if let Err(fault) = self.add(origin, entry.expose_secret(), index + 1) {
                self.refuse(origin, fault);
            }
        }
    }

    fn add(&mut self, origin: &Origin, entry: &[u8], position: usize) -> Result<(), Fault> {
        match origin.role {
            Role::Webhook => {
                let digest = self.check(origin, entry, position)?;
                self.keyring.webhook.push(digest);
            }
            Role::Operator => {
                let (name, token) = operator(origin, entry, position)?;
                let digest = self.check(origin, token, position)?;
                self.keyring.operators.insert(digest, name);
            }
            Role::App => {
                let digest = self.check(origin, entry, position)?;
                self.keyring.apps.insert(digest);
            }
        }
        Ok(())
    }

    fn check(&mut self, origin: &Origin, secret: &[u8], position: usize) -> Result<Digest, Fault> {
        check(secret, position)?;
        let digest = Digest::of(secret);
        match self.seen.insert(digest, origin.to_string()) {
            Some(first) => Err(Fault::Repeated(position, first)),
            None => Ok(digest),
        }
    }

    fn refuse(&mut self, origin: &Origin, fault: Fault) {
        self.refusals.push(Refusal {
            origin: origin.to_string(),
            fault,
        });
    }
}

/// Splits `name:token` at its first colon; a generated token belongs to `operator`.
fn operator<'a>(
    origin: &Origin,
    entry: &'a [u8],
    position: usize,
) -> Result<(Operator, &'a [u8]), Fault> {
    let name = |text| Operator::parse(text).map_err(|error| Fault::Name(position, error));
    if origin.is_generated() {
        return Ok((name("operator")?, entry));
    }
    let mut parts = entry.splitn(2, |byte| *byte == b':');
    let (Some(text), Some(token)) = (parts.next(), parts.next()) else {
        return Err(Fault::NoName(position));
    };
    match std::str::from_utf8(text) {
        Ok(text) => Ok((name(text.trim())?, token)),
        Err(_) => Err(Fault::NoName(position)),
    }
}
