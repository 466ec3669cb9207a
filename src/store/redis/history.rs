//! Tells whether the store still has the changes that a replica has seen.

use redis::Cmd;
use redis::streams::StreamRangeReply;

use super::changes::{chained, value};
use super::connection::Purpose;
use super::failure::store_error;
use super::{FEED_LENGTH, Redis};
use crate::store::{Position, StoreError};

impl Redis {
    /// Whether the history up to `found` holds everything up to `seen`, as far as the feed goes back.
    ///
    /// The number alone does not tell: another history may have come as far, or farther. The entry after `seen` tells,
    /// since its hash is over everything before it.
    pub(super) async fn holds(
        &self,
        seen: &Position,
        found: &Position,
    ) -> Result<bool, StoreError> {
        if seen.epoch != found.epoch || found.seq < seen.seq {
            return Ok(false);
        }
        if found.seq == seen.seq {
            return Ok(found.chain == seen.chain);
        }
        let mut command = Cmd::new();
        command
            .arg("XREVRANGE")
            .arg(&self.keys.feed)
            .arg(&found.id)
            .arg("-")
            .arg("COUNT")
            .arg(
                usize::try_from(found.seq - seen.seq)
                    .map_or(FEED_LENGTH, |behind| behind.min(FEED_LENGTH)),
            );
        let entries: StreamRangeReply = self
            .connections
            .command(Purpose::Feed, &command)
            .await
            .map_err(store_error)?;
        for entry in entries.ids {
            let seq: u64 = value(&entry, "seq")?;
            if seq == seen.seq + 1 {
                let (chain, payload): (String, String) =
                    (value(&entry, "chain")?, value(&entry, "payload")?);
                return Ok(chain == chained(&seen.chain, &payload));
            }
        }
        Ok(true)
    }
}
