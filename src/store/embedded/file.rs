//! The file of the embedded store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use redb::backends::InMemoryBackend;
use redb::{
    Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, TableDefinition,
    TableError, WriteTransaction,
};

use super::memory::Kept;
use super::windows::{Update, Windows};
use crate::domain::book::Book;
use crate::domain::halt::Halt;
use crate::domain::ledger::Changes;
use crate::domain::record::Record;
use crate::domain::target::Target;
use crate::domain::window::Window;
use crate::store::codec::{decode, encode, key};
use crate::store::{OpId, Position, SCHEMA, StoreError};

/// The key of a target → its record as JSON.
const RECORDS: TableDefinition<'_, &str, &str> = TableDefinition::new("records");
/// The key of a target → the target and its error window as JSON.
const WINDOWS: TableDefinition<'_, &str, &str> = TableDefinition::new("windows");
/// `epoch`, `seq`, `halt`, `schema` and `min_compatible`.
const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");

/// All is in memory already, so the file's own cache can be small.
const CACHE_BYTES: usize = 256 * 1024;

/// The file of the embedded store, or memory that stands in for one.
pub(super) struct File {
    /// None if it is memory.
    path: Option<PathBuf>,
    /// None after a write has failed: the library refuses a file that has once failed until it is opened anew.
    database: Mutex<Option<Database>>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("File");
        debug.field("path", &self.path).finish_non_exhaustive()
    }
}

impl File {
    /// Opens the file at `path`, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let database = open(path)?;
        prepare(&database)?;
        Ok(Self {
            path: Some(path.to_owned()),
            database: Mutex::new(Some(database)),
        })
    }

    /// Makes a file that is memory only.
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(InMemoryBackend::new())
            .map_err(unavailable)?;
        prepare(&database)?;
        Ok(Self {
            path: None,
            database: Mutex::new(Some(database)),
        })
    }

    /// Reads everything.
    pub(super) fn read(&self) -> Result<Kept, StoreError> {
        let slot = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let database = slot.as_ref().ok_or(StoreError::Closed)?;
        let transaction = database.begin_read().map_err(unavailable)?;
        let meta = transaction.open_table(META).map_err(unavailable)?;
        let records = transaction.open_table(RECORDS).map_err(unavailable)?;
        let windows = transaction.open_table(WINDOWS).map_err(unavailable)?;
        let halt = text(&meta, "halt")?.map_or(Ok(Halt::default()), |text| decode(&text))?;
        let seq = text(&meta, "seq")?.map_or(Ok(0), |text| decode(&text))?;
        let position = Position {
            epoch: text(&meta, "epoch")?.unwrap_or_default(),
            seq,
            ..Position::default()
        };
        let windows: Vec<(Target, Window)> = values(&windows)?;
        Ok(Kept {
            book: Book::new(values::<Arc<Record>>(&records)?, halt),
            position,
            windows: Windows::new(BTreeMap::from_iter(windows)),
        })
    }

    /// Makes `changes`, which lead to `position`, durable.
    pub(super) fn write(&self, changes: &Changes, position: &Position) -> Result<(), StoreError> {
        self.transact(|transaction| {
            let mut records = transaction.open_table(RECORDS).map_err(unavailable)?;
            for record in &changes.written {
                let value = encode(record)?;
                records
                    .insert(key(&record.target).as_str(), value.as_str())
                    .map_err(unavailable)?;
            }
            for target in &changes.removed {
                records.remove(key(target).as_str()).map_err(unavailable)?;
            }
            let mut meta = transaction.open_table(META).map_err(unavailable)?;
            if let Some(halt) = &changes.halt {
                meta.insert("halt", encode(halt)?.as_str())
                    .map_err(unavailable)?;
            }
            let seq = position.seq.to_string();
            meta.insert("seq", seq.as_str()).map_err(unavailable)?;
            Ok(())
        })
    }

    /// Makes the windows of `update` durable.
    pub(super) fn write_windows(&self, update: &Update) -> Result<(), StoreError> {
        if update.written.is_empty() && update.removed.is_empty() {
            return Ok(());
        }
        self.transact(|transaction| {
            let mut windows = transaction.open_table(WINDOWS).map_err(unavailable)?;
            for target in &update.removed {
                windows.remove(key(target).as_str()).map_err(unavailable)?;
            }
            for entry in &update.written {
                let value = encode(&entry)?;
                windows
                    .insert(key(entry.0).as_str(), value.as_str())
                    .map_err(unavailable)?;
            }
            Ok(())
        })
    }

    /// Commits `work`; after a failure the file is opened anew for the next one.
    fn transact(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut slot = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let database = match (slot.take(), &self.path) {
            (Some(database), _) => database,
            (None, Some(path)) => open(path)?,
            (None, None) => return Err(StoreError::Closed),
        };
        let result = commit(&database, work);
        if result.is_ok() || self.path.is_none() {
            *slot = Some(database);
        }
        result
    }
}

fn open(path: &Path) -> Result<Database, StoreError> {
    let mut builder = Database::builder();
    builder
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .map_err(|error| {
            if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
                StoreError::InUse(path.to_owned())
            } else {
                unavailable(error)
            }
        })
}

/// Makes what a new file lacks, and refuses a file of a schema that is too new.
fn prepare(database: &Database) -> Result<(), StoreError> {
    if is_prepared(database)? {
        return Ok(());
    }
    commit(database, |transaction| {
        transaction.open_table(RECORDS).map_err(unavailable)?;
        transaction.open_table(WINDOWS).map_err(unavailable)?;
        let mut meta = transaction.open_table(META).map_err(unavailable)?;
        let epoch = OpId::random()?.to_string();
        let schema = SCHEMA.to_string();
        let initial = [
            ("epoch", epoch.as_str()),
            ("seq", "0"),
            ("schema", &schema),
            ("min_compatible", &schema),
        ];
        for (name, value) in initial {
            meta.insert(name, value).map_err(unavailable)?;
        }
        Ok(())
    })
}

/// Whether the file has everything, which is made in one go.
fn is_prepared(database: &Database) -> Result<bool, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) => return Ok(false),
        Err(error) => return Err(unavailable(error)),
    };
    let needed = text(&meta, "min_compatible")?;
    let needed = needed.map_or(Ok(SCHEMA), |text| decode(&text))?;
    if needed > SCHEMA {
        return Err(StoreError::TooNew {
            needed,
            ours: SCHEMA,
        });
    }
    Ok(text(&meta, "epoch")?.is_some())
}

/// Commits `work` so that it is durable even if the machine crashes during the next commit.
fn commit(
    database: &Database,
    work: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut transaction = database.begin_write().map_err(unavailable)?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(unavailable)?;
    transaction.set_two_phase_commit(true);
    work(&transaction)?;
    transaction.commit().map_err(unavailable)
}

fn text(
    table: &impl ReadableTable<&'static str, &'static str>,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let value = table.get(name).map_err(unavailable)?;
    Ok(value.map(|value| value.value().to_owned()))
}

fn values<T: serde::de::DeserializeOwned>(
    table: &impl ReadableTable<&'static str, &'static str>,
) -> Result<Vec<T>, StoreError> {
    let entries = table.iter().map_err(unavailable)?;
    entries
        .map(|entry| {
            let (_, value) = entry.map_err(unavailable)?;
            decode(value.value())
        })
        .collect()
}

fn unavailable(error: impl Into<redb::Error>) -> StoreError {
    StoreError::unavailable(error.into())
}
