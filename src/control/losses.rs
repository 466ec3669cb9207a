//! Counts and names what the store has lost of what it had acknowledged.

use super::Control;
use crate::domain::holder::Source;
use crate::domain::loss::{Loss, LostWrite};
use crate::domain::name::Endpoint;

/// The most lost writes that are named in the log one by one.
const NAMED: usize = 100;

impl Control {
    /// Tells of a store that has lost acknowledged writes.
    pub fn tell_rollback(&self, losses: &[Loss]) {
        tracing::error!(
            lost = losses.len(),
            "the store has lost changes that it had acknowledged"
        );
        self.tell_losses(losses);
        self.inner.metrics.store.rolled_back();
    }

    /// Counts and names acknowledged writes that the store has lost.
    fn tell_losses(&self, losses: &[Loss]) {
        for loss in losses {
            self.inner.metrics.store.lost(loss.write);
        }
        for loss in losses.iter().take(NAMED) {
            let target = loss.target.as_ref();
            let endpoint = target.and_then(|target| target.endpoint.as_ref());
            tracing::warn!(
                app = target.map(|target| target.app.as_str()),
                environment = target.map(|target| target.environment.as_str()),
                endpoint = endpoint.map(Endpoint::as_str),
                source = loss.source.map(Source::as_str),
                write = loss.write.as_str(),
                "the store has lost an acknowledged write: {}",
                what_follows(loss)
            );
        }
        let unnamed = losses.len().saturating_sub(NAMED);
        if unnamed > 0 {
            tracing::warn!(
                unnamed,
                "the store has lost more acknowledged writes than are named"
            );
        }
    }
}

const fn what_follows(loss: &Loss) -> &'static str {
    match (loss.write, loss.source) {
        (LostWrite::Open | LostWrite::Extension, Some(Source::Operator)) => {
            "the operator must enable again"
        }
        (LostWrite::Open | LostWrite::Extension, _) => {
            "the next repeat of its cause brings it back"
        }
        (LostWrite::End, _) => "it ends again",
        (LostWrite::Cooldown | LostWrite::Freeze, _) => "it is made again",
    }
}
