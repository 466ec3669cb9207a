//! A session has as many holders as may be: alerts share one.

use super::Desk;
use super::hold::Claim;
use crate::domain::holder::{Alerting, Cause, Holder, Others};
use crate::domain::level::Level;
use crate::domain::name::Reason;
use crate::domain::outcome::Outcome;
use crate::domain::session::{MAX_HOLDERS, Session};
use crate::domain::target::Target;

impl Desk<'_> {
    /// Whether the session of `target` takes a holder for `cause`, if it is open.
    pub(super) fn has_room(&self, target: &Target, cause: &Cause) -> bool {
        let record = self.ledger.record(target);
        let session = record.and_then(|record| record.session.as_ref());
        session.is_none_or(|session| {
            session.holders.len() < MAX_HOLDERS
                || session.holder(cause).is_some()
                || sharing(session) >= shared_by(cause)
        })
    }

    /// Lets the alert share a holder with others.
    pub(super) fn join_others(&mut self, claim: &Claim<'_>, alert: &Alerting) -> Outcome {
        let shared = Cause::Others(Others::default());
        if let Some(session) = self.ledger.record_mut(claim.target).session.as_mut()
            && session.holder(&shared).is_none()
        {
            share(session);
        }
        // A new fault gets its full time, however old the crowd is.
        self.renew(claim, &shared, |known| match known {
            Cause::Others(others) => others.add(&alert.episode()),
            Cause::Alert(_) | Cause::Errors | Cause::Operator { .. } => false,
        })
    }
}

/// Lets alerts share a holder until the session has room for one more.
pub(super) fn make_room(session: &mut Session) {
    while session.holders.len() >= MAX_HOLDERS && share(session) {}
}

/// How many holders may be folded into the shared one, itself included.
fn sharing(session: &Session) -> usize {
    let shares = |holder: &&Holder| matches!(holder.cause, Cause::Alert(_) | Cause::Others(_));
    session.holders.iter().filter(shares).count()
}

/// How many of those it takes to make room: an alert shares what one of them holds, all else needs a place of its own.
const fn shared_by(cause: &Cause) -> usize {
    match cause {
        Cause::Alert(_) | Cause::Others(_) => 1,
        Cause::Errors | Cause::Operator { .. } => 2,
    }
}

fn others(session: &mut Session) -> Option<&mut Holder> {
    session.holder_mut(&Cause::Others(Others::default()))
}

/// Folds the alert that would end first into the shared holder, which is made if there is none.
///
/// Tells whether there was such an alert.
fn share(session: &mut Session) -> bool {
    let alerts = session.holders.iter().enumerate();
    let first = alerts
        .filter(|(_, holder)| matches!(holder.cause, Cause::Alert(_)))
        .min_by_key(|(_, holder)| holder.expires_at)
        .map(|(index, _)| index);
    let Some(index) = first else { return false };
    let folded = session.holders.remove(index);
    if others(session).is_none() {
        session.holders.push(Holder {
            cause: Cause::Others(Others::default()),
            level: Level::Debug,
            reason: Reason::default(),
            ..folded.clone()
        });
    }
    let Some(shared) = others(session) else {
        return false;
    };
    shared.started_at = shared.started_at.max(folded.started_at);
    shared.expires_at = shared.expires_at.max(folded.expires_at);
    if let (Cause::Others(others), Cause::Alert(alert)) = (&mut shared.cause, &folded.cause) {
        others.add(&alert.episode());
    }
    true
}
