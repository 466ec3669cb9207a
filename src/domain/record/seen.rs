//! Alerts that are told apart without being kept.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Episode;

/// Episodes by short hashes, at most [`Seen::MOST`]; written as six hex digits each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seen(Vec<u32>);

/// The text is no row of six hex digits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be six hex digits for each alert")]
pub struct NotSeen;

impl Seen {
    /// How many alerts are told apart.
    pub const MOST: usize = 128;
    /// The hex digits of one hash.
    pub const DIGITS: usize = 6;

    /// Adds the alert; tells whether it is new and there was room for it.
    pub fn insert(&mut self, alert: &Episode) -> bool {
        let is_new = !self.contains(alert) && !self.is_full();
        if is_new {
            self.0.push(short_hash(alert));
        }
        is_new
    }

    /// Whether the alert was added.
    pub fn contains(&self, alert: &Episode) -> bool {
        self.0.contains(&short_hash(alert))
    }

    /// Whether there may have been more alerts than are told apart.
    pub const fn is_full(&self) -> bool {
        self.0.len() >= Self::MOST
    }

    /// How many alerts were added.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no alert was added.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// FNV-1a folded to 24 bit: stable across versions and machines, as what is stored must be.
fn short_hash(alert: &Episode) -> u32 {
    let starts_at = alert.starts_at.as_millis().to_be_bytes();
    let bytes = alert.fingerprint.as_str().bytes().chain(starts_at);
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash >> 24) ^ (hash & 0x00ff_ffff)
}

impl From<Seen> for String {
    fn from(seen: Seen) -> Self {
        let mut text = Self::with_capacity(seen.0.len() * Seen::DIGITS);
        for hash in seen.0 {
            let written = write!(text, "{hash:06x}");
            debug_assert!(written.is_ok(), "a string takes everything");
        }
        text
    }
}

impl TryFrom<String> for Seen {
    type Error = NotSeen;

    fn try_from(text: String) -> Result<Self, NotSeen> {
        let hash = |digits: &[u8]| {
            let digits = std::str::from_utf8(digits).ok()?;
            let whole = digits.len() == Self::DIGITS;
            u32::from_str_radix(digits, 16).ok().filter(|_| whole)
        };
        let hashes = text.as_bytes().chunks(Self::DIGITS).map(hash);
        hashes.collect::<Option<_>>().map(Self).ok_or(NotSeen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn episode(text: &str) -> Episode {
        Episode::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn what_was_seen_is_read_back_as_it_was_written() {
        let mut seen = Seen::default();
        assert!(seen.insert(&episode("5f3a1c0e9b7d2468@1700000000000")));
        assert!(!seen.insert(&episode("5f3a1c0e9b7d2468@1700000000000")));
        assert!(seen.insert(&episode("5f3a1c0e9b7d2468@1700000000001")));
        let text = String::from(seen.clone());
        assert_eq!(text.get(..6), Some("ac2ac7"), "it never changes");
        assert_eq!(Seen::try_from(text), Ok(seen));
        assert_eq!(Seen::try_from(String::new()), Ok(Seen::default()));
        for bad in ["12345", "1234567", "12345x", "12345é"] {
            assert_eq!(Seen::try_from(bad.to_owned()), Err(NotSeen));
        }
    }

    #[test]
    fn only_so_many_are_told_apart() {
        let mut seen = Seen::default();
        for number in 0..Seen::MOST {
            assert!(!seen.is_full());
            assert!(seen.insert(&episode(&format!("a@{number}"))));
        }
        assert!(seen.is_full() && !seen.insert(&episode("b@0")));
        assert_eq!(seen.len(), Seen::MOST);
    }
}
