//! What should be, told as plainly as possible: flat lists, and nothing shared with the code under test.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{MINUTE, Outcome, Row, Seen, TARGETS, Who, refused_for_good};
use crate::domain::holder::Source;
use crate::domain::level::Level;
use crate::domain::outcome::Guardrail;
use crate::domain::policy::Policy;
use crate::domain::time::Time;

mod alerts;

#[derive(Clone, Copy)]
struct Grant {
    row: Row,
    began: Time,
    starts: Time,
    resolved: bool,
}

/// Something that is known of one episode of one alert, or of an error window, of a target for a while.
#[derive(Clone, Copy, PartialEq)]
struct Note {
    target: usize,
    who: Who,
    starts: Time,
    until: Time,
}

pub(super) struct Reference {
    policy: Policy,
    now: Time,
    grants: Vec<Grant>,
    /// What opened the session of a target.
    sources: BTreeMap<usize, Source>,
    bars: Vec<Note>,
    resolved: Vec<Note>,
    gaps: Vec<Note>,
    waits: Vec<(Note, Duration)>,
    /// Until when a target is closed by its own disable, and by a wider one.
    closed: [(Time, Time); TARGETS],
    frozen_until: Time,
}

impl Reference {
    pub(super) const fn new(policy: Policy, now: Time) -> Self {
        let long_ago = Time::from_millis(0);
        Self {
            policy,
            now,
            grants: Vec::new(),
            sources: BTreeMap::new(),
            bars: Vec::new(),
            resolved: Vec::new(),
            gaps: Vec::new(),
            waits: Vec::new(),
            closed: [(long_ago, long_ago); TARGETS],
            frozen_until: long_ago,
        }
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.grants.iter().map(|grant| grant.row).collect();
        rows.sort();
        rows
    }

    pub(super) fn waiting(&self) -> Vec<(usize, u8, Time)> {
        let told = self.waits.iter().map(|(note, _)| match note.who {
            Who::Alert(alert) => (note.target, alert, note.until),
            Who::Errors | Who::Operator(_) => panic!("only alerts wait"),
        });
        let mut told: Vec<_> = told.collect();
        told.sort_unstable();
        told
    }

    pub(super) fn granted(&self, target: usize) -> Option<(Level, Duration)> {
        let rows = self.rows().into_iter().filter(|row| row.target == target);
        let (level, ends) = rows.map(|row| (row.level, row.ends)).max()?;
        Some((level, ends.since(self.now)))
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        let now = self.now;
        for grant in self.grants.clone() {
            let Row {
                target, who, ends, ..
            } = grant.row;
            if now < ends || matches!(who, Who::Operator(_)) || grant.resolved {
                continue;
            }
            let note = |length: Duration| Note {
                target,
                who,
                starts: grant.starts,
                until: ends + length,
            };
            if ends == grant.began + self.policy.max_session {
                self.bars.push(note(self.policy.max_session));
            } else if who != Who::Errors {
                self.gaps.push(note(13 * 60 * MINUTE));
            }
        }
        self.grants.retain(|grant| now < grant.row.ends);
        for notes in [&mut self.bars, &mut self.resolved, &mut self.gaps] {
            notes.retain(|note| now < note.until);
        }
        self.waits.retain(|(note, _)| now < note.until);
        self.close_sessions();
    }

    fn close_sessions(&mut self) {
        let grants = &self.grants;
        let is_held = |target| grants.iter().any(|grant| grant.row.target == target);
        self.sources.retain(|target, _| is_held(*target));
    }

    fn refusal(&self, target: usize, source: Source) -> Option<Guardrail> {
        let automatic = source != Source::Operator;
        if automatic && self.now < self.frozen_until {
            return Some(Guardrail::Frozen);
        }
        if automatic && self.now < self.closed[target].0.max(self.closed[target].1) {
            return Some(Guardrail::Cooldown);
        }
        if self.sources.contains_key(&target) {
            return None;
        }
        let of_app = |other: usize| other / 3 == target / 3;
        let all = self.sources.iter().map(|(other, source)| (*other, *source));
        let opened: Vec<_> = all.clone().filter(|it| it.1 != Source::Operator).collect();
        let caps = self.policy.caps;
        if all.clone().count() >= caps.sessions {
            Some(Guardrail::Sessions)
        } else if all.filter(|it| of_app(it.0)).count() >= caps.sessions_per_app {
            Some(Guardrail::SessionsPerApp)
        } else if automatic && opened.len() >= caps.automatic {
            Some(Guardrail::Automatic)
        } else if automatic
            && opened.iter().filter(|it| of_app(it.0)).count() >= caps.automatic_per_app
        {
            Some(Guardrail::AutomaticPerApp)
        } else {
            None
        }
    }

    fn is_barred(&self, target: usize, who: Who, starts: Time) -> bool {
        let same = |note: &&Note| (note.target, note.who, note.starts) == (target, who, starts);
        self.bars.iter().any(|note| same(&note))
    }

    fn ttl(&self, seen: Seen) -> Duration {
        seen.ttl.unwrap_or(self.policy.ttl)
    }

    fn hold(&mut self, target: usize, who: Who, starts: Time, ttl: Duration) -> Outcome {
        let (now, most) = (self.now, self.policy.max_session);
        let of_target = |grant: &&mut Grant| (grant.row.target, grant.row.who) == (target, who);
        let Some(known) = self.grants.iter_mut().find(of_target) else {
            let ends = now + ttl.min(most);
            let row = Row {
                target,
                who,
                level: Level::Debug,
                ends,
            };
            self.grants.push(Grant {
                row,
                began: now,
                starts,
                resolved: false,
            });
            let source = if who == Who::Errors {
                Source::Errors
            } else {
                Source::Alert
            };
            let opened = !self.sources.contains_key(&target);
            self.sources.entry(target).or_insert(source);
            return if opened {
                Outcome::Opened
            } else {
                Outcome::Extended
            };
        };
        let mut changed = known.resolved;
        known.resolved = false;
        if known.starts < starts {
            (known.starts, known.began, changed) = (starts, now, true);
        }
        let last = known.began + most;
        let ends = (now + ttl).min(last);
        let moves_by = ends.since(known.row.ends);
        if moves_by >= MINUTE.min(ttl / 10) || (ends == last && moves_by > Duration::ZERO) {
            (known.row.ends, changed) = (ends, true);
        }
        if changed {
            Outcome::Extended
        } else {
            Outcome::Unchanged
        }
    }

    pub(super) fn trigger(&mut self, target: usize) -> Outcome {
        let starts = Time::default();
        let barred = self.is_barred(target, Who::Errors, starts);
        let refusal = self
            .refusal(target, Source::Errors)
            .or_else(|| barred.then_some(Guardrail::Barred));
        match refusal {
            Some(guardrail) => refused_for_good(guardrail),
            None => self.hold(target, Who::Errors, starts, self.policy.ttl),
        }
    }

    pub(super) fn enable(&mut self, target: usize, by: u8, level: Level, ttl: Duration) -> Outcome {
        if let Some(guardrail) = self.refusal(target, Source::Operator) {
            return refused_for_good(guardrail);
        }
        let (who, ends) = (Who::Operator(by), self.now + ttl);
        self.grants
            .retain(|grant| (grant.row.target, grant.row.who) != (target, who));
        let row = Row {
            target,
            who,
            level,
            ends,
        };
        let (began, starts) = (self.now, Time::default());
        self.grants.push(Grant {
            row,
            began,
            starts,
            resolved: false,
        });
        self.closed[target] = Default::default();
        if target.is_multiple_of(3) {
            self.closed[target + 1].1 = Time::default();
            self.closed[target + 2].1 = Time::default();
        }
        let opened = !self.sources.contains_key(&target);
        self.sources.entry(target).or_insert(Source::Operator);
        if opened {
            Outcome::Opened
        } else {
            Outcome::Extended
        }
    }

    pub(super) fn disable(&mut self, selected: Option<usize>) {
        let until = self.now + self.policy.cooldown;
        for target in 0..TARGETS {
            let is_above = match selected {
                None => true,
                Some(whole) => {
                    whole.is_multiple_of(3) && target / 3 == whole / 3 && target != whole
                }
            };
            if is_above {
                self.closed[target].1 = until;
            } else if selected == Some(target) {
                self.closed[target].0 = until;
            } else {
                continue;
            }
            self.grants.retain(|grant| grant.row.target != target);
        }
        self.close_sessions();
    }

    pub(super) fn freeze(&mut self, frozen: bool, end_sessions: bool) {
        self.frozen_until = if frozen {
            self.now + 240 * MINUTE
        } else {
            Time::default()
        };
        if end_sessions {
            self.grants.clear();
            self.close_sessions();
        }
    }
}
