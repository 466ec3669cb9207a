//! Tells whether the store still has the changes that a replica knows of.

use std::collections::HashMap;

use redis::Cmd;
use redis::streams::StreamRangeReply;

use super::changes::{chained, value};
use super::connection::Purpose;
use super::failure::store_error;
use super::{FEED_LENGTH, Redis};
use crate::store::{Position, StoreError};

impl Redis {
    /// Whether the history up to `found` holds everything up to each of `seen`, as far as the feed goes back.
    ///
    /// The number alone does not tell: another history may have come as far, or farther. The entry after a place tells,
    /// since its hash is over everything before it.
    pub(super) async fn holds(
        &self,
        seen: &[Position],
        found: &Position,
    ) -> Result<bool, StoreError> {
        let denied = |seen: &Position| {
            seen.epoch != found.epoch
                || found.seq < seen.seq
                || (found.seq == seen.seq && found.chain != seen.chain)
        };
        if seen.iter().any(denied) {
            return Ok(false);
        }
        let oldest = seen.iter().map(|seen| seen.seq).min();
        let behind = oldest.map_or(0, |oldest| found.seq - oldest);
        if behind == 0 {
            return Ok(true);
        }
        let entries = self.back_from(found, behind).await?;
        let kept = |seen: &Position| {
            let next = entries.get(&(seen.seq + 1));
            next.is_none_or(|(chain, payload)| *chain == chained(&seen.chain, payload))
        };
        Ok(seen.iter().all(kept))
    }

    /// The hash and the payload of each of the last `behind` entries up to `found`, by number.
    async fn back_from(
        &self,
        found: &Position,
        behind: u64,
    ) -> Result<HashMap<u64, (String, String)>, StoreError> {
        let behind = usize::try_from(behind).map_or(FEED_LENGTH, |behind| behind.min(FEED_LENGTH));
        let mut command = Cmd::new();
        command
            .arg("XREVRANGE")
            .arg(&self.keys.feed)
            .arg(&found.id)
            .arg("-")
            .arg("COUNT")
            .arg(behind);
        let reply: StreamRangeReply = self
            .connections
            .command(Purpose::Feed, &command)
            .await
            .map_err(store_error)?;
        let mut entries = HashMap::with_capacity(reply.ids.len());
        for entry in reply.ids {
            let hashed = (value(&entry, "chain")?, value(&entry, "payload")?);
            entries.insert(value(&entry, "seq")?, hashed);
        }
        Ok(entries)
    }
}
