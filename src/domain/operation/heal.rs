//! A store has lost changes: what had ended ends again, and what stopped automatic sources does so again.

use std::collections::BTreeSet;

use super::Desk;
use crate::domain::book::Scope;
use crate::domain::event::{Ending, Event};
use crate::domain::halt::{Freeze, Halt};
use crate::domain::holder::{Cause, Holder};
use crate::domain::record::Record;
use crate::domain::session::SessionId;
use crate::domain::target::Target;
use crate::domain::time::Time;

/// What a replica has seen end or begin to stop automatic sources, for a store that has lost some of it.
///
/// It names each holder exactly, so that it never ends what was opened since; and it opens nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heal {
    /// Holders that have ended before their time.
    pub ended: Vec<EndedHolder>,
    /// Cooldowns that have begun.
    pub cooldowns: Vec<Cooldown>,
    /// Freezes that were released or replaced.
    pub ended_freezes: Vec<Freeze>,
    /// What stops automatic sources everywhere, if that has changed.
    pub halt: Option<Halt>,
}

/// A holder that has ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedHolder {
    /// What it held.
    pub target: Target,
    /// In which session.
    pub session: SessionId,
    /// Who held.
    pub cause: Cause,
    /// When it had begun, which tells it from a later one of the same cause.
    pub started_at: Time,
}

/// A cooldown that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// Which target automatic sources may not open.
    pub target: Target,
    /// Since when; what an operator enabled later is newer.
    pub since: Time,
    /// Until when.
    pub until: Time,
}

impl Heal {
    /// Whether there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.ended.is_empty()
            && self.cooldowns.is_empty()
            && self.ended_freezes.is_empty()
            && self.halt.is_none()
    }

    pub(super) fn scope(&self) -> Scope {
        let ended = self.ended.iter().map(|ended| &ended.target);
        let cooled = self.cooldowns.iter().map(|cooldown| &cooldown.target);
        let targets: BTreeSet<&Target> = ended.chain(cooled).collect();
        Scope::Targets(targets.into_iter().cloned().collect())
    }

    /// What stops automatic sources everywhere once this is healed, where that was `known`; a newer freeze stays.
    pub fn again(&self, known: &Halt, now: Time) -> Halt {
        let is_over = |freeze: &Freeze| self.ended_freezes.contains(freeze);
        let kept = known.freeze.as_ref().filter(|freeze| !is_over(freeze));
        let halt = self.halt.as_ref();
        let lost = halt
            .and_then(|halt| halt.freeze(now))
            .filter(|lost| kept.is_none_or(|kept| kept.until <= now || kept.since < lost.since));
        let cooldown = halt.and_then(|halt| halt.cooldown(now));
        Halt {
            freeze: lost.or(kept).cloned(),
            cooldown_until: known.cooldown_until.max(cooldown),
        }
    }
}

impl Cooldown {
    /// Whether it is still to hold at `now` for its target, of which this is known.
    pub fn holds(&self, record: Option<&Record>, now: Time) -> bool {
        now < self.until && record.is_none_or(|record| !record.is_enabled_since(self.since))
    }
}

impl EndedHolder {
    /// Whether `holder` is this very one.
    pub fn is(&self, holder: &Holder) -> bool {
        self.started_at == holder.started_at && self.cause.is_same(&holder.cause)
    }
}

pub(super) fn decide(desk: &mut Desk<'_>, heal: &Heal) {
    for ended in &heal.ended {
        desk.end_again(ended);
    }
    for cooldown in &heal.cooldowns {
        desk.cool_down_again(cooldown);
    }
    let halt = desk.ledger.halt_mut();
    *halt = heal.again(halt, desk.now);
}

impl Desk<'_> {
    fn end_again(&mut self, ended: &EndedHolder) {
        let now = self.now;
        let event = self.ledger.end(&ended.target, |record| {
            end_holder(record, ended).then(|| Event::Ended {
                target: ended.target.clone(),
                session: ended.session,
                at: now,
                cause: Ending::Healed,
                by: None,
            })
        });
        self.tell(event);
    }

    fn cool_down_again(&mut self, cooldown: &Cooldown) {
        if !cooldown.holds(self.ledger.record(&cooldown.target), self.now) {
            return;
        }
        self.end_what_it_would_have_refused(cooldown);
        let record = self.ledger.record_mut(&cooldown.target);
        record.cooldown_until = record.cooldown_until.max(Some(cooldown.until));
    }

    /// Ends automatic holders that could only begin because the cooldown was lost.
    fn end_what_it_would_have_refused(&mut self, cooldown: &Cooldown) {
        let record = self.ledger.record(&cooldown.target);
        let Some(session) = record.and_then(|record| record.session.clone()) else {
            return;
        };
        let refused = session.holders.iter().filter(|holder| {
            holder.cause.source().is_automatic() && cooldown.since <= holder.started_at
        });
        for holder in refused {
            self.end_again(&EndedHolder {
                target: cooldown.target.clone(),
                session: session.id,
                cause: holder.cause.clone(),
                started_at: holder.started_at,
            });
        }
    }
}

/// Ends the very holder, if the record has it; tells whether the session has ended with it.
fn end_holder(record: &mut Record, ended: &EndedHolder) -> bool {
    let Some(session) = record.session.as_mut() else {
        return false;
    };
    if session.id != ended.session {
        return false;
    }
    session.holders.retain(|holder| !ended.is(holder));
    let over = session.holders.is_empty();
    if over {
        record.session = None;
    }
    over
}
