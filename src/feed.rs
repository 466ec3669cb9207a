//! Keeps a replica's snapshot true: lists, follows the change feed, and reads everything anew on any doubt.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::metrics::labels::ResyncReason;
use crate::snapshot::Snapshot;
use crate::store::{Store, StoreError};

/// How long to wait after the first failure; doubles up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(50);
/// A store that comes back is noticed within this time and one attempt.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// What keeps a snapshot true.
#[derive(Debug)]
pub struct Feed {
    /// Where the truth is.
    pub store: Arc<dyn Store>,
    /// What is kept true.
    pub snapshot: Arc<Snapshot>,
}

impl Feed {
    /// Follows the store until `shutdown`; `resynced` is told each time everything was read anew.
    pub async fn follow(
        &self,
        shutdown: CancellationToken,
        resynced: impl Fn(ResyncReason) + Send,
    ) {
        let mut why = ResyncReason::Start;
        let mut pause = MIN_PAUSE;
        while !shutdown.is_cancelled() {
            let lost = tokio::select! {
                lost = self.sync_and_follow(why, &resynced) => lost,
                () = shutdown.cancelled() => return,
            };
            let synced = lost.synced;
            pause = if synced {
                MIN_PAUSE
            } else {
                (pause * 2).min(MAX_PAUSE)
            };
            why = match lost.because {
                Some(StoreError::Gap) => ResyncReason::Gap,
                None => ResyncReason::Doubt,
                Some(error) => {
                    log_lost(&error, synced, why);
                    if why == ResyncReason::Start && !synced {
                        why
                    } else {
                        ResyncReason::Reconnect
                    }
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn sync_and_follow(
        &self,
        why: ResyncReason,
        resynced: &(impl Fn(ResyncReason) + Send),
    ) -> Lost {
        let seed = self.snapshot.with_book(Clone::clone);
        let listing = match self.store.list(&seed).await {
            Ok(listing) => listing,
            Err(error) => {
                return Lost {
                    because: Some(error),
                    synced: false,
                };
            }
        };
        self.snapshot.replace(listing);
        resynced(why);
        if why != ResyncReason::Start {
            tracing::info!(reason = why.as_str(), "read everything anew from the store");
        }
        Lost {
            because: self.follow_changes().await.err(),
            synced: true,
        }
    }

    /// Follows the feed while it goes on; returns without an error if everything must be read anew all the same.
    async fn follow_changes(&self) -> Result<(), StoreError> {
        while !self.snapshot.is_doubted() {
            let position = self.snapshot.position().ok_or(StoreError::Gap)?;
            let changes = self.store.changes(&position).await?;
            self.snapshot.apply(changes)?;
        }
        Ok(())
    }
}

/// How following the feed ended.
struct Lost {
    because: Option<StoreError>,
    synced: bool,
}

fn log_lost(error: &StoreError, synced: bool, why: ResyncReason) {
    let error: &dyn std::error::Error = error;
    if synced || why == ResyncReason::Start {
        tracing::warn!(
            error,
            "lost the store: answering from memory until it is back"
        );
    } else {
        tracing::debug!(error, "the store is still away");
    }
}
