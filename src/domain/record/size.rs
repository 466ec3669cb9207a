//! Keeps a record small, whatever it is fed.

use super::Record;
use crate::domain::holder::{Cause, Holder};

/// Under this many bytes of details a record stays below 16 KiB however it is encoded as JSON.
const MAX_DETAILS: usize = 4 * 1024;

impl Record {
    /// Drops details (reasons, endpoints of holders and waiting alerts), the oldest first, until the record is small.
    ///
    /// What decides about sessions is never dropped.
    pub fn trim(&mut self) {
        let mut over = self.details().saturating_sub(MAX_DETAILS);
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
            over = over.saturating_sub(waiting_details(waiting));
            waiting.reason.clear();
            waiting.endpoint = None;
        }
    }

    fn details(&self) -> usize {
        let holders = self.session.iter().flat_map(|session| &session.holders);
        holders.map(holder_details).sum::<usize>()
            + self.waiting.iter().map(waiting_details).sum::<usize>()
    }
}

fn holder_details(holder: &Holder) -> usize {
    let endpoint = match &holder.cause {
        Cause::Alert(alert) => alert
            .endpoint
            .as_ref()
            .map_or(0, |name| name.as_str().len()),
        Cause::Others(_) | Cause::Errors | Cause::Operator { .. } => 0,
    };
    holder.reason.as_str().len() + endpoint
}

fn waiting_details(waiting: &super::Waiting) -> usize {
    waiting.reason.as_str().len()
        + waiting
            .endpoint
            .as_ref()
            .map_or(0, |name| name.as_str().len())
}
