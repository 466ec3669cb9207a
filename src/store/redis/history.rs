//! Tells whether the store still has the changes that a replica knows of.

use std::collections::{HashMap, HashSet};

use redis::Cmd;
use redis::streams::{StreamId, StreamRangeReply};

use super::changes::{MOST, chained, value};
use super::connection::Purpose;
use super::failure::store_error;
use super::{FEED_LENGTH, Redis};
use crate::store::{Position, StoreError};

/// How many pages of the feed are read at most: as many as it has, and one more since its length is a rough one.
const PAGES: usize = FEED_LENGTH.div_ceil(MOST) + 1;

/// The hash and the payload of some entries, by their number.
type Entries = HashMap<u64, (String, String)>;

impl Redis {
    /// Which of `seen` the history up to `found` has lost, as far as the feed goes back.
    ///
    /// The number alone does not tell: another history may have come as far, or farther. The entry after a place tells,
    /// since its hash is over everything before it.
    pub(super) async fn lost_of(
        &self,
        seen: &[Position],
        found: &Position,
    ) -> Result<Vec<Position>, StoreError> {
        let denied = |seen: &Position| {
            seen.epoch != found.epoch
                || found.seq < seen.seq
                || (found.seq == seen.seq && found.chain != seen.chain)
        };
        let behind = |seen: &&Position| !denied(seen) && seen.seq < found.seq;
        let wanted = seen.iter().filter(behind).map(|seen| seen.seq + 1);
        let entries = self.back_to(found, &wanted.collect()).await?;
        let contradicted = |seen: &Position| {
            let next = entries.get(&(seen.seq + 1));
            next.is_some_and(|(chain, payload)| *chain != chained(&seen.chain, payload))
        };
        let lost = seen
            .iter()
            .filter(|seen| denied(seen) || contradicted(seen));
        Ok(lost.cloned().collect())
    }

    /// Reads the feed page by page from `found` back to the oldest of the `wanted` entries.
    async fn back_to(
        &self,
        found: &Position,
        wanted: &HashSet<u64>,
    ) -> Result<Entries, StoreError> {
        let mut entries = Entries::new();
        let Some(oldest) = wanted.iter().min() else {
            return Ok(entries);
        };
        let mut from = found.id.clone();
        for _ in 0..PAGES {
            let page = self.page_back(&from).await?;
            let mut is_reached = page.len() < MOST;
            for entry in &page {
                // anybody may write to the stream: what is none of ours tells nothing
                let Some((seq, hashed)) = read(entry, &found.epoch) else {
                    continue;
                };
                is_reached |= seq <= *oldest;
                if wanted.contains(&seq) {
                    entries.insert(seq, hashed);
                }
            }
            match page.last() {
                Some(last) if !is_reached => from = format!("({}", last.id),
                Some(_) | None => break,
            }
        }
        Ok(entries)
    }

    async fn page_back(&self, from: &str) -> Result<Vec<StreamId>, StoreError> {
        let mut command = Cmd::new();
        command
            .arg("XREVRANGE")
            .arg(&self.keys.feed)
            .arg(from)
            .arg("-")
            .arg("COUNT")
            .arg(MOST);
        let reply: StreamRangeReply = self
            .connections
            .command(Purpose::Feed, &command)
            .await
            .map_err(store_error)?;
        Ok(reply.ids)
    }
}

/// The number, the hash and the payload of an entry of this life of the store.
fn read(entry: &StreamId, epoch: &str) -> Option<(u64, (String, String))> {
    let of: String = value(entry, "epoch").ok()?;
    let hashed = (value(entry, "chain").ok()?, value(entry, "payload").ok()?);
    (of == epoch).then_some((value(entry, "seq").ok()?, hashed))
}
