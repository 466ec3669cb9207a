//! Counts errors: gathered in process, counted by the store in groups.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Control, ControlError};
use crate::domain::name::Reason;
use crate::domain::operation::{Operation, Trigger};
use crate::domain::target::Target;
use crate::domain::window::WindowRule;
use crate::store::{Counted, OpId, StoreError, Tally};
use crate::telemetry::Chain;

/// How long errors are gathered before they are counted.
const FLUSH: Duration = Duration::from_millis(100);
/// How long a request waits in all, also behind a group that the store keeps waiting.
const PATIENCE: Duration = Duration::from_millis(900);
/// How many requests may wait to be counted.
const QUEUE: usize = 1_024;

/// Where errors are handed in; cheap to clone.
#[derive(Clone, Debug)]
pub struct Counter {
    requests: mpsc::Sender<Request>,
}

/// What counts errors: the other end of [`Counter`].
#[derive(Debug)]
pub struct Counts {
    requests: mpsc::Receiver<Request>,
    control: Control,
    rule: WindowRule,
}

/// Some errors of one target.
#[derive(Clone, Debug)]
pub struct Errors {
    /// What they happened to.
    pub target: Target,
    /// How many.
    pub count: u64,
    /// Whether they ask for a session of their endpoint only.
    pub endpoint_only: bool,
}

#[derive(Debug)]
struct Request {
    errors: Vec<Errors>,
    answer: oneshot::Sender<Result<Vec<bool>, ControlError>>,
}

/// Makes both ends.
pub fn counter(control: Control, rule: WindowRule) -> (Counter, Counts) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let counts = Counts {
        requests: receiver,
        control,
        rule,
    };
    (Counter { requests: sender }, counts)
}

impl Counter {
    /// Counts `errors` and returns, in the same order, which were counted; all of that is durable, or it is an error.
    pub async fn count(&self, errors: Vec<Errors>) -> Result<Vec<bool>, ControlError> {
        let (answer, counted) = oneshot::channel();
        self.requests
            .try_send(Request { errors, answer })
            .map_err(|_full| ControlError::Overloaded)?;
        match tokio::time::timeout(PATIENCE, counted).await {
            Ok(answer) => answer.map_err(|_gone| ControlError::Interrupted)?,
            Err(elapsed) => Err(StoreError::unavailable(elapsed).into()),
        }
    }
}

impl Counts {
    /// Counts in groups until `shutdown`, and then what is still waiting.
    pub async fn run(&mut self, shutdown: CancellationToken) {
        loop {
            let first = tokio::select! {
                first = self.requests.recv() => first,
                () = shutdown.cancelled() => self.requests.try_recv().ok(),
            };
            let Some(first) = first else {
                // nobody can hand anything in any more
                return shutdown.cancelled().await;
            };
            if !shutdown.is_cancelled() {
                tokio::time::sleep(FLUSH).await;
            }
            let mut group = vec![first];
            while let Ok(request) = self.requests.try_recv() {
                group.push(request);
            }
            self.flush(group).await;
        }
    }

    async fn flush(&self, mut group: Vec<Request>) {
        // whose sender was answered an error, or has left, is sent again and counted then
        group.retain(|request| !request.answer.is_closed());
        let mut sums: HashMap<Target, u64> = HashMap::new();
        for errors in group.iter().flat_map(|request| &request.errors) {
            for target in windows(errors) {
                let sum = sums.entry(target).or_default();
                *sum = sum.saturating_add(errors.count);
            }
        }
        let tallies = sums
            .into_iter()
            .map(|(target, errors)| Tally { target, errors });
        let counted = self.count_and_trigger(tallies.collect(), &group).await;
        for request in group {
            let answer = match &counted {
                Ok(counts) => Ok(request
                    .errors
                    .iter()
                    .map(|errors| is_counted(counts, errors))
                    .collect()),
                Err(()) => Err(ControlError::Store(StoreError::unavailable(
                    "the group of errors could not be counted",
                ))),
            };
            // the client may be gone: its errors are counted all the same
            drop(request.answer.send(answer));
        }
    }

    /// Counts, and opens sessions for what is at or over the threshold; logs why it could not.
    async fn count_and_trigger(
        &self,
        tallies: Vec<Tally>,
        group: &[Request],
    ) -> Result<HashMap<Target, Counted>, ()> {
        let outcome = self.try_count(tallies, group).await;
        outcome.map_err(|error| {
            tracing::warn!(error = %Chain(&error), "errors could not be counted");
        })
    }

    async fn try_count(
        &self,
        tallies: Vec<Tally>,
        group: &[Request],
    ) -> Result<HashMap<Target, Counted>, ControlError> {
        let store = &self.control.inner.store;
        let counted = store.count(OpId::random()?, &tallies, self.rule).await?;
        let targets = tallies.into_iter().map(|tally| tally.target);
        let counts: HashMap<Target, Counted> = targets.zip(counted).collect();
        let triggers = self.triggers(&counts, group);
        if !triggers.is_empty() {
            self.control.write(Operation::Trigger(triggers)).await?;
        }
        Ok(counts)
    }

    fn triggers(&self, counts: &HashMap<Target, Counted>, group: &[Request]) -> Vec<Trigger> {
        let mut reached: HashMap<Target, u64> = HashMap::new();
        for errors in group.iter().flat_map(|request| &request.errors) {
            let target = decisive(errors);
            match counts.get(&target) {
                Some(Counted::Count(count)) if *count >= self.rule.threshold => {
                    reached.insert(target, *count);
                }
                Some(Counted::Count(_) | Counted::Full) | None => {}
            }
        }
        let length = humantime::format_duration(self.rule.length);
        let trigger = |(target, count)| Trigger {
            target,
            reason: Reason::lossy(&format!("{count} errors within {length}"), Reason::MAX),
        };
        reached.into_iter().map(trigger).collect()
    }
}

/// The windows that errors count in: the application's, and their endpoint's.
fn windows(errors: &Errors) -> impl Iterator<Item = Target> + use<> {
    let whole = errors.target.whole();
    let endpoint = Some(errors.target.clone()).filter(|target| *target != whole);
    std::iter::once(whole).chain(endpoint)
}

/// The window whose count decides, and what goes verbose then.
fn decisive(errors: &Errors) -> Target {
    if errors.endpoint_only {
        errors.target.clone()
    } else {
        errors.target.whole()
    }
}

fn is_counted(counts: &HashMap<Target, Counted>, errors: &Errors) -> bool {
    matches!(counts.get(&decisive(errors)), Some(Counted::Count(_)))
}
