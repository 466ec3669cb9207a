//! Makes decisions atomic and durable, and tells every replica what changed.
//!
//! A store loads what an operation needs, lets the domain decide, and commits only if nothing has changed since: the
//! rules stand once, in [`crate::domain`], whatever keeps the state. What may be retried carries an [`OpId`].

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::domain::book::Book;
use crate::domain::halt::Halt;
use crate::domain::operation::{Decision, Operation};
use crate::domain::record::Record;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::domain::window::WindowRule;

mod clock;
mod codec;
pub mod embedded;
mod error;
pub mod metered;
pub mod redis;

pub use error::StoreError;

/// The schema that this binary reads and writes.
pub const SCHEMA: u32 = 1;

/// Keeps the state and decides operations on it, one at a time; its clock is the only one.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// Decides `operation` and commits what it changes, as one atomic step.
    ///
    /// Repeating it with the same `id` within ten minutes returns the first decision and changes nothing.
    async fn apply(&self, id: OpId, operation: &Operation) -> Result<Applied, StoreError>;

    /// Adds errors to the windows of their targets and returns what became of each, in the same order.
    ///
    /// Repeating it with the same `id` within ten minutes returns the first answer and counts nothing.
    async fn count(
        &self,
        id: OpId,
        tallies: &[Tally],
        rule: WindowRule,
    ) -> Result<Vec<Counted>, StoreError>;

    /// Reads everything at one instant; an empty store first takes over the records of `seed`.
    async fn list(&self, seed: &Book) -> Result<Listing, StoreError>;

    /// Which of `seen` are lost: the history up to `found`, where the store was just listed, does not hold everything up
    /// to them.
    ///
    /// So it is if the store was emptied, restored, or replaced by one with fewer changes. None are lost of which it
    /// cannot be told any more, because too much has happened since.
    async fn lost(&self, seen: &[Position], found: &Position) -> Result<Vec<Position>, StoreError>;

    /// Returns what changed after `position`, waiting up to [`FEED_WAIT`] for something; nothing if nothing did.
    ///
    /// There is one follower: a store may keep a connection for it.
    async fn changes(&self, position: &Position) -> Result<Vec<Change>, StoreError>;

    /// Looks after what the store needs to be used at any time, until it is dropped; whoever opens a store runs this
    /// beside.
    async fn tend(&self) {
        std::future::pending::<()>().await;
    }
}

/// How long [`Store::changes`] waits for something to happen.
pub const FEED_WAIT: Duration = Duration::from_millis(500);

/// How long an operation is remembered, so that its repetition is harmless.
const REMEMBERED: Duration = Duration::from_mins(10);

/// What makes a repetition of our own harmless: 128 random bits, made once per accepted request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OpId(u128);

impl OpId {
    /// Makes a new one from the system's random source.
    pub fn random() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(StoreError::unavailable)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }

    /// The random bits, from which an operation derives the identities of what it opens.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// A decision that was committed.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What was decided.
    pub decision: Decision,
    /// The sequence number that a snapshot must reach to show it.
    pub seq: u64,
    /// Where the feed was after it, if the operation wrote something; a repetition tells the same.
    pub written: Option<Position>,
}

/// Errors to add to one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// What the errors happened to.
    pub target: Target,
    /// How many.
    pub errors: u64,
}

/// What became of a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The window's count with it.
    Count(u64),
    /// Not counted: as many windows are kept as may be, in all or of this application.
    Full,
}

/// Everything at one instant.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Where the feed goes on.
    pub position: Position,
    /// The store's clock at that instant.
    pub now: Time,
    /// When the store was asked, before that instant: a clock that goes on from here is never behind the store's.
    pub asked: Instant,
    /// All records and what stops automatic sources.
    pub book: Book,
}

/// A place in the change feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which life of the store this is: another one if it was emptied.
    pub epoch: String,
    /// How many changes there have been in this life.
    pub seq: u64,
    /// The hash over all of them.
    pub chain: String,
    /// The store's own name of the place, if it needs one.
    pub id: String,
}

/// One change of the feed.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where the feed is after it.
    pub position: Position,
    /// What changed.
    pub what: Changed,
}

/// What one change of the feed changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// This record was written over any other of the same target.
    Written(Arc<Record>),
    /// The record of this target has nothing left worth keeping.
    Removed(Target),
    /// What stops automatic sources everywhere.
    Halt(Halt),
}
