//! Who asked, and when.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::domain::target::Place;
use crate::domain::time::Time;

/// The most applications and environments that are remembered; invented names must not fill the memory.
const MAX_PLACES: usize = 10_000;

/// When each application in each environment was last asked about at this replica.
#[derive(Debug, Default)]
pub struct Polls {
    places: RwLock<HashMap<String, HashMap<String, AtomicI64>>>,
    count: AtomicI64,
}

impl Polls {
    /// Notes a poll; forgotten if too many places are remembered already.
    pub fn note(&self, app: &str, environment: &str, now: Time) {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let known = places.get(app).and_then(|app| app.get(environment));
        if let Some(last) = known {
            last.store(now.as_millis(), Ordering::Relaxed);
            return;
        }
        drop(places);
        let most = i64::try_from(MAX_PLACES).unwrap_or(i64::MAX);
        if self.count.fetch_add(1, Ordering::Relaxed) >= most {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let app = places.entry(app.to_owned()).or_default();
        let last = AtomicI64::new(now.as_millis());
        if app.insert(environment.to_owned(), last).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// When `place` was last asked about.
    pub fn last(&self, place: &Place) -> Option<Time> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let app = places.get(place.app.as_str())?;
        let last = app.get(place.environment.as_str())?;
        Some(Time::from_millis(last.load(Ordering::Relaxed)))
    }

    /// Forgets places that were not asked about since `horizon`.
    pub fn forget_before(&self, horizon: Time) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let mut kept = 0;
        places.retain(|_, app| {
            app.retain(|_, last| last.load(Ordering::Relaxed) >= horizon.as_millis());
            kept += app.len();
            !app.is_empty()
        });
        let kept = i64::try_from(kept).unwrap_or(i64::MAX);
        self.count.store(kept, Ordering::Relaxed);
    }
}
