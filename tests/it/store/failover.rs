//! What is the same whoever decides on a new primary.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use autolog::domain::book::Book;
use autolog::domain::policy::Policy;
use autolog::store::redis::{Redis, RedisAddress};
use autolog::store::{Store, StoreError};
use tokio::task::JoinHandle;

use super::{enable, id};

/// A server has a second to answer, and the others take another one or two to agree; a busy machine far longer.
pub(super) const FAILOVER: Duration = Duration::from_secs(40);
/// No write takes longer, whatever happens to it.
const REFUSED_WITHIN: Duration = Duration::from_millis(1_250);

/// A store that somebody looks after, as the service does.
pub(super) struct Tended {
    store: Arc<Redis>,
    tending: JoinHandle<()>,
}

impl Deref for Tended {
    type Target = Redis;

    fn deref(&self) -> &Redis {
        &self.store
    }
}

impl Drop for Tended {
    fn drop(&mut self) {
        self.tending.abort();
    }
}

impl Tended {
    /// The store, for somebody else.
    pub(super) fn share(&self) -> Arc<Redis> {
        Arc::clone(&self.store)
    }
}

pub(super) fn store_at(address: RedisAddress) -> Redis {
    Redis::new(address, Arc::new(Policy::default())).unwrap()
}

pub(super) fn tended(address: RedisAddress) -> Tended {
    let store = Arc::new(store_at(address));
    let tended = Arc::clone(&store);
    let tending = tokio::spawn(async move { tended.tend().await });
    Tended { store, tending }
}

/// Enables until it works, as clients do, and tells how long that took.
pub(super) async fn until_it_works(store: &Redis, text: &str) -> Duration {
    let started = Instant::now();
    loop {
        let began = Instant::now();
        let applied = store.apply(id(), &enable(text)).await;
        assert!(began.elapsed() < REFUSED_WITHIN, "{:?}", began.elapsed());
        match applied {
            Ok(_) => return started.elapsed(),
            Err(StoreError::Unavailable(_)) if started.elapsed() < FAILOVER => {
                // A store that was emptied waits for somebody to list it.
                let _emptied_or_away = store.list(&Book::default()).await;
            }
            Err(error) => panic!("after {:?}: {error:?}", started.elapsed()),
        }
    }
}
