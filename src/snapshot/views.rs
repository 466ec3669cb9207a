//! The views of all places, found by the names that a poll gives.

use std::collections::HashMap;
use std::sync::Arc;

use super::view::View;
use crate::domain::book::Book;
use crate::domain::name::{App, Environment};
use crate::domain::record::Record;
use crate::domain::target::Place;

/// The views of all places that have a session; an application has few environments.
#[derive(Debug, Default)]
pub(super) struct Views(HashMap<App, Vec<(Environment, Arc<View>)>>);

impl Views {
    /// Builds the views of a whole book.
    pub(super) fn of(book: &Book) -> Self {
        let mut views: HashMap<App, Vec<(Environment, Arc<View>)>> = HashMap::new();
        let records: Vec<&Arc<Record>> = book.shared_records().collect();
        for of_place in records.chunk_by(|one, two| one.target.is_beside(&two.target)) {
            let view = View::of(of_place.iter().copied());
            let Some(record) = of_place.first().filter(|_| !view.is_empty()) else {
                continue;
            };
            let Place { app, environment } = record.target.place();
            let of_app = views.entry(app).or_insert_with(|| Vec::with_capacity(1));
            of_app.push((environment, Arc::new(view)));
        }
        Self(views)
    }

    pub(super) fn get(&self, app: &str, environment: &str) -> Option<&Arc<View>> {
        let mut views = self.0.get(app)?.iter();
        let found = views.find(|(known, _)| known.as_str() == environment);
        found.map(|(_, view)| view)
    }

    /// Builds the view of one place anew.
    pub(super) fn rebuild(&mut self, book: &Book, place: Place) {
        let view = View::of(book.place(&place));
        let Place { app, environment } = place;
        let Some(views) = self.0.get_mut(&app) else {
            if !view.is_empty() {
                self.0.insert(app, vec![(environment, Arc::new(view))]);
            }
            return;
        };
        views.retain(|(known, _)| *known != environment);
        if !view.is_empty() {
            views.push((environment, Arc::new(view)));
        }
        if views.is_empty() {
            self.0.remove(&app);
        }
    }
}
