//! The background tasks: one that ends is started again and counted, never silent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::control::Control;
use crate::control::counter::Counts;
use crate::credentials::Credentials;
use crate::feed::{Feed, News};
use crate::metrics::Metrics;
use crate::metrics::labels::Task;
use crate::readiness::Latch;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::telemetry::Chain;

/// How long to wait before a task that ended is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// How often files of secrets are read again.
const RELOAD: Duration = Duration::from_secs(5);

/// The background tasks of the service.
#[derive(Debug)]
pub(super) struct Tasks {
    metrics: Arc<Metrics>,
    running: TaskTracker,
    shutdown: CancellationToken,
}

impl Tasks {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            running: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        }
    }

    /// Keeps the snapshot true; lets go of `latch` at the first sync.
    pub(super) fn follow(&self, feed: Feed, control: Control, latch: Latch) {
        let feed = Arc::new(feed);
        let latch = Arc::new(Mutex::new(Some(latch)));
        let metrics = Arc::clone(&self.metrics);
        self.supervise(Task::Feed, move |shutdown| {
            let (feed, latch, metrics) =
                (Arc::clone(&feed), Arc::clone(&latch), Arc::clone(&metrics));
            let control = control.clone();
            async move {
                let tell = |news| match news {
                    News::Resynced(why) => {
                        metrics.store.resync(why);
                        drop(latch.lock().unwrap_or_else(PoisonError::into_inner).take());
                    }
                    News::RolledBack(losses) => control.tell_rollback(&losses),
                };
                feed.follow(shutdown, tell).await;
            }
        });
    }

    /// Looks after the store.
    pub(super) fn tend(&self, store: Arc<dyn Store>) {
        self.supervise(Task::Store, move |shutdown| {
            let store = Arc::clone(&store);
            async move {
                shutdown.run_until_cancelled(store.tend()).await;
            }
        });
    }

    /// Tells watchers of what changes by time alone.
    pub(super) fn tell_watchers(&self, snapshot: Arc<Snapshot>) {
        self.supervise(Task::Watchers, move |shutdown| {
            let snapshot = Arc::clone(&snapshot);
            async move {
                shutdown.run_until_cancelled(snapshot.tell_of_time()).await;
            }
        });
    }

    /// Ends what has lapsed and opens what waits.
    pub(super) fn sweep(&self, control: Control) {
        self.supervise(Task::Sweeper, move |shutdown| {
            let control = control.clone();
            async move { control.sweep(shutdown).await }
        });
    }

    /// Repeats stops that the store has refused.
    pub(super) fn repair(&self, control: Control) {
        self.supervise(Task::Retry, move |shutdown| {
            let control = control.clone();
            async move { control.repair(shutdown).await }
        });
    }

    /// Counts errors.
    pub(super) fn count(&self, counts: Counts) {
        let counts = Arc::new(tokio::sync::Mutex::new(counts));
        self.supervise(Task::Counts, move |shutdown| {
            let counts = Arc::clone(&counts);
            async move { counts.lock().await.run(shutdown).await }
        });
    }

    /// Reads files of secrets again when they change.
    pub(super) fn reload(&self, credentials: Arc<Credentials>) {
        if !credentials.has_files() {
            return;
        }
        let metrics = Arc::clone(&self.metrics);
        self.supervise(Task::Credentials, move |shutdown| {
            let (credentials, metrics) = (Arc::clone(&credentials), Arc::clone(&metrics));
            async move {
                let mut told = None;
                while !shutdown.is_cancelled() {
                    tokio::select! {
                        () = tokio::time::sleep(RELOAD) => reload(&credentials, &metrics, &mut told).await,
                        () = shutdown.cancelled() => {}
                    }
                }
            }
        });
    }

    /// Ends every task; counts that are waiting are flushed first.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        self.running.close();
        self.running.wait().await;
    }

    /// Runs a task until the shutdown, and again whenever it ends before.
    fn supervise<F>(&self, task: Task, run: impl Fn(CancellationToken) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (metrics, shutdown) = (Arc::clone(&self.metrics), self.shutdown.clone());
        let runs = TaskTracker::new();
        self.running.spawn(async move {
            loop {
                let ended = runs.spawn(run(shutdown.clone())).await;
                if shutdown.is_cancelled() {
                    return;
                }
                metrics.store.restarted(task);
                let panicked = ended.is_err();
                tracing::error!(
                    task = task.as_str(),
                    panicked,
                    "a background task ended: starting it again"
                );
                tokio::time::sleep(RESTART_PAUSE).await;
            }
        });
    }
}

/// Reads the secrets again; `told` is the error that the log has last told of, which is not repeated while it lasts.
async fn reload(credentials: &Arc<Credentials>, metrics: &Metrics, told: &mut Option<String>) {
    let reading = Arc::clone(credentials);
    let reloaded = tokio::task::spawn_blocking(move || reading.reload()).await;
    match reloaded {
        Ok(Ok(changed)) => {
            metrics.store.credentials_reloaded(true);
            *told = None;
            if changed {
                tracing::info!("the secrets have changed: the new ones are in force");
            }
        }
        Ok(Err(error)) => {
            metrics.store.credentials_reloaded(false);
            let error = Chain(&error).to_string();
            if is_news(told, &error) {
                tracing::warn!(
                    error,
                    "the secrets cannot be used: the old ones stay in force"
                );
            }
        }
        Err(error) => tracing::error!(%error, "the secrets could not be read again"),
    }
}

/// Whether `error` is another one than was told last; remembers it.
fn is_news(told: &mut Option<String>, error: &str) -> bool {
    let is_news = told.as_deref() != Some(error);
    *told = Some(error.to_owned());
    is_news
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::metrics::{Build, Live};

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_or_ends_is_started_again_and_counted() {
        let (version, revision) = ("0", "test");
        let metrics = Arc::new(Metrics::new(Build { version, revision }).unwrap());
        let tasks = Tasks::new(Arc::clone(&metrics));
        let runs = Arc::new(AtomicUsize::new(0));
        let (started, last) = (Arc::clone(&runs), Arc::new(tokio::sync::Notify::new()));
        let reached = Arc::clone(&last);
        tasks.supervise(Task::Feed, move |shutdown| {
            let (run, reached) = (started.fetch_add(1, Ordering::SeqCst), Arc::clone(&reached));
            async move {
                assert!(run > 0, "the first run panics");
                if run == 2 {
                    reached.notify_one();
                    shutdown.cancelled().await;
                }
            }
        });
        last.notified().await;
        tasks.stop().await;
        assert_eq!(runs.load(Ordering::SeqCst), 3);
        let text = metrics.render(&Live::default()).unwrap();
        let restarts = "autolog_task_restarts_total{task=\"feed\"} 2";
        assert!(text.lines().any(|line| line == restarts), "{text}");
    }

    #[test]
    fn an_error_that_lasts_is_told_once_and_another_one_again() {
        let mut told = None;
        let news =
            ["short", "short", "gone", "gone", "short"].map(|error| is_news(&mut told, error));
        assert_eq!(news, [true, false, true, false, true]);
    }
}
