//! Counts errors in sliding windows.

use std::sync::LazyLock;

use redis::Script;

use super::Redis;
use super::connection::Purpose;
use super::failure::{is_worth_another, store_error};
use super::load::NotInitialised;
use crate::domain::window::WindowRule;
use crate::store::{Counted, OpId, REMEMBERED, StoreError, Tally, codec};

/// How many tallies one script adds, so that others need not wait long, and Lua can unpack them.
const PART: usize = 200;
/// The most errors of one tally: with them, no bucket can overflow before it is dropped.
const MOST: u64 = u32::MAX as u64;

static COUNT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("count.lua")));

impl Redis {
    /// Adds tallies part by part; each part is remembered, so that a repetition counts nothing twice.
    pub(super) async fn count_in_parts(
        &self,
        id: OpId,
        tallies: &[Tally],
        rule: WindowRule,
    ) -> Result<Vec<Counted>, StoreError> {
        let mut counted = Vec::with_capacity(tallies.len());
        for (part, tallies) in tallies.chunks(PART).enumerate() {
            let key = self.keys.operation_part(id, part);
            counted.extend(self.count_part(&key, tallies, rule).await?);
        }
        Ok(counted)
    }

    async fn count_part(
        &self,
        operation: &str,
        tallies: &[Tally],
        rule: WindowRule,
    ) -> Result<Vec<Counted>, StoreError> {
        let kept = rule.bucket_ms().saturating_mul(WindowRule::BUCKETS * 2);
        let mut script = COUNT.prepare_invoke();
        script
            .key(&self.keys.meta)
            .key(&self.keys.windows)
            .key(operation)
            .arg(self.schema())
            .arg(rule.bucket_ms())
            .arg(WindowRule::BUCKETS)
            .arg(kept)
            .arg(rule.max_windows)
            .arg(rule.max_windows_per_app)
            .arg(REMEMBERED.as_millis());
        for tally in tallies {
            let field = codec::key(&tally.target);
            script
                .key(self.keys.window(&field))
                .key(self.keys.windows_of(&tally.target.app))
                .arg(field)
                .arg(tally.errors.min(MOST));
        }
        let mut answer = self.connections.script(Purpose::Command, &script).await;
        if answer.as_ref().is_err_and(is_worth_another) {
            answer = self.connections.script(Purpose::Command, &script).await;
        }
        let (counts, schema, min_compatible): (Option<String>, String, String) =
            answer.map_err(store_error)?;
        let Some(counts) = counts else {
            self.may_write(&schema, &min_compatible)?;
            return Err(StoreError::unavailable(NotInitialised));
        };
        counts.split_ascii_whitespace().map(counted).collect()
    }
}

fn counted(text: &str) -> Result<Counted, StoreError> {
    match text {
        "F" => Ok(Counted::Full),
        count => count
            .parse()
            .map(Counted::Count)
            .map_err(StoreError::corrupt),
    }
}
