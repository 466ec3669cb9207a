//! Keeps the state in one Redis, which several replicas may share: at a fixed address, behind Sentinels, or in a Cluster.
//!
//! An operation is loaded, decided here and committed by one script each; the commit refuses if anything was written
//! in between, and the operation is decided anew. Writers of one process take turns, so that only other replicas can
//! be in the way.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Applied, Change, Counted, Listing, OpId, Position, Store, StoreError, Tally};
use crate::domain::book::Book;
use crate::domain::operation::Operation;
use crate::domain::policy::Policy;
use crate::domain::window::WindowRule;

mod address;
mod apply;
mod changes;
mod check;
mod connection;
mod count;
mod dialer;
mod failure;
mod history;
mod keys;
mod list;
mod load;
mod migrate;
mod payload;
mod primary;

pub use address::{AddressError, Endpoint, List, Login, Node, RedisAddress, Tls};
pub use changes::read_entries;
pub use migrate::Migration;

use connection::Connections;
use dialer::Place;
use keys::Keys;

/// How many entries the feed keeps, roughly: a follower that is further behind reads everything anew.
const FEED_LENGTH: usize = 10_000;
/// How long a write may take in all, whatever happens.
const WRITE_DEADLINE: Duration = Duration::from_millis(900);

/// Keeps the state in one Redis: the primary, wherever it is.
#[derive(Debug)]
pub struct Redis {
    address: RedisAddress,
    connections: Connections,
    keys: Keys,
    policy: Arc<Policy>,
    migrations: Vec<Migration>,
    /// Held by whoever writes.
    turn: tokio::sync::Mutex<()>,
    /// Where the server is whose settings were looked at last.
    checked: Mutex<Option<Place>>,
}

impl Redis {
    /// Uses the Redis at `address`, which need not be there yet.
    pub fn new(address: RedisAddress, policy: Arc<Policy>) -> Result<Self, AddressError> {
        Self::with_migrations(address, policy, Migration::all())
    }

    /// Uses the Redis at `address`, and brings its key space to where `migrations` lead.
    pub fn with_migrations(
        address: RedisAddress,
        policy: Arc<Policy>,
        migrations: Vec<Migration>,
    ) -> Result<Self, AddressError> {
        Ok(Self {
            connections: Connections::new(&address)?,
            keys: Keys::new(&address.key_prefix),
            address,
            policy,
            migrations,
            turn: tokio::sync::Mutex::new(()),
            checked: Mutex::default(),
        })
    }

    /// Whether the feed comes from another server than when this was asked last.
    fn is_on_another_server(&self) -> bool {
        let place = self.connections.place();
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_another = place.is_some() && *checked != place;
        if is_another {
            *checked = place;
        }
        is_another
    }
}

#[async_trait]
impl Store for Redis {
    async fn apply(&self, id: OpId, operation: &Operation) -> Result<Applied, StoreError> {
        in_time(async {
            let _turn = self.turn.lock().await;
            self.apply_in_turn(id, operation).await
        })
        .await
    }

    async fn count(
        &self,
        id: OpId,
        tallies: &[Tally],
        rule: WindowRule,
    ) -> Result<Vec<Counted>, StoreError> {
        in_time(self.count_in_parts(id, tallies, rule)).await
    }

    async fn list(&self, seed: &Book) -> Result<Listing, StoreError> {
        let listing = self.list_or_start(seed).await?;
        if self.is_on_another_server() {
            self.warn_of_risks().await;
        }
        Ok(listing)
    }

    async fn lost(&self, seen: &[Position], found: &Position) -> Result<Vec<Position>, StoreError> {
        self.lost_of(seen, found).await
    }

    async fn changes(&self, position: &Position) -> Result<Vec<Change>, StoreError> {
        self.follow(position).await
    }

    async fn tend(&self) {
        self.connections.tend().await;
    }
}

async fn in_time<T>(write: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |elapsed| Err(StoreError::unavailable(elapsed));
    tokio::time::timeout(WRITE_DEADLINE, write)
        .await
        .unwrap_or_else(late)
}
