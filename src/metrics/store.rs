//! What is measured of the store, the feed and the background tasks.

use std::time::Duration;

use prometheus::{Gauge, HistogramOpts, HistogramVec, IntCounter, IntGauge};

use super::family::{Counters, Families};
use super::labels::{Label, ResyncReason, StoreOperation, StoreOutcome, Task};
use super::seconds;
use crate::domain::loss::LostWrite;
use crate::domain::time::Time;

/// From a fast commit to the slowest answer that is waited for.
const BUCKETS: [f64; 11] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.25, 1.0,
];

/// What is measured of the store, the feed and the background tasks.
#[derive(Debug)]
pub struct Store {
    up: IntGauge,
    operations: HistogramVec,
    last_sync: Gauge,
    resyncs: Counters<ResyncReason>,
    rollbacks: IntCounter,
    lost: Counters<LostWrite>,
    restarts: Counters<Task>,
    bad_credentials: IntGauge,
}

impl Store {
    pub(super) fn register(families: &Families<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            up: families.gauge(
                "autolog_store_up",
                "Whether the store answered when it was last asked.",
            )?,
            operations: operations(families)?,
            last_sync: families.instant(
                "autolog_last_sync_timestamp_seconds",
                "When the snapshot was last known to be the store's state; 0 if it never was.",
            )?,
            resyncs: families.counters(
                "autolog_feed_resyncs_total",
                "Times everything was read again from the store.",
                "reason",
            )?,
            rollbacks: families.counter(
                "autolog_store_rollbacks_total",
                "Times the store had lost changes that it had acknowledged.",
            )?,
            lost: families.counters(
                "autolog_store_lost_writes_total",
                "Acknowledged writes that the store had lost, by what they were.",
                "write",
            )?,
            restarts: families.counters(
                "autolog_task_restarts_total",
                "Background tasks that ended and were started again.",
                "task",
            )?,
            bad_credentials: families.gauge(
                "autolog_credentials_reload_failed",
                "Whether a secrets file could not be used when it was last read; the old secrets hold.",
            )?,
        })
    }

    /// Shows whether the store answers.
    pub fn up(&self, up: bool) {
        self.up.set(i64::from(up));
    }

    /// Records a store operation.
    pub fn operation(&self, operation: StoreOperation, outcome: StoreOutcome, elapsed: Duration) {
        let values = [operation.as_str(), outcome.as_str()];
        if let Ok(histogram) = self.operations.get_metric_with_label_values(&values) {
            histogram.observe(elapsed.as_secs_f64());
        }
    }

    /// Shows when the snapshot was the store's state.
    pub fn synced(&self, at: Time) {
        self.last_sync.set(seconds(at));
    }

    /// Counts a full read.
    pub fn resync(&self, reason: ResyncReason) {
        self.resyncs.count(reason);
    }

    /// Counts a loss of changes by the store.
    pub fn rolled_back(&self) {
        self.rollbacks.inc();
    }

    /// Counts an acknowledged write that the store has lost.
    pub fn lost(&self, write: LostWrite) {
        self.lost.count(write);
    }

    /// Counts a background task that ended and was started again.
    pub fn restarted(&self, task: Task) {
        self.restarts.count(task);
    }

    /// Shows whether the secrets files could be used.
    pub fn credentials_reloaded(&self, usable: bool) {
        self.bad_credentials.set(i64::from(!usable));
    }
}

fn operations(families: &Families<'_>) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(
        "autolog_store_operation_duration_seconds",
        "Time the store took, by what it was asked and what became of it.",
    )
    .buckets(BUCKETS.to_vec());
    let family = families.register(HistogramVec::new(options, &["operation", "outcome"])?)?;
    for operation in StoreOperation::ALL {
        for outcome in StoreOutcome::ALL {
            family.get_metric_with_label_values(&[operation.as_str(), outcome.as_str()])?;
        }
    }
    Ok(family)
}
