//! Ends what has lapsed, and opens what waits once nothing refuses it any more.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Control, ControlError};
use crate::domain::book::{Book, Scope};
use crate::domain::operation::Operation;
use crate::domain::policy::Policy;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::telemetry::Chain;

/// How often leftovers are looked for; sessions end on time without it.
const INTERVAL: Duration = Duration::from_secs(1);
/// The most targets in one sweep.
const MAX_TARGETS: usize = 500;
/// Places not asked about for this long are forgotten.
const POLLS_KEPT: Duration = Duration::from_hours(24);

impl Control {
    /// Sweeps about once a second until `shutdown`.
    pub async fn sweep(&self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(error) = self.sweep_once().await {
                tracing::debug!(error = %Chain(&error), "could not sweep");
            }
        }
    }

    async fn sweep_once(&self) -> Result<(), ControlError> {
        let Some(now) = self.snapshot().now() else {
            return Ok(());
        };
        self.snapshot().polls().forget_before(now - POLLS_KEPT);
        let due = self
            .snapshot()
            .with_book(|book| due(book, self.policy(), now));
        if due.is_empty() {
            return Ok(());
        }
        self.write(Operation::Sweep(due)).await.map(|_| ())
    }
}

/// The targets that a sweep would change: it is rehearsed in memory, so that nothing due costs the store nothing.
fn due(book: &Book, policy: &Policy, now: Time) -> Vec<Target> {
    let lapsed = |lapses_at: Option<Time>| lapses_at.is_some_and(|instant| instant <= now);
    let candidates = book
        .records()
        .filter(|record| !record.waiting.is_empty() || lapsed(record.lapses_at()))
        .map(|record| record.target.clone())
        .collect::<Vec<Target>>();
    if candidates.is_empty() {
        return candidates;
    }
    let mut ledger = book.ledger(&Scope::Targets(candidates.clone()), now);
    Operation::Sweep(candidates).decide(&mut ledger, policy, 0);
    let changes = ledger.into_changes();
    let written = changes.written.iter().map(|record| record.target.clone());
    written.chain(changes.removed).take(MAX_TARGETS).collect()
}
