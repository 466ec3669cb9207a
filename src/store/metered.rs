//! Measures a store: how long each operation takes and what becomes of it.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::{Applied, Change, Counted, Listing, OpId, Position, Store, StoreError, Tally};
use crate::domain::book::Book;
use crate::domain::operation::Operation;
use crate::domain::window::WindowRule;
use crate::metrics::Metrics;
use crate::metrics::labels::{StoreOperation, StoreOutcome};

/// A store that is measured.
#[derive(Debug)]
pub struct Metered {
    store: Box<dyn Store>,
    metrics: Arc<Metrics>,
}

impl Metered {
    /// Measures `store`.
    pub fn new(store: Box<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics }
    }

    fn note<T>(&self, operation: StoreOperation, begun: Instant, result: &Result<T, StoreError>) {
        let outcome = match result {
            Ok(_) => StoreOutcome::Done,
            Err(StoreError::Corrupt(_) | StoreError::TooNew { .. }) => StoreOutcome::Corrupt,
            Err(
                StoreError::Unavailable(_)
                | StoreError::InUse(_)
                | StoreError::Closed
                | StoreError::Contended
                | StoreError::Gap,
            ) => StoreOutcome::Unavailable,
        };
        self.metrics
            .store
            .operation(operation, outcome, begun.elapsed());
    }
}

#[async_trait]
impl Store for Metered {
    async fn apply(&self, id: OpId, operation: &Operation) -> Result<Applied, StoreError> {
        let begun = Instant::now();
        let result = self.store.apply(id, operation).await;
        self.note(label(operation), begun, &result);
        result
    }

    async fn count(
        &self,
        id: OpId,
        tallies: &[Tally],
        rule: WindowRule,
    ) -> Result<Vec<Counted>, StoreError> {
        let begun = Instant::now();
        let result = self.store.count(id, tallies, rule).await;
        self.note(StoreOperation::Count, begun, &result);
        result
    }

    async fn list(&self, seed: &Book) -> Result<Listing, StoreError> {
        let begun = Instant::now();
        let result = self.store.list(seed).await;
        self.note(StoreOperation::List, begun, &result);
        result
    }

    /// Not measured: it follows a list, which is.
    async fn lost(&self, seen: &[Position], found: &Position) -> Result<Vec<Position>, StoreError> {
        self.store.lost(seen, found).await
    }

    /// Not measured: it waits for something to happen.
    async fn changes(&self, position: &Position) -> Result<Vec<Change>, StoreError> {
        self.store.changes(position).await
    }

    async fn tend(&self) {
        self.store.tend().await;
    }
}

const fn label(operation: &Operation) -> StoreOperation {
    match operation {
        Operation::Observe(_) => StoreOperation::Observe,
        Operation::Trigger(_) => StoreOperation::Trigger,
        Operation::Enable(_) => StoreOperation::Enable,
        Operation::Disable(_) => StoreOperation::Disable,
        Operation::Freeze(_) => StoreOperation::Freeze,
        Operation::Sweep(_) => StoreOperation::Sweep,
        Operation::Heal(_) => StoreOperation::Heal,
    }
}
