//! Who asked, and when.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::domain::name::{App, Environment};
use crate::domain::target::Place;
use crate::domain::time::Time;

/// The most applications and environments that are remembered; invented names must not fill the memory.
const MAX_PLACES: usize = 10_000;

/// When each application in each environment was last asked about at this replica.
#[derive(Debug, Default)]
pub struct Polls {
    places: RwLock<HashMap<Box<[u8]>, AtomicI64>>,
}

/// The longest key: two names and what parts them.
const LONGEST: usize = App::MAX + 1 + Environment::MAX;

/// The names of a place as one key, put together on the stack, since every poll needs it.
struct Key {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Key {
    /// Names that are longer than names may be are cut.
    fn of(app: &str, environment: &str) -> Self {
        let mut bytes = [0; LONGEST];
        let mut free = bytes.as_mut_slice();
        for part in [app.as_bytes(), &[0], environment.as_bytes()] {
            let fits = free.write(part);
            debug_assert_eq!(fits.ok(), Some(part.len()), "names are checked before");
        }
        let length = LONGEST - free.len();
        Self { bytes, length }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Polls {
    /// Notes a poll; forgotten if too many places are remembered already.
    pub fn note(&self, app: &str, environment: &str, now: Time) {
        let key = Key::of(app, environment);
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = places.get(key.as_slice()) {
            last.store(now.as_millis(), Ordering::Relaxed);
            return;
        }
        let is_full = places.len() >= MAX_PLACES;
        drop(places);
        if is_full {
            return;
        }
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        if places.len() < MAX_PLACES {
            let last = AtomicI64::new(now.as_millis());
            places.insert(key.as_slice().into(), last);
        }
    }

    /// When `place` was last asked about.
    pub fn last(&self, place: &Place) -> Option<Time> {
        let key = Key::of(place.app.as_str(), place.environment.as_str());
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let last = places.get(key.as_slice())?;
        Some(Time::from_millis(last.load(Ordering::Relaxed)))
    }

    /// Forgets places that were not asked about since `horizon`.
    pub fn forget_before(&self, horizon: Time) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, last| last.load(Ordering::Relaxed) >= horizon.as_millis());
    }
}
