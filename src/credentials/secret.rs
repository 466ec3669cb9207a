//! What a secret must be to be taken.

use std::collections::HashSet;

use crate::domain::name::NameError;

/// The fewest bytes a secret may have.
const MIN_BYTES: usize = 24;

/// Why secrets are refused. Never quotes one.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There must be one, and none is configured.
    #[error("is required with a store that replicas share, since they must agree on it")]
    Required,
    /// The variable or file has no secret.
    #[error("has no secret")]
    Nothing,
    /// The file cannot be read.
    #[error("cannot be read: {}", .0.kind())]
    Unreadable(#[source] std::io::Error),
    /// There are more than may be.
    #[error("has more than {0} secrets")]
    TooMany(usize),
    /// The secret at that position, from 1, is empty.
    #[error("secret {0} is empty")]
    Empty(usize),
    /// The secret at that position is too short.
    #[error("secret {0} is shorter than {MIN_BYTES} bytes")]
    TooShort(usize),
    /// The secret at that position is one that everybody knows or guesses.
    #[error("secret {0} is a placeholder; make one with: openssl rand -hex 32")]
    Placeholder(usize),
    /// The entry at that position is no `name:token`.
    #[error("entry {0} must be name:token")]
    NoName(usize),
    /// The entry at that position has a name that is none.
    #[error("the name of entry {0} {1}")]
    Name(usize, #[source] NameError),
    /// The secret at that position was given before.
    #[error("secret {0} is also in {1}; every role needs its own, and each only once")]
    Repeated(usize, String),
}

/// Checks the secret at `position`, from 1.
pub(super) fn check(secret: &[u8], position: usize) -> Result<(), Fault> {
    if secret.is_empty() {
        Err(Fault::Empty(position))
    } else if secret.len() < MIN_BYTES {
        Err(Fault::TooShort(position))
    } else if is_placeholder(secret) {
        Err(Fault::Placeholder(position))
    } else {
        Ok(())
    }
}

/// Words that placeholders are made of; a longer one comes before one that it contains.
const WORDS: [&str; 34] = [
    "placeholder",
    "1234567890",
    "0123456789",
    "alertmanager",
    "credential",
    "changeme",
    "123456789",
    "password",
    "operator",
    "12345678",
    "replace",
    "example",
    "default",
    "webhook",
    "autolog",
    "letmein",
    "secret",
    "change",
    "random",
    "string",
    "passwd",
    "please",
    "qwerty",
    "abcdef",
    "insert",
    "token",
    "value",
    "dummy",
    "admin",
    "here",
    "this",
    "with",
    "your",
    "test",
];

/// Whether the secret is a template that nobody filled in, words that anybody tries first, or one pattern repeated.
fn is_placeholder(secret: &[u8]) -> bool {
    const LEAST_VARIETY: usize = 6;
    const LEAST_REST: usize = 6;
    let template = [b"${".as_slice(), b"$(", b"<", b"{{"];
    if template.iter().any(|start| secret.starts_with(start)) {
        return true;
    }
    let different: HashSet<&u8> = secret.iter().collect();
    if different.len() < LEAST_VARIETY {
        return true;
    }
    let mut rest: String = secret
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    let before = rest.len();
    for word in WORDS {
        rest = rest.replace(word, "");
    }
    rest.len() < LEAST_REST && rest.len() < before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_refused_however_long() {
        for bad in [
            "changeme-changeme-changeme-changeme",
            "your-webhook-secret-goes-here",
            "REPLACE_WITH_YOUR_SECRET_TOKEN",
            "example-secret-example-secret",
            "password12345678901234567890",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "0000000000000000000000000000000000",
            "abababababababababababababababab",
            "<the secret of your webhook here>",
            "$(openssl rand -base64 48)",
            "${AUTOLOG_SECRET_FROM_SOMEWHERE}",
        ] {
            assert!(
                matches!(check(bad.as_bytes(), 1), Err(Fault::Placeholder(1))),
                "{bad}"
            );
        }
    }

    #[test]
    fn random_secrets_of_enough_bytes_are_taken() {
        for good in [
            "3f1c9a0be7d24c55aa01f6e29b7780c1",
            "dGhpcyBpcyBub3QgYSByZWFsIHNlY3JldA==",
            "test-9f2b7c1d4e8a6035-webhook",
            "äußerst-geheim-und-zufällig",
        ] {
            assert!(check(good.as_bytes(), 1).is_ok(), "{good}");
        }
        assert!(check(b"0123456789abcdefghijklm\xff", 1).is_ok());
    }

    #[test]
    fn short_and_empty_secrets_are_refused() {
        assert!(matches!(check(b"", 2), Err(Fault::Empty(2))));
        assert!(matches!(check(b"changeme", 1), Err(Fault::TooShort(1))));
        assert!(matches!(
            check(b"9f2b7c1d4e8a60351c3d5e7", 3),
            Err(Fault::TooShort(3))
        ));
        assert!(check(b"9f2b7c1d4e8a60351c3d5e7f", 3).is_ok());
    }
}
