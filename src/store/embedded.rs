//! The store of one machine: everything in memory, every change durable in a file before it is acknowledged.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use tokio::sync::watch;

use super::clock::Clock;
use super::{
    Applied, Change, Changed, Counted, FEED_WAIT, Listing, OpId, Position, Store, StoreError, Tally,
};
use crate::domain::book::Book;
use crate::domain::ledger::Changes;
use crate::domain::operation::Operation;
use crate::domain::policy::Policy;
use crate::domain::window::WindowRule;

mod file;
mod memory;
mod windows;

use file::File;
use memory::Memory;

/// The store of one machine: a file (or nothing) below a state that is whole in memory.
///
/// Writes are decided one at a time, off the asynchronous threads, and committed with immediate durability in two
/// phases; the memory changes only after the file did.
#[derive(Clone, Debug)]
pub struct Embedded {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    /// Held by whoever writes: operations are decided one at a time.
    turn: Mutex<()>,
    /// Never held while the file is written, nor while [`Inner::seq`] is borrowed or sent: the feed locks it too.
    memory: Mutex<Memory>,
    /// The number of the last change, for those who wait for the next one.
    seq: watch::Sender<u64>,
    policy: Arc<Policy>,
    clock: Clock,
}

impl Embedded {
    /// Opens the store at `path`, or makes it; fails if another process has it open.
    pub fn open(path: &Path, policy: Arc<Policy>) -> Result<Self, StoreError> {
        Self::on(File::open(path)?, policy)
    }

    /// Makes a store that is gone with the process.
    pub fn in_memory(policy: Arc<Policy>) -> Result<Self, StoreError> {
        Self::on(File::in_memory()?, policy)
    }

    fn on(file: File, policy: Arc<Policy>) -> Result<Self, StoreError> {
        let memory = Memory::new(file.read()?);
        let (seq, _) = watch::channel(memory.position().seq);
        Ok(Self {
            inner: Arc::new(Inner {
                file,
                turn: Mutex::new(()),
                memory: Mutex::new(memory),
                seq,
                policy,
                clock: Clock::start(),
            }),
        })
    }

    /// Runs `work` on a thread that may block; it goes on even if the caller is gone.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner))
            .await
            .map_err(StoreError::unavailable)?
    }
}

#[async_trait]
impl Store for Embedded {
    async fn apply(&self, id: OpId, operation: &Operation) -> Result<Applied, StoreError> {
        let operation = operation.clone();
        self.blocking(move |inner| inner.apply(id, &operation))
            .await
    }

    async fn count(
        &self,
        id: OpId,
        tallies: &[Tally],
        rule: WindowRule,
    ) -> Result<Vec<Counted>, StoreError> {
        let tallies = tallies.to_vec();
        self.blocking(move |inner| inner.count(id, &tallies, rule))
            .await
    }

    /// Ignores the seed: what this store has lost nobody else has kept.
    async fn list(&self, _seed: &Book) -> Result<Listing, StoreError> {
        let asked = Instant::now();
        let memory = self.inner.memory();
        Ok(Listing {
            position: memory.position().clone(),
            now: self.inner.clock.now(),
            asked,
            book: memory.book().clone(),
        })
    }

    /// A file that another process cannot have open loses nothing while this one lives.
    async fn lost(&self, seen: &[Position], found: &Position) -> Result<Vec<Position>, StoreError> {
        let is_kept = |seen: &Position| seen.epoch == found.epoch && seen.seq <= found.seq;
        let lost = seen.iter().filter(|seen| !is_kept(seen));
        Ok(lost.cloned().collect())
    }

    async fn changes(&self, position: &Position) -> Result<Vec<Change>, StoreError> {
        let mut seq = self.inner.seq.subscribe();
        let changes = self.inner.memory().after(position)?;
        if !changes.is_empty() {
            return Ok(changes);
        }
        let news = async {
            // What it returns holds a lock that a writer wants while it has the memory's: let go of it at once.
            seq.wait_for(|seq| *seq > position.seq).await.map(drop)
        };
        match tokio::time::timeout(FEED_WAIT, news).await {
            Ok(Ok(())) => self.inner.memory().after(position),
            Ok(Err(closed)) => Err(StoreError::unavailable(closed)),
            Err(_nothing_happened) => Ok(Vec::new()),
        }
    }
}

impl Inner {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, id: OpId, operation: &Operation) -> Result<Applied, StoreError> {
        let _turn = self.turn();
        let now = self.clock.now();
        let memory = self.memory();
        if let Some(applied) = memory.applied(id, now) {
            return Ok(applied);
        }
        let before = memory.position().clone();
        let mut ledger = memory.ledger(&operation.scope(), now);
        drop(memory);
        let decision = operation.decide(&mut ledger, &self.policy, id.bits());
        let changes = ledger.into_changes();
        let news = number(&changes, &before);
        let position = news.last().map(|change| change.position.clone());
        if let Some(position) = &position {
            self.file.write(&changes, position)?;
        }
        let seq = position
            .as_ref()
            .map_or(before.seq, |position| position.seq);
        let applied = Applied {
            decision,
            seq,
            written: position,
        };
        let mut memory = self.memory();
        memory.commit(&changes, news);
        memory.remember(id, now, &applied);
        drop(memory);
        if seq > before.seq {
            self.seq.send_replace(seq);
        }
        Ok(applied)
    }

    fn count(
        &self,
        id: OpId,
        tallies: &[Tally],
        rule: WindowRule,
    ) -> Result<Vec<Counted>, StoreError> {
        let _turn = self.turn();
        let now = self.clock.now();
        let memory = self.memory();
        if let Some(counted) = memory.counted(id, now) {
            return Ok(counted);
        }
        let (counted, update) = memory.windows().add(tallies, now, rule);
        drop(memory);
        self.file.write_windows(&update)?;
        let mut memory = self.memory();
        memory.windows_mut().commit(update);
        memory.remember_counted(id, now, &counted);
        Ok(counted)
    }
}

/// Gives each change its place in the feed.
fn number(changes: &Changes, position: &Position) -> Vec<Change> {
    let written = changes.written.iter().cloned().map(Changed::Written);
    let removed = changes.removed.iter().cloned().map(Changed::Removed);
    let halt = changes.halt.iter().cloned().map(Changed::Halt);
    let numbered = (position.seq.saturating_add(1)..).zip(written.chain(removed).chain(halt));
    numbered
        .map(|(seq, what)| Change {
            position: Position {
                seq,
                ..position.clone()
            },
            what,
        })
        .collect()
}
