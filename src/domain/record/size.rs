//! Keeps a record small, whatever it is fed.

use super::{Record, Waiting};
use crate::domain::holder::{Cause, Holder};
use crate::domain::name::{Endpoint, Reason};

/// The most bytes that a record may take as JSON.
const MAX: usize = 16 * 1024 - 1;
/// The most that a record takes as JSON without its lists: its target, times, the names of the fields.
const FRAME: usize = 720;
/// The most that a holder takes without its details.
const HOLDER: usize = 180;
/// The most that the short hash of an alert takes.
const HASH: usize = 11;
/// The most that an alert that waits takes without its details.
const WAITING: usize = 144;
/// The most that a barred alert takes.
const BARRED: usize = 68;
/// The most that the memory of an alert takes.
const MEMORY: usize = 88;

impl Record {
    /// Drops details, the oldest first, until the record is below 16 KiB as JSON.
    ///
    /// These are reasons, endpoints of holders and of waiting alerts, and then gaps; what decides is never dropped.
    pub fn trim(&mut self) {
        let mut over = self.size().saturating_sub(MAX);
        let holders = self
            .session
            .iter_mut()
            .flat_map(|session| &mut session.holders);
        let mut holders: Vec<&mut Holder> = holders.collect();
        holders.sort_by_key(|holder| holder.started_at);
        for holder in holders {
            if over == 0 {
                return;
            }
            over = over.saturating_sub(holder_details(holder));
            holder.reason.clear();
            if let Cause::Alert(alert) = &mut holder.cause {
                alert.endpoint = None;
            }
        }
        for waiting in &mut self.waiting {
            if over == 0 {
                return;
            }
            over = over.saturating_sub(details(&waiting.reason, waiting.endpoint.as_ref()));
            waiting.reason.clear();
            waiting.endpoint = None;
        }
        let gaps = over.div_ceil(MEMORY).min(self.expired_firing.len());
        self.expired_firing.drain(..gaps);
    }

    /// At least what the record takes as JSON.
    fn size(&self) -> usize {
        let holders = self.session.iter().flat_map(|session| &session.holders);
        let holders = holders.map(holder_size);
        let waiting = self.waiting.iter().map(waiting_size);
        let others = self.barred_others.iter().map(|others| others.seen.len());
        FRAME
            + holders.sum::<usize>()
            + waiting.sum::<usize>()
            + others.sum::<usize>() * HASH
            + self.barred.len() * BARRED
            + (self.expired_firing.len() + self.resolved.len()) * MEMORY
    }
}

fn holder_size(holder: &Holder) -> usize {
    let seen = match &holder.cause {
        Cause::Others(others) => others.seen.len(),
        Cause::Alert(_) | Cause::Errors | Cause::Operator { .. } => 0,
    };
    HOLDER + seen * HASH + holder_details(holder)
}

fn holder_details(holder: &Holder) -> usize {
    let endpoint = match &holder.cause {
        Cause::Alert(alert) => alert.endpoint.as_ref(),
        Cause::Others(_) | Cause::Errors | Cause::Operator { .. } => None,
    };
    details(&holder.reason, endpoint)
}

fn waiting_size(waiting: &Waiting) -> usize {
    WAITING + details(&waiting.reason, waiting.endpoint.as_ref())
}

fn details(reason: &Reason, endpoint: Option<&Endpoint>) -> usize {
    let escaped = |byte: &u8| matches!(byte, b'"' | b'\\');
    let reason = match reason.as_str() {
        "" => 0,
        text => {
            r#","reason":"""#.len() + text.len() + text.bytes().filter(|byte| escaped(byte)).count()
        }
    };
    let endpoint = endpoint.map_or(0, |name| r#","endpoint":"""#.len() + name.as_str().len());
    reason + endpoint
}
