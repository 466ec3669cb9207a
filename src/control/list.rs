//! The live sessions.

use std::time::Duration;

use super::{Control, ControlError};
use crate::domain::name::{App, Environment};
use crate::domain::record::Record;
use crate::domain::session::Session;
use crate::domain::target::Target;
use crate::domain::time::Time;
use crate::metrics::{Live, LiveSession};

/// Which live sessions to list.
#[derive(Clone, Debug)]
pub struct Page {
    /// Only of this application.
    pub app: Option<App>,
    /// Only in this environment.
    pub environment: Option<Environment>,
    /// Only after this target.
    pub after: Option<Target>,
    /// At most this many.
    pub limit: usize,
}

/// A page of live sessions.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The store's time.
    pub now: Time,
    /// Each target with its session, without the holders that have ended, and when it was last polled here.
    pub sessions: Vec<(Target, Session, Option<Time>)>,
    /// How many sessions match in all.
    pub count: usize,
    /// Whether there are more after the last one.
    pub more: bool,
}

impl Control {
    /// Lists live sessions by target.
    pub fn list(&self, page: &Page) -> Result<Listed, ControlError> {
        let now = self.now()?;
        let matches = |record: &&Record| {
            let target = &record.target;
            page.app.as_ref().is_none_or(|app| *app == target.app)
                && page
                    .environment
                    .as_ref()
                    .is_none_or(|name| *name == target.environment)
                && record
                    .session
                    .as_ref()
                    .is_some_and(|session| now < session.end())
        };
        let polls = self.snapshot().polls();
        Ok(self.snapshot().with_book(|book| {
            let count = book.records().filter(matches).count();
            let after =
                |record: &&Record| page.after.as_ref().is_none_or(|last| *last < record.target);
            let mut rest = book.records().filter(matches).filter(after);
            let listed = rest.by_ref().take(page.limit).filter_map(|record| {
                let mut session = record.session.clone()?;
                session.holders.retain(|holder| holder.is_live(now));
                Some((
                    record.target.clone(),
                    session,
                    polls.last(&record.target.place()),
                ))
            });
            let sessions = listed.collect();
            Listed {
                now,
                sessions,
                count,
                more: rest.next().is_some(),
            }
        }))
    }

    /// What a scrape shows of the snapshot; a session is unpolled if nobody asked within `patience` of its opening.
    pub fn live(&self, patience: Duration) -> Live {
        let Ok(now) = self.now() else {
            return Live::default();
        };
        let polls = self.snapshot().polls();
        self.snapshot().with_book(|book| {
            let sessions = book.records().filter_map(|record| {
                let session = record.session.as_ref()?;
                let grant = session.grant(now)?;
                let polled = polls.last(&record.target.place());
                let unpolled = session.opened_at + patience <= now
                    && polled.is_none_or(|polled| polled < session.opened_at);
                Some(LiveSession {
                    target: record.target.clone(),
                    level: grant.level,
                    source: session.source,
                    expires_at: session.end(),
                    unpolled,
                })
            });
            let waiting = |record: &Record| {
                record
                    .waiting
                    .iter()
                    .filter(|waiting| now < waiting.until)
                    .count()
            };
            Live {
                sessions: sessions.collect(),
                waiting: book.records().map(waiting).sum(),
                frozen: book.halt().freeze(now).is_some(),
            }
        })
    }
}
