//! Decides operations on what the store has, and commits if nothing has changed since.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;

use super::connection::Purpose;
use super::failure::{Failure, store_error};
use super::load::{Loaded, Version};
use super::payload::{Stored, add_changes};
use super::{FEED_LENGTH, Redis};
use crate::domain::ledger::Changes;
use crate::domain::operation::{Decision, Operation};
use crate::domain::time::Time;
use crate::store::codec::{decode, encode};
use crate::store::{Applied, OpId, Position, REMEMBERED, StoreError};

/// How often a decision is made anew because another process was faster.
const ATTEMPTS: u32 = 16;

static COMMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("commit.lua")));

/// What was decided, and on what.
struct Decided {
    on: Version,
    at: Time,
    decision: Decision,
    changes: Changes,
    stored: Stored,
}

impl Redis {
    /// Decides and commits; the caller holds the turn.
    pub(super) async fn apply_in_turn(
        &self,
        id: OpId,
        operation: &Operation,
    ) -> Result<Applied, StoreError> {
        let mut lost = false;
        let mut attempt = 0;
        loop {
            match self.attempt(id, operation).await {
                Ok(applied) => return Ok(applied),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Lost(error)) if lost => return Err(store_error(error)),
                Err(Failure::Lost(_)) => lost = true,
                Err(Failure::Conflict) if attempt == ATTEMPTS => return Err(StoreError::Contended),
                Err(Failure::Conflict) => {
                    attempt += 1;
                    tokio::time::sleep(pause(id, attempt)).await;
                }
            }
        }
    }

    async fn attempt(&self, id: OpId, operation: &Operation) -> Result<Applied, Failure> {
        let (mut ledger, version, stored) = match self.load(id, &operation.scope()).await? {
            Loaded::Fresh(ledger, version, stored) => (*ledger, version, stored),
            Loaded::Remembered(remembered) => return Ok(recall(&remembered)?),
        };
        let decided = Decided {
            at: ledger.now(),
            decision: operation.decide(&mut ledger, &self.policy, id.bits()),
            changes: ledger.into_changes(),
            on: version,
            stored,
        };
        if decided.changes.is_empty() {
            return Ok(Applied {
                seq: sequence(&decided.on.seq)?,
                decision: decided.decision,
                written: None,
            });
        }
        self.commit(id, decided).await
    }

    async fn commit(&self, id: OpId, decided: Decided) -> Result<Applied, Failure> {
        let changes = &decided.changes;
        let purpose = Purpose::Long(changes.written.len() + changes.removed.len());
        let mut script = COMMIT.prepare_invoke();
        script
            .key(&self.keys.state)
            .key(self.keys.operation(id))
            .arg(&decided.on.epoch)
            .arg(&decided.on.seq)
            .arg(&decided.on.schema)
            .arg(&decided.on.min_compatible)
            .arg(decided.at.as_millis())
            .arg(encode(&decided.decision)?)
            .arg(REMEMBERED.as_millis())
            .arg(FEED_LENGTH);
        add_changes(&mut script, changes, &decided.stored)?;
        let (outcome, text, chain): (String, String, String) =
            self.connections.script(purpose, &script).await?;
        match outcome.as_str() {
            "committed" => {
                let seq = sequence(&text)?;
                Ok(Applied {
                    decision: decided.decision,
                    seq,
                    written: Some(place(&decided.on.epoch, seq, &chain)),
                })
            }
            "remembered" => Ok(recall(&text)?),
            _ => Err(Failure::Conflict),
        }
    }
}

fn sequence(text: &str) -> Result<u64, StoreError> {
    text.parse().map_err(StoreError::corrupt)
}

/// Reads a remembered decision: number, epoch and hash of the last change, and the decision as JSON, after a space each.
///
/// A version before this one remembers the number and the decision only.
fn recall(remembered: &str) -> Result<Applied, StoreError> {
    let (seq, rest) = remembered.split_once(' ').unwrap_or((remembered, ""));
    let seq = sequence(seq)?;
    let mut parts = rest.splitn(3, ' ');
    let (written, decision) = match (parts.next(), parts.next(), parts.next()) {
        (Some(epoch), Some(chain), Some(decision)) if !rest.starts_with('{') => {
            (Some(place(epoch, seq, chain)), decision)
        }
        _ => (None, rest),
    };
    Ok(Applied {
        decision: decode(decision)?,
        seq,
        written,
    })
}

/// A place of the feed that is known from what was written there.
fn place(epoch: &str, seq: u64, chain: &str) -> Position {
    Position {
        epoch: epoch.to_owned(),
        seq,
        chain: chain.to_owned(),
        id: String::new(),
    }
}

/// How long to wait before the next attempt: longer each time, and not as long as others wait.
fn pause(id: OpId, attempt: u32) -> Duration {
    let spread = u64::try_from((id.bits() >> attempt) & 0x3ff).unwrap_or(0);
    Duration::from_micros(spread * u64::from(attempt.min(8)))
}

#[cfg(test)]
mod tests;
