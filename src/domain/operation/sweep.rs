//! Time has passed: what has lapsed has ended, and what waits may open.

use std::time::Duration;

use super::Desk;
use super::observe::Alert;
use crate::domain::record::Waiting;
use crate::domain::target::Target;

pub(super) fn decide(desk: &mut Desk<'_>, targets: &[Target]) {
    for target in targets {
        desk.open_waiting(target);
    }
}

impl Desk<'_> {
    /// Opens the waiting alerts of `target` that nothing refuses any more.
    fn open_waiting(&mut self, target: &Target) {
        let Some(record) = self.ledger.record(target) else {
            return;
        };
        for waiting in record.waiting.clone() {
            let alert = alert(target, waiting);
            if self.forbids(&alert).is_none() {
                self.fire(&alert);
            }
        }
    }
}

fn alert(target: &Target, waiting: Waiting) -> Alert {
    Alert {
        target: target.clone(),
        fingerprint: waiting.alert.fingerprint,
        starts_at: waiting.alert.starts_at,
        firing: true,
        ttl: Some(Duration::from_millis(waiting.ttl_ms)),
        endpoint: waiting.endpoint,
        reason: waiting.reason,
    }
}
