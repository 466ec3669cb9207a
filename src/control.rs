//! The verbs of the service: the only place that joins the store, the snapshot, the metrics and the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::domain::halt::Halt;
use crate::domain::operation::{Alert, Decision, Disable, Enable, Operation, SetFreeze};
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::session::Session;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::metrics::Metrics;
use crate::snapshot::{Snapshot, Stop};
use crate::store::{Applied, OpId, Store, StoreError};

pub mod counter;
mod error;
mod explain;
mod journal;
mod list;
mod losses;
mod refusals;
mod repair;
mod sweeper;

pub use error::ControlError;
pub use explain::Explanation;
pub use list::{Listed, Page};
pub use refusals::{Refusal, Refused};

use journal::Journal;
use refusals::Refusals;

/// How long a write waits for its own change to show in the snapshot.
const SEE_OWN_WRITES: Duration = Duration::from_millis(250);
/// How long a message of many alerts may take to become durable; its sender goes on where this replica gave up.
const OBSERVE_DEADLINE: Duration = Duration::from_secs(5);
/// The most targets in one operation: a message of many alerts is written in several steps.
const MAX_TARGETS: usize = 100;

/// The verbs of the service; cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    snapshot: Arc<Snapshot>,
    policy: Arc<Policy>,
    metrics: Arc<Metrics>,
    journal: Journal,
    refusals: Refusals,
    tasks: TaskTracker,
}

/// What [`Control`] joins.
#[derive(Debug)]
pub struct Parts {
    /// Where sessions are kept.
    pub store: Arc<dyn Store>,
    /// The memory of this replica.
    pub snapshot: Arc<Snapshot>,
    /// The limits; the same that the store decides by.
    pub policy: Arc<Policy>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
    /// Where writes run, so that they end even if the client is gone.
    pub tasks: TaskTracker,
}

/// A write that is durable.
#[derive(Clone, Debug)]
pub struct Written {
    /// What was decided.
    pub decision: Decision,
    /// Whether this replica's snapshot shows it already.
    pub applied: bool,
}

/// A session that an operator asked for.
#[derive(Clone, Debug)]
pub struct Enabled {
    /// The session as it is now.
    pub session: Session,
    /// Whether this replica's snapshot shows it already.
    pub applied: bool,
}

impl Control {
    /// Joins the parts.
    pub fn new(parts: Parts) -> Self {
        let journal = Journal::new(Arc::clone(&parts.policy), Arc::clone(&parts.metrics));
        Self {
            inner: Arc::new(Inner {
                store: parts.store,
                snapshot: parts.snapshot,
                policy: parts.policy,
                metrics: parts.metrics,
                journal,
                refusals: Refusals::default(),
                tasks: parts.tasks,
            }),
        }
    }

    /// What `check` and `list` are answered from.
    pub fn snapshot(&self) -> &Snapshot {
        &self.inner.snapshot
    }

    /// The limits.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// Where everything is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The store's time as this replica knows it.
    pub fn now(&self) -> Result<Time, ControlError> {
        self.snapshot().now().ok_or(ControlError::NotSynced)
    }

    /// Observes alerts and returns what became of each, in the same order; all are durable, or it is an error.
    ///
    /// It is safe to repeat: what was durable before an error changes nothing the next time.
    pub async fn observe(&self, alerts: Vec<Alert>) -> Result<Vec<Outcome>, ControlError> {
        let mut outcomes = vec![Outcome::Unchanged; alerts.len()];
        let deadline = tokio::time::Instant::now() + OBSERVE_DEADLINE;
        let mut seq = 0;
        for (indices, alerts) in by_targets(alerts) {
            let commit = self.commit(OpId::random()?, Operation::Observe(alerts), None);
            let applied = tokio::time::timeout_at(deadline, commit)
                .await
                .map_err(StoreError::unavailable)??;
            for (index, outcome) in indices.into_iter().zip(applied.decision.outcomes) {
                if let Some(slot) = outcomes.get_mut(index) {
                    *slot = outcome;
                }
            }
            seq = applied.seq;
        }
        self.snapshot().reaches(seq, SEE_OWN_WRITES).await;
        Ok(outcomes)
    }

    /// Makes a target verbose for an operator.
    pub async fn enable(&self, enable: Enable) -> Result<Enabled, ControlError> {
        let written = self.write(Operation::Enable(enable)).await?;
        if let Some(Outcome::Refused { guardrail, .. }) = written.decision.outcomes.first() {
            return Err(ControlError::Refused(*guardrail));
        }
        let session = written.decision.session.ok_or(ControlError::Interrupted)?;
        Ok(Enabled {
            session,
            applied: written.applied,
        })
    }

    /// Makes targets quiet for an operator; if the store refuses, this replica obeys alone and says so.
    pub async fn disable(&self, disable: Disable) -> Result<Written, ControlError> {
        let late = Operation::Disable(Disable {
            began_by: self.snapshot().seen_until(),
            ..disable.clone()
        });
        self.stop(Operation::Disable(disable), late).await
    }

    /// Stops or releases automatic sources; if the store refuses, this replica obeys alone and says so.
    pub async fn freeze(&self, freeze: SetFreeze) -> Result<Written, ControlError> {
        let late = Operation::Freeze(SetFreeze {
            began_by: self.snapshot().seen_until(),
            ..freeze.clone()
        });
        self.stop(Operation::Freeze(freeze), late).await
    }

    /// What stops automatic sources everywhere, as this replica knows it.
    pub fn halt(&self) -> Result<Halt, ControlError> {
        self.now()?;
        Ok(self.snapshot().with_book(|book| book.halt().clone()))
    }

    /// Remembers an alert that opened nothing, for `explain`.
    pub fn note_refused(&self, refused: Refused) {
        self.inner.refusals.note(refused);
    }

    /// Runs the stop in a task of its own: it is obeyed even if the client leaves.
    async fn stop(&self, operation: Operation, late: Operation) -> Result<Written, ControlError> {
        let control = self.clone();
        let stop = async move {
            let id = OpId::random()?;
            let stop = Stop {
                id,
                operation: late,
            };
            match control.write_as(id, operation, Some(stop.clone())).await {
                Err(ControlError::Store(error)) if control.snapshot().is_synced() => {
                    Err(if control.snapshot().stop(stop) {
                        ControlError::AppliedLocally(error)
                    } else {
                        ControlError::Store(error)
                    })
                }
                other => other,
            }
        };
        let task = self.inner.tasks.spawn(stop.in_current_span());
        task.await.unwrap_or(Err(ControlError::Interrupted))
    }

    async fn write(&self, operation: Operation) -> Result<Written, ControlError> {
        self.write_as(OpId::random()?, operation, None).await
    }

    /// Makes an operation durable, and waits until this replica shows it.
    async fn write_as(
        &self,
        id: OpId,
        operation: Operation,
        stop: Option<Stop>,
    ) -> Result<Written, ControlError> {
        let applied = self.commit(id, operation, stop).await?;
        Ok(Written {
            applied: self.snapshot().reaches(applied.seq, SEE_OWN_WRITES).await,
            decision: applied.decision,
        })
    }

    /// Makes an operation durable in a task of its own: it is told of and counted even if the client leaves.
    ///
    /// A `stop` is made again if the store loses it before the feed brings it.
    async fn commit(
        &self,
        id: OpId,
        operation: Operation,
        stop: Option<Stop>,
    ) -> Result<Applied, ControlError> {
        let control = self.clone();
        let commit = async move {
            let snapshot = &control.inner.snapshot;
            let rollbacks = snapshot.rollbacks();
            let applied = control.inner.store.apply(id, &operation).await?;
            control.tell(&applied.decision);
            snapshot.owe(rollbacks, &applied, stop);
            Ok(applied)
        };
        let task = self.inner.tasks.spawn(commit.in_current_span());
        task.await.unwrap_or(Err(ControlError::Interrupted))
    }

    /// Logs and counts what happened, and remembers refusals.
    fn tell(&self, decision: &Decision) {
        let now = self.snapshot().now().unwrap_or_default();
        for event in &decision.events {
            let refused = Refused::of(event, now);
            if refused.is_none_or(|refused| self.inner.refusals.note(refused)) {
                self.inner.journal.tell(event, now);
            }
        }
    }
}

/// Splits alerts into operations of at most [`MAX_TARGETS`] targets, each target in one operation only.
fn by_targets(alerts: Vec<Alert>) -> Vec<(Vec<usize>, Vec<Alert>)> {
    let mut of_target: HashMap<Target, usize> = HashMap::new();
    let mut operations: Vec<(Vec<usize>, Vec<Alert>)> = Vec::new();
    for (index, alert) in alerts.into_iter().enumerate() {
        let next = of_target.len() / MAX_TARGETS;
        let number = *of_target.entry(alert.target.clone()).or_insert(next);
        if number >= operations.len() {
            operations.push((Vec::new(), Vec::new()));
        }
        if let Some((indices, alerts)) = operations.get_mut(number) {
            indices.push(index);
            alerts.push(alert);
        }
    }
    operations
}
