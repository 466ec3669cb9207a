//! One alert from the moment it began to fire.

use serde::{Deserialize, Serialize};

use crate::domain::holder::Alerting;
use crate::domain::name::Fingerprint;
use crate::domain::time::Time;

/// One alert from the moment it began to fire; written as `fingerprint@milliseconds`, since a record has many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Episode {
    /// What tells this alert from another.
    pub fingerprint: Fingerprint,
    /// When it began to fire, by its sender's clock.
    pub starts_at: Time,
}

/// The text is no `fingerprint@milliseconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be fingerprint@milliseconds")]
pub struct NoEpisode;

impl Episode {
    /// FNV-1a, 32 bit: stable across versions and machines, as what is stored must be.
    pub fn short_hash(&self) -> u32 {
        let starts_at = self.starts_at.as_millis().to_be_bytes();
        let bytes = self.fingerprint.as_str().bytes().chain(starts_at);
        bytes.fold(0x811c_9dc5, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        })
    }
}

impl From<Episode> for String {
    fn from(episode: Episode) -> Self {
        format!("{}@{}", episode.fingerprint, episode.starts_at.as_millis())
    }
}

impl TryFrom<String> for Episode {
    type Error = NoEpisode;

    fn try_from(text: String) -> Result<Self, NoEpisode> {
        let (fingerprint, millis) = text.rsplit_once('@').ok_or(NoEpisode)?;
        let fingerprint = fingerprint.parse().ok();
        let millis = millis.parse().ok();
        fingerprint
            .zip(millis)
            .map(|(fingerprint, millis)| Self {
                fingerprint,
                starts_at: Time::from_millis(millis),
            })
            .ok_or(NoEpisode)
    }
}

impl Alerting {
    /// The alert from the moment it began to fire.
    pub fn episode(&self) -> Episode {
        Episode {
            fingerprint: self.fingerprint.clone(),
            starts_at: self.starts_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_is_read_back_whatever_its_fingerprint_and_start() {
        for (fingerprint, millis) in [("5f3a1c0e9b7d2468", 0), ("a@b:-1@", -377_705_116_800_000)] {
            let episode = Episode {
                fingerprint: Fingerprint::parse(fingerprint).unwrap(),
                starts_at: Time::from_millis(millis),
            };
            let text = String::from(episode.clone());
            assert_eq!(text, format!("{fingerprint}@{millis}"));
            assert_eq!(Episode::try_from(text), Ok(episode));
        }
        for bad in ["", "a", "@1", "a@", "a@x", "a b@1"] {
            assert_eq!(Episode::try_from(bad.to_owned()), Err(NoEpisode));
        }
    }

    #[test]
    fn the_short_hash_never_changes() {
        let episode = Episode::try_from("5f3a1c0e9b7d2468@1700000000000".to_owned()).unwrap();
        assert_eq!(episode.short_hash(), 3_735_824_921);
    }
}
