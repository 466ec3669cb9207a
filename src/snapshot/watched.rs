//! Who waits for a view to change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::{Memory, Snapshot};
use crate::domain::target::Place;
use crate::domain::time::Time;
use crate::snapshot::Shown;

/// How often places are forgotten that nobody watches any more.
const FORGET_EVERY: Duration = Duration::from_mins(1);
/// How many places are held at least before they are forgotten sooner: whoever comes and goes must not fill the memory.
const ROOM: usize = 1_024;

/// What watchers are told: what a view shows now.
#[derive(Debug)]
pub struct Notice {
    /// The revision of the view.
    pub revision: String,
    /// When this replica saw it first, by the store's clock.
    pub since: Time,
    /// The notice as it is sent: written once, for all watchers of the view.
    written: OnceLock<Arc<[u8]>>,
}

impl Notice {
    /// Tells of a revision that was seen first at `since`.
    pub fn new(revision: &str, since: Time) -> Self {
        Self {
            revision: revision.to_owned(),
            since,
            written: OnceLock::new(),
        }
    }

    /// The notice as `write` makes it, which is called by the first watcher only.
    pub fn written(&self, write: impl FnOnce(&Self) -> Arc<[u8]>) -> Arc<[u8]> {
        Arc::clone(self.written.get_or_init(|| write(self)))
    }
}

/// Hears of a view: always of the newest state, and of none twice.
pub type Notices = watch::Receiver<Arc<Notice>>;

/// Who watches, and who waits for what changes by time alone.
#[derive(Debug, Default)]
pub(super) struct Watched {
    places: Mutex<Places>,
    /// Wakes whoever waits for the next change by time alone.
    changed: Notify,
}

/// The places that are watched.
#[derive(Debug, Default)]
struct Places {
    senders: HashMap<Place, watch::Sender<Arc<Notice>>>,
    /// When the wait for time ends by itself, by the store's clock.
    due: Time,
    /// How many places may be held before those are looked for that nobody watches.
    room: usize,
}

impl Watched {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the watchers of one place what it shows now, if that is news.
    pub(super) fn tell(&self, memory: &Memory, place: &Place) {
        let places = self.places();
        if let Some(sender) = places.senders.get(place) {
            let shown = memory.shown(place);
            told(sender, &shown, memory.now());
            if places.are_late_for(&shown) {
                self.changed.notify_one();
            }
        }
    }

    /// Tells all watchers what their places show now, where that is news.
    pub(super) fn tell_all(&self, memory: &Memory) {
        let now = memory.now();
        for (place, sender) in &self.places().senders {
            told(sender, &memory.shown(place), now);
        }
        self.changed.notify_one();
    }
}

impl Places {
    /// Whether the wait for time does not end soon enough; looking at every place for each change would cost too much.
    fn are_late_for(&self, shown: &Shown) -> bool {
        shown.valid_until.is_some_and(|until| until < self.due)
    }
}

impl Snapshot {
    /// Watches one application in one environment; none before the first sync.
    pub fn watch(&self, place: Place) -> Option<Notices> {
        let memory = self.read();
        memory.clock.as_ref()?;
        let (shown, now) = (memory.shown(&place), memory.now());
        let mut places = self.watched.places();
        let sender = places
            .senders
            .entry(place)
            .or_insert_with(|| watch::channel(Arc::new(Notice::new(&shown.revision, now))).0);
        told(sender, &shown, now);
        let notices = sender.subscribe();
        if places.are_late_for(&shown) || places.senders.len() > places.room {
            self.watched.changed.notify_one();
        }
        Some(notices)
    }

    /// Tells watchers of what changes by time alone, for ever.
    pub async fn tell_of_time(&self) {
        loop {
            let pause = self.tell_lapsed();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.watched.changed.notified() => {}
            }
        }
    }

    /// Tells of what has lapsed by now, and returns for how long nothing else will.
    fn tell_lapsed(&self) -> Duration {
        let memory = self.read();
        let now = memory.now();
        let mut pause = FORGET_EVERY;
        let mut places = self.watched.places();
        places.senders.retain(|place, sender| {
            let shown = memory.shown(place);
            told(sender, &shown, now);
            if let Some(until) = shown.valid_until {
                // the millisecond in which it lapses has begun before
                pause = pause.min(until.since(now) + Duration::from_millis(1));
            }
            sender.receiver_count() > 0
        });
        places.due = now + pause;
        places.room = ROOM.max(places.senders.len() * 2);
        pause
    }
}

impl Memory {
    fn shown(&self, place: &Place) -> Arc<Shown> {
        let view = self
            .views
            .get(place.app.as_str(), place.environment.as_str());
        view.map_or_else(|| Arc::clone(&self.nothing), |view| view.shown(self.now()))
    }
}

/// Sends what is shown unless that was the last thing sent.
fn told(sender: &watch::Sender<Arc<Notice>>, shown: &Shown, now: Time) {
    sender.send_if_modified(|last| {
        let is_news = last.revision != shown.revision;
        if is_news {
            *last = Arc::new(Notice::new(&shown.revision, now));
        }
        is_news
    });
}

#[cfg(test)]
mod tests;
