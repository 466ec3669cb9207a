//! How records and their times stand in the store.

use std::collections::HashMap;

use redis::ScriptInvocation;

use crate::domain::book::Book;
use crate::domain::halt::Halt;
use crate::domain::ledger::Changes;
use crate::domain::record::Record;
use crate::domain::target::Target;
use crate::store::StoreError;
use crate::store::codec::{self, decode, encode, encode_over};

/// What an operation was loaded from, as it stands in the store.
#[derive(Default)]
pub(super) struct Stored {
    records: HashMap<Target, String>,
    halt: Option<String>,
}

impl Stored {
    /// Reads the records, and keeps how they are written.
    pub(super) fn read(
        texts: Vec<String>,
        halt: Option<String>,
    ) -> Result<(Vec<Record>, Self), StoreError> {
        let records = decode_records(&texts)?;
        let targets = records.iter().map(|record| record.target.clone());
        let stored = Self {
            records: targets.zip(texts).collect(),
            halt,
        };
        Ok((records, stored))
    }

    fn encode(&self, record: &Record) -> Result<String, StoreError> {
        match self.records.get(&record.target) {
            Some(stored) => encode_over(stored, record),
            None => encode(record),
        }
    }

    fn encode_halt(&self, halt: &Halt) -> Result<String, StoreError> {
        match &self.halt {
            Some(stored) => encode_over(stored, halt),
            None => encode(halt),
        }
    }
}

pub(super) fn decode_records(texts: &[String]) -> Result<Vec<Record>, StoreError> {
    texts.iter().map(|text| decode(text)).collect()
}

/// Reads what stops automatic sources; nothing does if nothing is stored.
pub(super) fn decode_halt(text: Option<&String>) -> Result<Halt, StoreError> {
    text.map_or_else(|| Ok(Halt::default()), |text| decode(text))
}

/// Adds the arguments of each change of what was `stored`: op, field, payload, end of the session, whether it is automatic.
pub(super) fn add_changes(
    script: &mut ScriptInvocation<'_>,
    changes: &Changes,
    stored: &Stored,
) -> Result<(), StoreError> {
    for record in &changes.written {
        script
            .arg("put")
            .arg(codec::key(&record.target))
            .arg(stored.encode(record)?);
        add_session(script, record);
    }
    for target in &changes.removed {
        let field = codec::key(target);
        script.arg("del").arg(&field).arg(&field).arg("").arg("");
    }
    if let Some(halt) = &changes.halt {
        script
            .arg("halt")
            .arg("")
            .arg(stored.encode_halt(halt)?)
            .arg("")
            .arg("");
    }
    Ok(())
}

/// Adds the arguments of a seed: its halt, and then those of each record without the op.
pub(super) fn add_seed(script: &mut ScriptInvocation<'_>, seed: &Book) -> Result<(), StoreError> {
    script.arg(encode(seed.halt())?);
    for record in seed.records() {
        script.arg(codec::key(&record.target)).arg(encode(record)?);
        add_session(script, record);
    }
    Ok(())
}

fn add_session(script: &mut ScriptInvocation<'_>, record: &Record) {
    match &record.session {
        Some(session) => {
            let automatic = u8::from(session.source.is_automatic());
            script.arg(session.end().as_millis()).arg(automatic)
        }
        None => script.arg("").arg(""),
    };
}
