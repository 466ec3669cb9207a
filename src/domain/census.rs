//! How many sessions are live at an instant, known without looking at each of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::book::{Book, ByTarget, Scope};
use super::holder::Source;
use super::ledger::Occupancy;
use super::name::App;
use super::record::Record;
use super::time::Time;

/// The sessions of a book by their end.
#[derive(Clone, Debug, Default)]
pub struct Census {
    ends: BTreeSet<(Time, ByTarget)>,
    /// Those of `ends`, counted; some of them may have lapsed.
    counted: Occupancy,
}

impl Census {
    /// Counts the sessions of `book`.
    pub fn of(book: &Book) -> Self {
        let entries = book.shared_records().filter_map(entry);
        let mut counted = Occupancy::default();
        // sorted and built at once, which is faster than one after the other
        let ends = entries.map(|(end, source)| {
            counted.add(&end.1.0.target.app, source);
            end
        });
        let ends = ends.collect();
        Self { ends, counted }
    }

    /// Takes in that a record has become another one, appeared or gone.
    pub fn replace(&mut self, before: Option<&Arc<Record>>, after: Option<&Arc<Record>>) {
        if let Some((end, source)) = before.and_then(entry)
            && self.ends.remove(&end)
        {
            self.counted.remove(&end.1.0.target.app, source);
        }
        if let Some((end, source)) = after.and_then(entry) {
            self.counted.add(&end.1.0.target.app, source);
            self.ends.insert(end);
        }
    }

    /// How many sessions are live at `now`, in all and of each application in `scope`; `records` is how many records
    /// are kept.
    pub fn occupancy(&self, scope: &Scope, records: usize, now: Time) -> Occupancy {
        let counted = &self.counted.per_app;
        let of_app = |app: &App| Some((app.clone(), *counted.get(app)?));
        let mut live = Occupancy {
            records,
            per_app: match scope {
                Scope::Everything => counted.clone(),
                Scope::Place(_) | Scope::Targets(_) => {
                    scope.apps().into_iter().filter_map(of_app).collect()
                }
            },
            ..self.counted
        };
        let lapsed = self.ends.iter().take_while(|(end, _)| *end <= now);
        for (_, ByTarget(record)) in lapsed {
            if let Some(session) = &record.session {
                live.remove(&record.target.app, session.source);
            }
        }
        live
    }
}

fn entry(record: &Arc<Record>) -> Option<((Time, ByTarget), Source)> {
    let session = record.session.as_ref()?;
    let end = (session.end(), ByTarget(Arc::clone(record)));
    Some((end, session.source))
}

#[cfg(test)]
mod tests;
