//! What alerts do.

use super::super::{MINUTE, Outcome, Seen, TARGETS, Who, episode, refused};
use super::{Note, Reference};
use crate::domain::holder::Source;
use crate::domain::outcome::Guardrail;
use crate::domain::policy::OnResolved;

impl Reference {
    pub(in super::super) fn fire(&mut self, seen: Seen) -> Outcome {
        let (target, who, starts) = (seen.target, Who::Alert(seen.alert), episode(seen.episode));
        let same = |note: &Note| (note.target, note.who, note.starts) == (target, who, starts);
        if self.resolved.iter().any(same) {
            return Outcome::Stale;
        }
        let barred = self.is_barred(target, who, starts);
        let refusal = self
            .refusal(target, Source::Alert)
            .or_else(|| barred.then_some(Guardrail::Barred));
        if let Some(guardrail) = refusal {
            self.wait(seen);
            return refused(guardrail);
        }
        self.waits
            .retain(|(note, _)| (note.target, note.who) != (target, who));
        self.gaps.retain(|note| !same(note));
        self.hold(target, who, starts, self.ttl(seen))
    }

    fn wait(&mut self, seen: Seen) {
        let (who, starts, ttl) = (
            Who::Alert(seen.alert),
            episode(seen.episode),
            self.ttl(seen),
        );
        let until = self.now + ttl;
        for (note, _) in &mut self.waits {
            if (note.target, note.who) == (seen.target, who) {
                note.starts = note.starts.max(starts);
                if until.since(note.until) >= MINUTE.min(ttl / 10) {
                    note.until = until;
                }
                return;
            }
        }
        let target = seen.target;
        self.waits.push((
            Note {
                target,
                who,
                starts,
                until,
            },
            ttl,
        ));
    }

    pub(in super::super) fn resolve(&mut self, seen: Seen) -> Outcome {
        let (target, who, starts) = (seen.target, Who::Alert(seen.alert), episode(seen.episode));
        let is_over =
            |note: &Note| (note.target, note.who) == (target, who) && note.starts <= starts;
        let linger = match self.policy.on_resolved {
            OnResolved::Linger(linger) => Some(linger),
            OnResolved::Keep => None,
        };
        let is_noted = |note: &Note| is_over(note) && note.starts == starts;
        if linger.is_some() && !self.resolved.iter().any(is_noted) {
            let until = self.now + MINUTE;
            self.resolved.push(Note {
                target,
                who,
                starts,
                until,
            });
        }
        let before = self.waits.len() + self.gaps.len();
        self.waits.retain(|(note, _)| !is_over(note));
        self.gaps.retain(|note| !is_over(note));
        let forgot = self.waits.len() + self.gaps.len() < before;
        let of_target =
            |grant: &&mut super::Grant| (grant.row.target, grant.row.who) == (target, who);
        let Some(known) = self.grants.iter_mut().find(of_target) else {
            return if forgot {
                Outcome::Resolved
            } else {
                Outcome::Unchanged
            };
        };
        if starts < known.starts {
            return Outcome::Stale;
        }
        if known.resolved {
            return Outcome::Unchanged;
        }
        known.resolved = true;
        if let Some(linger) = linger {
            known.row.ends = known.row.ends.min(self.now + linger);
        }
        Outcome::Resolved
    }

    pub(in super::super) fn sweep(&mut self) {
        for target in 0..TARGETS {
            for (note, ttl) in self.waits.clone() {
                let barred = self.is_barred(target, note.who, note.starts);
                if note.target != target || barred || self.refusal(target, Source::Alert).is_some()
                {
                    continue;
                }
                self.waits.retain(|(other, _)| *other != note);
                self.gaps.retain(|gap| {
                    (gap.target, gap.who, gap.starts) != (target, note.who, note.starts)
                });
                self.hold(target, note.who, note.starts, ttl);
            }
        }
    }
}
