//! Follows the change feed, and trusts nothing but its unbroken sequence.

use std::sync::{Arc, LazyLock};

use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{Cmd, FromRedisValue, Script};
use sha1_smol::Sha1;

use super::connection::Purpose;
use super::failure::store_error;
use super::{Redis, keys};
use crate::store::codec::decode;
use crate::store::{Change, Changed, FEED_WAIT, Position, StoreError};

/// The most entries read at once.
pub(super) const MOST: usize = 512;

static BOOKMARK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("bookmark.lua")));

impl Redis {
    /// Waits for entries after `position`, and makes sure that none is missing.
    pub(super) async fn follow(&self, position: &Position) -> Result<Vec<Change>, StoreError> {
        let mut command = Cmd::new();
        command
            .arg("XREAD")
            .arg("COUNT")
            .arg(MOST)
            .arg("BLOCK")
            .arg(FEED_WAIT.as_millis())
            .arg("STREAMS")
            .arg(&self.keys.feed)
            .arg(&position.id);
        let read: Option<StreamReadReply> = self
            .connections
            .command(Purpose::Feed, &command)
            .await
            .map_err(store_error)?;
        let entries = read.and_then(|read| read.keys.into_iter().next());
        match entries {
            Some(entries) => in_sequence(position, entries.ids),
            None => self.look(position).await,
        }
    }

    /// Asks where the store is: a stream that was emptied, or fell back behind the reader, reports nothing.
    async fn look(&self, position: &Position) -> Result<Vec<Change>, StoreError> {
        let mut script = BOOKMARK.key(&self.keys.meta);
        script.key(&self.keys.feed).arg(&position.id).arg(MOST);
        let (state, entries): (Vec<Option<String>>, StreamRangeReply) = self
            .connections
            .script(Purpose::Feed, &script)
            .await
            .map_err(store_error)?;
        let [Some(epoch), Some(seq), Some(chain)] = &state[..] else {
            return Err(StoreError::Gap);
        };
        let seq: u64 = seq.parse().map_err(StoreError::corrupt)?;
        if !entries.ids.is_empty() {
            return in_sequence(position, entries.ids);
        }
        if (epoch, seq, chain) == (&position.epoch, position.seq, &position.chain) {
            Ok(Vec::new())
        } else {
            Err(StoreError::Gap)
        }
    }
}

/// Reads entries of the change feed, each an id and its fields, as far as they follow `position`.
///
/// Anything else is a gap, or not written by a version of ours.
pub fn read_entries(
    position: &Position,
    entries: impl IntoIterator<Item = (String, Vec<(String, String)>)>,
) -> Result<Vec<Change>, StoreError> {
    let value = |text: String| redis::Value::BulkString(text.into_bytes());
    let entries = entries.into_iter().map(|(id, fields)| StreamId {
        id,
        map: fields
            .into_iter()
            .map(|(name, text)| (name, value(text)))
            .collect(),
        ..StreamId::default()
    });
    in_sequence(position, entries.collect())
}

/// Takes entries of the same life of the store that follow, number by number and hash by hash, from what was read.
fn in_sequence(position: &Position, entries: Vec<StreamId>) -> Result<Vec<Change>, StoreError> {
    let mut before = position.clone();
    let mut changes = Vec::with_capacity(entries.len());
    for entry in entries {
        let change = change(&entry)?;
        let payload: String = value(&entry, "payload")?;
        let here = &change.position;
        let follows = here.epoch == before.epoch
            && here.seq == before.seq + 1
            && here.chain == chained(&before.chain, &payload);
        if !follows {
            return Err(StoreError::Gap);
        }
        before = change.position.clone();
        changes.push(change);
    }
    Ok(changes)
}

/// The hash over everything up to and with `payload`, as the commit script computes it.
pub(super) fn chained(chain: &str, payload: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(chain.as_bytes());
    hash.update(payload.as_bytes());
    hash.digest().to_string()
}

fn change(entry: &StreamId) -> Result<Change, StoreError> {
    let payload: String = value(entry, "payload")?;
    let op: String = value(entry, "op")?;
    let what = match op.as_str() {
        "put" => Changed::Written(Arc::new(decode(&payload)?)),
        "del" => Changed::Removed(keys::target(&payload)?),
        "halt" => Changed::Halt(decode(&payload)?),
        // A newer version tells of something else: reading everything shows as much of it as this one knows.
        _ => return Err(StoreError::Gap),
    };
    Ok(Change {
        position: Position {
            epoch: value(entry, "epoch")?,
            seq: value(entry, "seq")?,
            chain: value(entry, "chain")?,
            id: entry.id.clone(),
        },
        what,
    })
}

/// Reads one value of an entry; one that is missing was not written by us, which is a gap as well.
pub(super) fn value<T: FromRedisValue>(entry: &StreamId, name: &str) -> Result<T, StoreError> {
    entry.get(name).ok_or(StoreError::Gap)
}
