//! What is said about where the primary is.

use crate::store::redis::address::Node;

/// What one witness says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Testimony {
    /// Where the primary is, if it knows.
    pub(super) primary: Option<Node>,
    /// How recent this is, if it can be told: it grows with each failover.
    pub(super) epoch: u64,
    /// Who else may be asked.
    pub(super) others: Vec<Node>,
}
