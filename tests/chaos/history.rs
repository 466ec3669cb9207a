//! What everybody saw: what writers were promised, what pollers were answered, what came through the feed.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use autolog::store::Position;
use jiff::Timestamp;

/// What was promised to a writer.
#[derive(Clone, Debug)]
pub(crate) enum Promise {
    /// This application is verbose until then.
    Verbose {
        app: String,
        id: String,
        until: Timestamp,
    },
    /// This application was made quiet, and nobody has asked for it since.
    Quiet { app: String },
    /// This application may be quiet: whether it was made so is not known.
    Asked { app: String },
    /// These two became verbose by one message.
    Pair { apps: [String; 2] },
}

/// What a poller was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) replica: usize,
    pub(crate) asked: Timestamp,
    pub(crate) took: Duration,
    /// The status; none if there was no answer.
    pub(crate) status: Option<u16>,
    /// When the session ends that it tells of.
    pub(crate) until: Option<Timestamp>,
    pub(crate) stale: bool,
}

/// What a follower of the feed saw.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// Everything, at one instant.
    Listed {
        position: Position,
        live: BTreeSet<String>,
    },
    /// A change.
    Changed(Position),
    /// That nothing has changed.
    Nothing(Position),
}

/// What everybody saw.
#[derive(Default)]
pub(crate) struct History {
    promises: Mutex<Vec<Promise>>,
    answers: Mutex<Vec<Answer>>,
    seen: Mutex<Vec<Seen>>,
    refused: Mutex<Vec<(usize, Duration)>>,
}

impl History {
    pub(crate) fn promised(&self, promise: Promise) {
        self.promises.lock().unwrap().push(promise);
    }

    pub(crate) fn answered(&self, answer: Answer) {
        self.answers.lock().unwrap().push(answer);
    }

    pub(crate) fn saw(&self, seen: Seen) {
        self.seen.lock().unwrap().push(seen);
    }

    /// A replica refused a write after this time.
    pub(crate) fn refused(&self, replica: usize, took: Duration) {
        self.refused.lock().unwrap().push((replica, took));
    }

    /// How many writes were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        let promises = self.promises.lock().unwrap();
        let is_kept = |promise: &&Promise| !matches!(promise, Promise::Asked { .. });
        promises.iter().filter(is_kept).count()
    }

    pub(crate) fn promises(&self) -> Vec<Promise> {
        self.promises.lock().unwrap().clone()
    }

    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.answers.lock().unwrap().clone()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn refusals(&self) -> Vec<(usize, Duration)> {
        self.refused.lock().unwrap().clone()
    }
}
