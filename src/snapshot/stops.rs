//! Stops that the store has refused and this replica obeys all the same.

use super::Memory;
use super::views::Views;
use crate::domain::operation::Operation;
use crate::domain::policy::Policy;
use crate::store::OpId;

/// A disable or a freeze that the store does not know yet.
#[derive(Clone, Debug)]
pub struct Stop {
    /// What makes its repetition at the store harmless.
    pub id: OpId,
    /// What to do.
    pub operation: Operation,
}

impl Memory {
    /// Obeys every pending stop on top of what the store said; tells whether that changed anything.
    pub(super) fn apply_stops(&mut self, policy: &Policy) -> bool {
        let Some(now) = self.clock.as_ref().map(crate::snapshot::clock::Clock::now) else {
            return false;
        };
        let mut obeyed = false;
        for stop in self.stops.clone() {
            let mut ledger = self.book.ledger(&stop.operation.scope(), now);
            stop.operation.decide(&mut ledger, policy, stop.id.bits());
            let changes = ledger.into_changes();
            if !changes.is_empty() {
                self.book.apply(&changes);
                self.views = Views::of(&self.book);
                obeyed = true;
            }
        }
        obeyed
    }
}

#[cfg(test)]
mod tests;
