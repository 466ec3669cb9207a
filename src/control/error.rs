//! Why a verb was not done.

use crate::domain::outcome::Guardrail;
use crate::store::StoreError;

/// Why a verb was not done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A guardrail said no.
    #[error("refused: {}", .0.explanation())]
    Refused(Guardrail),
    /// The store did not take it; nothing may be acknowledged.
    #[error("the store did not take it")]
    Store(#[from] StoreError),
    /// The store did not take the stop: this replica alone obeys it, and repeats it until the store does.
    #[error(
        "the store did not take it: only this replica obeys, and repeats it until the store does"
    )]
    AppliedLocally(#[source] StoreError),
    /// This replica has never read its store.
    #[error("this replica has not read its store yet")]
    NotSynced,
    /// More is waiting to be counted than may be.
    #[error("more is waiting to be counted than may be")]
    Overloaded,
    /// The task that did it ended before it was done.
    #[error("the task ended before it was done")]
    Interrupted,
}
