//! The parts of the service, joined.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::store;
use super::tasks::Tasks;
use crate::config::Config;
use crate::control::counter::{Counter, counter};
use crate::control::{Control, Parts};
use crate::credentials::Credentials;
use crate::feed::Feed;
use crate::http::Routes;
use crate::http::admin::{self, Admin, Health};
use crate::http::api::{self, Api};
use crate::http::auth::Authority;
use crate::http::limits::BodyLimits;
use crate::metrics::{Build, Metrics};
use crate::readiness::{Readiness, readiness};
use crate::snapshot::Snapshot;

/// A store that was not heard of for this long is down; the feed asks at least once a second.
const STORE_DOWN: Duration = Duration::from_secs(2);
/// A session is unpolled if nobody has asked for this many poll intervals.
const UNPOLLED_INTERVALS: u32 = 3;

/// Which program this is.
const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    revision: match option_env!("AUTOLOG_BUILD_REVISION") {
        Some(revision) => revision,
        None => "unknown",
    },
};

/// The parts of the service, joined, with the background tasks running.
pub(super) struct Assembly {
    pub(super) metrics: Arc<Metrics>,
    snapshot: Arc<Snapshot>,
    control: Control,
    counter: Counter,
    credentials: Arc<Credentials>,
    readiness: Readiness,
    tasks: Tasks,
    /// The writes that are under way.
    writes: TaskTracker,
}

impl Assembly {
    /// Reads the secrets, opens the store, joins the parts and starts the background tasks.
    pub(super) fn open(config: &Config) -> anyhow::Result<Self> {
        let generate_in = config
            .store
            .is_embedded()
            .then_some(config.data_dir.as_path());
        let credentials = Arc::new(Credentials::open(config.secrets.clone(), generate_in)?);
        let metrics = Arc::new(Metrics::new(BUILD)?);
        metrics.sessions.limits(config.policy.caps);
        let policy = Arc::new(config.policy.clone());
        let store = store::open(&config.store, &policy, &metrics)?;
        let snapshot = Arc::new(Snapshot::new(Arc::clone(&policy)));
        let writes = TaskTracker::new();
        let control = Control::new(Parts {
            store: Arc::clone(&store),
            snapshot: Arc::clone(&snapshot),
            policy,
            metrics: Arc::clone(&metrics),
            tasks: writes.clone(),
        });
        let (counter, counts) = counter(control.clone(), config.errors);
        let (readiness, latch) = readiness();
        let tasks = Tasks::new(Arc::clone(&metrics));
        tasks.tend(Arc::clone(&store));
        let feed = Feed {
            store,
            snapshot: Arc::clone(&snapshot),
        };
        tasks.follow(feed, control.clone(), latch);
        tasks.tell_watchers(Arc::clone(&snapshot));
        tasks.sweep(control.clone());
        tasks.repair(control.clone());
        tasks.count(counts);
        tasks.reload(Arc::clone(&credentials));
        Ok(Self {
            metrics,
            snapshot,
            control,
            counter,
            credentials,
            readiness,
            tasks,
            writes,
        })
    }

    /// The routes of the API listener.
    ///
    /// `streams` ends those that have no end of their own.
    pub(super) fn api(
        &self,
        config: &Config,
        body: BodyLimits,
        streams: CancellationToken,
    ) -> Routes {
        api::routes(Api {
            control: self.control.clone(),
            counter: self.counter.clone(),
            authority: Authority {
                credentials: Arc::clone(&self.credentials),
                open_check: config.listeners.open_check,
            },
            mapping: config.mapping.clone(),
            body,
            poll_interval: config.poll_interval,
            max_page: config.limits.page,
            max_watchers: config.limits.watchers,
            streams,
        })
    }

    /// The routes of the admin listener.
    pub(super) fn admin(&self, config: &Config, stopping: CancellationToken) -> Router {
        let patience = UNPOLLED_INTERVALS * config.poll_interval;
        let control = self.control.clone();
        let (metrics, snapshot) = (Arc::clone(&self.metrics), Arc::clone(&self.snapshot));
        admin::router(Admin {
            metrics: Arc::clone(&self.metrics),
            health: Health {
                readiness: self.readiness.clone(),
                stopping,
                store_up: {
                    let snapshot = Arc::clone(&snapshot);
                    Arc::new(move || is_up(&snapshot))
                },
            },
            live: Arc::new(move || {
                show_store(&metrics, &snapshot);
                control.live(patience)
            }),
        })
    }

    /// Flushes what is waiting to be counted, ends the tasks, and waits for the writes under way.
    pub(super) async fn stop(self) {
        drop(self.counter);
        self.tasks.stop().await;
        self.writes.close();
        self.writes.wait().await;
    }
}

fn is_up(snapshot: &Snapshot) -> bool {
    snapshot.contact_age().is_some_and(|age| age < STORE_DOWN)
}

/// Shows how the store is at the moment of a scrape.
fn show_store(metrics: &Metrics, snapshot: &Snapshot) {
    metrics.store.up(is_up(snapshot));
    if let (Some(now), Some(age)) = (snapshot.now(), snapshot.contact_age()) {
        metrics.store.synced(now - age);
    }
}
