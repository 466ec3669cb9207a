//! Repeats the stops that the store has refused or lost, and heals it, until it takes them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Control;
use crate::telemetry::Chain;

/// How often a stop is repeated that the store does not take.
const INTERVAL: Duration = Duration::from_millis(500);

impl Control {
    /// Repeats stops that were refused or lost, and heals, the oldest first, until `shutdown`.
    pub async fn repair(&self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = self.snapshot().stop_came() => {}
                () = shutdown.cancelled() => return,
            }
            self.repair_once().await;
        }
    }

    async fn repair_once(&self) {
        for stop in self.snapshot().stops() {
            let rollbacks = self.snapshot().rollbacks();
            match self.inner.store.apply(stop.id, &stop.operation).await {
                Ok(applied) => {
                    self.tell(&applied.decision);
                    self.snapshot().retire(stop.id);
                    self.snapshot().owe(rollbacks, &applied, Some(stop));
                    tracing::info!("the store has taken a stop that only this replica obeyed");
                }
                Err(error) => {
                    tracing::debug!(error = %Chain(&error), "the store still refuses a stop");
                    return;
                }
            }
        }
    }
}
