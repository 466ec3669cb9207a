//! Loads what an operation is decided on.

use std::sync::{Arc, LazyLock};

use redis::{Script, ScriptInvocation};

use super::connection::Purpose;
use super::failure::Failure;
use super::payload::{Stored, decode_halt};
use super::{Redis, keys};
use crate::domain::book::{Scope, with_parents};
use crate::domain::ledger::{Ledger, MAX_RECORDS, Occupancy};
use crate::domain::name::App;
use crate::domain::time::Time;
use crate::store::codec;
use crate::store::{OpId, StoreError};

static LOAD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("load.lua")));

/// What an operation is decided on.
pub(super) enum Loaded {
    /// The records that it is about, the version that they are of, and how they are written.
    Fresh(Box<Ledger>, Version, Stored),
    /// It was decided before: this is what came of it.
    Remembered(String),
}

/// The version that records are of: what they say holds as long as the store still says the same.
pub(super) struct Version {
    pub(super) epoch: String,
    pub(super) seq: String,
    pub(super) schema: String,
    pub(super) min_compatible: String,
}

/// The store has lost everything, or never had anything, or is of an older schema; whoever lists next sees to it.
#[derive(Debug, thiserror::Error)]
#[error("the store is empty, or of an older schema, and waits for a replica to list it")]
pub(super) struct NotInitialised;

/// What the script returns, in the order that it says.
type Answer = (
    Option<String>,
    i64,
    Vec<Option<String>>,
    Vec<usize>,
    Vec<usize>,
    Vec<String>,
);

impl Redis {
    /// Loads what the operation needs, or what came of it if it was committed before.
    pub(super) async fn load(&self, id: OpId, scope: &Scope) -> Result<Loaded, Failure> {
        let apps = scope.apps();
        let mut script = LOAD.prepare_invoke();
        script
            .key(&self.keys.state)
            .key(self.keys.operation(id))
            .arg(apps.len());
        for app in &apps {
            script.arg(app.as_str());
        }
        add_scope(&mut script, scope);
        let answer: Answer = self
            .connections
            .script(Purpose::Long(weight(scope)), &script)
            .await?;
        let (remembered, now, meta, all, per_app, records) = answer;
        if let Some(remembered) = remembered {
            return Ok(Loaded::Remembered(remembered));
        }
        let [
            Some(epoch),
            Some(seq),
            Some(schema),
            Some(min_compatible),
            halt,
        ] = <[_; 5]>::try_from(meta).unwrap_or_default()
        else {
            return Err(StoreError::unavailable(NotInitialised).into());
        };
        if self.may_write(&schema, &min_compatible)? < self.schema() {
            return Err(StoreError::unavailable(NotInitialised).into());
        }
        let known_halt = decode_halt(halt.as_ref())?;
        let (records, stored) = Stored::read(records, halt)?;
        let ledger = Ledger::new(
            Time::from_millis(now),
            records.into_iter().map(Arc::new),
            known_halt,
            occupancy(&all, &apps, &per_app),
        );
        let version = Version {
            epoch,
            seq,
            schema,
            min_compatible,
        };
        Ok(Loaded::Fresh(Box::new(ledger), version, stored))
    }
}

/// About how many records are looked at.
const fn weight(scope: &Scope) -> usize {
    match scope {
        Scope::Targets(targets) => targets.len(),
        Scope::Place(_) | Scope::Everything => MAX_RECORDS,
    }
}

fn add_scope(script: &mut ScriptInvocation<'_>, scope: &Scope) {
    match scope {
        Scope::Targets(targets) => {
            script.arg("fields");
            for target in with_parents(targets) {
                script.arg(codec::key(&target));
            }
        }
        Scope::Place(place) => {
            let (from, to) = keys::range(place);
            script.arg("range").arg(from).arg(to);
        }
        Scope::Everything => {
            script.arg("everything");
        }
    }
}

fn occupancy(all: &[usize], apps: &[&App], per_app: &[usize]) -> Occupancy {
    let number = |index: usize| all.get(index).copied().unwrap_or(0);
    let pairs = per_app
        .chunks_exact(2)
        .filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    Occupancy {
        records: number(0),
        sessions: number(1),
        automatic: number(2),
        per_app: apps.iter().map(|app| (*app).clone()).zip(pairs).collect(),
    }
}
