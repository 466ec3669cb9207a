//! What automatic sources share: opening, renewing and refusing a holder.

use std::time::Duration;

use super::Desk;
use super::share::make_room;
use crate::domain::event::Event;
use crate::domain::holder::{Cause, Holder};
use crate::domain::level::Level;
use crate::domain::name::Reason;
use crate::domain::outcome::Outcome;
use crate::domain::session::{MAX_HOLDERS, Session};
use crate::domain::target::Target;
use crate::domain::time::Time;

/// What an automatic source asks for.
pub(super) struct Claim<'alert> {
    pub(super) target: &'alert Target,
    pub(super) cause: Cause,
    pub(super) ttl: Duration,
    pub(super) reason: &'alert Reason,
}

impl Desk<'_> {
    /// Opens a session for the claim, adds a holder, or renews the one it has; nothing forbids it, and there is room.
    pub(super) fn hold(&mut self, claim: Claim<'_>) -> Outcome {
        let record = self.ledger.record_mut(claim.target);
        let Some(session) = record.session.as_mut() else {
            return self.open(claim);
        };
        if session.holder(&claim.cause).is_some() {
            let seen = &claim.cause;
            return self.renew(&claim, seen, |known| refresh(known, seen));
        }
        match &claim.cause {
            Cause::Alert(alert) if session.holders.len() >= MAX_HOLDERS => {
                let alert = alert.clone();
                self.join_others(&claim, &alert)
            }
            Cause::Alert(_) | Cause::Others(_) | Cause::Errors | Cause::Operator { .. } => {
                make_room(session);
                self.join(claim)
            }
        }
    }

    fn open(&mut self, claim: Claim<'_>) -> Outcome {
        let id = self.next_id();
        let target = claim.target;
        let holder = self.holder(claim);
        let event = self.ledger.open(target, id, holder);
        self.tell([event]);
        Outcome::Opened
    }

    fn join(&mut self, claim: Claim<'_>) -> Outcome {
        let target = claim.target;
        let holder = self.holder(claim);
        if let Some(session) = self.ledger.record_mut(target).session.as_mut() {
            session.holders.push(holder.clone());
            let event = extended(target, session, holder);
            self.tell([event]);
        }
        Outcome::Extended
    }

    /// Renews the holder that is the same as `cause` for the claim.
    ///
    /// `refresh` takes over what the claim says anew, and tells whether the holder's full time begins again.
    pub(super) fn renew(
        &mut self,
        claim: &Claim<'_>,
        cause: &Cause,
        refresh: impl FnOnce(&mut Cause) -> bool,
    ) -> Outcome {
        let (now, max_session) = (self.now, self.policy.max_session);
        let Some(session) = self.ledger.record_mut(claim.target).session.as_mut() else {
            return Outcome::Unchanged;
        };
        let Some(holder) = session.holder_mut(cause) else {
            return Outcome::Unchanged;
        };
        let before = holder.clone();
        if refresh(&mut holder.cause) {
            holder.started_at = now;
        }
        prolong(holder, now, claim.ttl, max_session);
        if *holder == before {
            return Outcome::Unchanged;
        }
        let holder = holder.clone();
        let event = extended(claim.target, session, holder);
        self.tell([event]);
        Outcome::Extended
    }

    fn holder(&self, claim: Claim<'_>) -> Holder {
        Holder {
            cause: claim.cause,
            level: Level::Debug,
            started_at: self.now,
            expires_at: self.now + claim.ttl.min(self.policy.max_session),
            reason: claim.reason.clone(),
        }
    }
}

/// Tells that `holder` was added to `session`, or renewed.
pub(super) fn extended(target: &Target, session: &Session, holder: Holder) -> Event {
    Event::Extended {
        target: target.clone(),
        session: session.id,
        holder,
    }
}

/// The smallest move of an expiry that is worth a write.
pub(super) fn worthwhile(ttl: Duration) -> Duration {
    (ttl / 10).min(Duration::from_mins(1))
}

/// Moves the holder's end as far as it may go, if that is far enough to be worth a write.
///
/// The last move is always made: a holder that stops short of its longest life would not be barred after it.
fn prolong(holder: &mut Holder, now: Time, ttl: Duration, max_session: Duration) {
    let last = holder.started_at + max_session;
    let wanted = (now + ttl).min(last);
    let is_worthwhile = wanted.since(holder.expires_at) >= worthwhile(ttl) || wanted == last;
    if holder.expires_at < wanted && is_worthwhile {
        holder.expires_at = wanted;
    }
}

/// Takes over what a newer sighting of the same cause says; tells whether it is a new episode.
fn refresh(known: &mut Cause, seen: &Cause) -> bool {
    let (Cause::Alert(known), Cause::Alert(seen)) = (known, seen) else {
        return false;
    };
    let newer = seen.starts_at > known.starts_at;
    if newer {
        *known = seen.clone();
    } else {
        known.resolved = false;
    }
    newer
}
