//! Brings the key space from one schema to the next.

use redis::Script;

use super::Redis;
use super::connection::Purpose;
use super::failure::store_error;
use crate::store::StoreError;

/// A step from one schema to the next: a script that does nothing if somebody else was first.
///
/// Its keys are records, expiry, automatic, targets, meta, feed and windows, in this order.
#[derive(Clone, Debug)]
pub struct Migration {
    schema: u32,
    script: Script,
}

impl Migration {
    /// The step that ends at `schema`, in Lua.
    pub fn new(schema: u32, lua: &str) -> Self {
        Self {
            schema,
            script: Script::new(lua),
        }
    }

    /// Every step there is, in order.
    pub fn all() -> Vec<Self> {
        vec![Self::new(
            1,
            include_str!("../../../migrations/0001-create.lua"),
        )]
    }
}

impl Redis {
    /// The schema that this store brings the key space to.
    pub(super) fn schema(&self) -> u32 {
        self.migrations
            .iter()
            .map(|step| step.schema)
            .max()
            .unwrap_or(0)
    }

    /// Reads the schema of the key space, unless a version wrote it which this one must not write beside.
    pub(super) fn may_write(&self, schema: &str, min_compatible: &str) -> Result<u32, StoreError> {
        let needed: u32 = min_compatible.parse().map_err(StoreError::corrupt)?;
        let ours = self.schema();
        if needed > ours {
            return Err(StoreError::TooNew { needed, ours });
        }
        schema.parse().map_err(StoreError::corrupt)
    }

    /// Takes the steps that a key space of schema `found` lacks; tells whether there were any.
    pub(super) async fn migrate(&self, found: u32) -> Result<bool, StoreError> {
        let steps = self.migrations.iter().filter(|step| found < step.schema);
        let mut any = false;
        for step in steps {
            any = true;
            let mut script = step.script.prepare_invoke();
            script.key(&self.keys.state).key(&self.keys.windows);
            let migrated: bool = self
                .connections
                .script(Purpose::Feed, &script)
                .await
                .map_err(store_error)?;
            if migrated && found > 0 {
                tracing::info!(store.schema = step.schema, "the store has a new schema");
            }
        }
        Ok(any)
    }
}
