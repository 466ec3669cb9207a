//! The error windows of the embedded store.

use std::collections::{BTreeMap, HashMap};

use crate::domain::name::App;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::domain::window::{Window, WindowRule};
use crate::store::{Counted, Tally};

/// The error windows, and how many each application has.
#[derive(Debug, Default)]
pub(super) struct Windows {
    windows: BTreeMap<Target, Window>,
    per_app: HashMap<App, usize>,
}

/// What a count changes.
#[derive(Debug, Default)]
pub(super) struct Update {
    pub(super) written: BTreeMap<Target, Window>,
    pub(super) removed: Vec<Target>,
}

impl Windows {
    pub(super) fn new(windows: BTreeMap<Target, Window>) -> Self {
        let mut all = Self::default();
        all.commit(Update {
            written: windows,
            removed: Vec::new(),
        });
        all
    }

    /// Counts `tallies`, and tells which windows that changes and which are over.
    pub(super) fn add(
        &self,
        tallies: &[Tally],
        now: Time,
        rule: WindowRule,
    ) -> (Vec<Counted>, Update) {
        let mut room = Room::new(self, rule);
        let mut update = Update::default();
        if room.is_short(tallies) {
            update.removed = self.over(now, rule);
            room.free(&update.removed);
        }
        let mut counted = Vec::with_capacity(tallies.len());
        for tally in tallies {
            let known = update
                .written
                .get(&tally.target)
                .or_else(|| self.windows.get(&tally.target));
            let reused = !update.removed.is_empty() && update.removed.contains(&tally.target);
            if (known.is_none() || reused) && !room.take(&tally.target.app) {
                counted.push(Counted::Full);
                continue;
            }
            update.removed.retain(|target| *target != tally.target);
            let mut window = known.cloned().unwrap_or_default();
            counted.push(Counted::Count(window.add(tally.errors, now, rule)));
            update.written.insert(tally.target.clone(), window);
        }
        (counted, update)
    }

    /// Takes over what the file has committed.
    pub(super) fn commit(&mut self, update: Update) {
        for target in update.removed {
            if self.windows.remove(&target).is_some() {
                let app = self.per_app.entry(target.app).or_default();
                *app = app.saturating_sub(1);
            }
        }
        for (target, window) in update.written {
            if self.windows.insert(target.clone(), window).is_none() {
                *self.per_app.entry(target.app).or_default() += 1;
            }
        }
        self.per_app.retain(|_, windows| *windows > 0);
    }

    fn over(&self, now: Time, rule: WindowRule) -> Vec<Target> {
        let over = self
            .windows
            .iter()
            .filter(|(_, window)| window.is_over(now, rule));
        over.map(|(target, _)| target.clone()).collect()
    }
}

/// How many windows may still be added.
struct Room<'windows> {
    windows: &'windows Windows,
    rule: WindowRule,
    free: usize,
    taken: HashMap<App, isize>,
}

impl<'windows> Room<'windows> {
    fn new(windows: &'windows Windows, rule: WindowRule) -> Self {
        Self {
            windows,
            rule,
            free: rule.max_windows.saturating_sub(windows.windows.len()),
            taken: HashMap::new(),
        }
    }

    /// Whether windows that are over should make room first.
    fn is_short(&self, tallies: &[Tally]) -> bool {
        let full_app = |tally: &Tally| {
            self.of(&tally.target.app) + tallies.len() > self.rule.max_windows_per_app
        };
        self.free < tallies.len() + self.rule.max_windows / 2 || tallies.iter().any(full_app)
    }

    fn of(&self, app: &App) -> usize {
        self.windows.per_app.get(app).copied().unwrap_or_default()
    }

    fn free(&mut self, over: &[Target]) {
        self.free += over.len();
        for target in over {
            *self.taken.entry(target.app.clone()).or_default() -= 1;
        }
    }

    fn take(&mut self, app: &App) -> bool {
        let known = self.of(app);
        let taken = self.taken.entry(app.clone()).or_default();
        if self.free == 0 || known.saturating_add_signed(*taken) >= self.rule.max_windows_per_app {
            return false;
        }
        self.free -= 1;
        *taken += 1;
        true
    }
}
