//! Keeps a replica's snapshot true: lists, follows the change feed, and reads everything anew on any doubt.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::loss::Loss;
use crate::metrics::labels::ResyncReason;
use crate::snapshot::Snapshot;
use crate::store::{OpId, Position, Store, StoreError};
use crate::telemetry::Chain;

mod bucket;

use bucket::Bucket;

/// How long to wait before everything is read anew; doubles with each failure, up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(50);
/// The longest wait: a store that comes back is noticed within this time and one attempt.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// What happened to the snapshot besides changes that came in order.
#[derive(Debug)]
pub enum News {
    /// Everything was read anew.
    Resynced(ResyncReason),
    /// The store has lost these writes, and the snapshot follows it.
    RolledBack(Vec<Loss>),
}

/// What keeps a snapshot true.
#[derive(Debug)]
pub struct Feed {
    /// Where the truth is.
    pub store: Arc<dyn Store>,
    /// What is kept true.
    pub snapshot: Arc<Snapshot>,
}

impl Feed {
    /// Follows the store until `shutdown`, and tells the news.
    pub async fn follow(&self, shutdown: CancellationToken, tell: impl Fn(News) + Send) {
        shutdown
            .run_until_cancelled(self.follow_for_ever(&tell))
            .await;
    }

    #[expect(clippy::infinite_loop, reason = "the shutdown drops it at any await")]
    async fn follow_for_ever(&self, tell: &(impl Fn(News) + Send)) {
        let mut why = ResyncReason::Start;
        let mut outage = Outage::default();
        let mut bucket = Bucket::new(Instant::now());
        loop {
            match self.sync(tell).await {
                Ok(()) => {
                    tell(News::Resynced(why));
                    outage.end(why);
                    why = self.follow_changes(&mut outage).await;
                    tokio::time::sleep(bucket.take(Instant::now())).await;
                }
                Err(error) => outage.note(&error),
            }
            tokio::time::sleep(outage.pause()).await;
        }
    }

    /// Reads everything anew; a store that is empty takes over what this replica remembers.
    async fn sync(&self, tell: &(impl Fn(News) + Send)) -> Result<(), StoreError> {
        let remembered = self.snapshot.with_book(Clone::clone);
        let known: HashSet<Position> = self.snapshot.known().into_iter().collect();
        let listing = self.store.list(&remembered).await?;
        // Some were acknowledged meanwhile: that the list has one tells of it, that it lacks one does not, since it may
        // be the older of the two.
        let mut asked = self.snapshot.known();
        let missing = self.store.lost(&asked, &listing.position).await?;
        let missing: HashSet<Position> = missing.into_iter().collect();
        asked.retain(|place| !missing.contains(place));
        self.snapshot.settle(&asked);
        let lost: Vec<Position> = missing.intersection(&known).cloned().collect();
        if lost.is_empty() {
            self.snapshot.replace(listing);
        } else {
            let losses = self.snapshot.roll_back(listing, &lost, OpId::random()?);
            tell(News::RolledBack(losses));
        }
        Ok(())
    }

    /// Follows the feed while it goes on, and tells why everything must be read anew.
    async fn follow_changes(&self, outage: &mut Outage) -> ResyncReason {
        while !self.snapshot.is_doubted() {
            match self.next_changes().await {
                Ok(()) => {}
                Err(StoreError::Gap) => return ResyncReason::Gap,
                Err(error) => {
                    outage.note(&error);
                    return ResyncReason::Reconnect;
                }
            }
        }
        ResyncReason::Doubt
    }

    async fn next_changes(&self) -> Result<(), StoreError> {
        let position = self.snapshot.position().ok_or(StoreError::Gap)?;
        let changes = self.store.changes(&position).await?;
        self.snapshot.apply(changes)
    }
}

/// How long the store has been away, in failures.
#[derive(Debug, Default)]
struct Outage {
    failures: u32,
}

impl Outage {
    /// Warns of the first failure only: an outage is one thing, however often it is noticed.
    fn note(&mut self, error: &StoreError) {
        if self.failures == 0 {
            tracing::warn!(
                error = %Chain(error),
                "the store is away: answering from memory until it is back"
            );
        } else {
            tracing::debug!(error = %Chain(error), "the store is still away");
        }
        self.failures = self.failures.saturating_add(1);
    }

    fn end(&mut self, why: ResyncReason) {
        if self.failures > 0 || why != ResyncReason::Start {
            tracing::info!(reason = why.as_str(), "read everything anew from the store");
        }
        self.failures = 0;
    }

    fn pause(&self) -> Duration {
        let doubled = MIN_PAUSE.saturating_mul(1 << self.failures.min(8));
        doubled.min(MAX_PAUSE)
    }
}
