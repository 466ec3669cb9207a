use std::time::Duration;

use super::*;
use crate::domain::holder::{Cause, Holder};
use crate::domain::level::Level;
use crate::domain::name::{Environment, Reason};
use crate::domain::session::{Session, SessionId};
use crate::domain::target::Place;

const NOW: Time = Time::from_millis(1_795_000_000_000);

fn app(text: &str) -> App {
    App::parse(text).unwrap()
}

fn record(name: &str, cause: Cause, seconds: u64) -> Arc<Record> {
    let place = Place {
        app: app(name),
        environment: Environment::parse("production").unwrap(),
    };
    let mut record = Record::new(place.whole());
    record.session = Some(Session {
        id: SessionId::new(NOW, 1),
        source: cause.source(),
        opened_at: NOW,
        holders: vec![Holder {
            cause,
            level: Level::Debug,
            started_at: NOW,
            expires_at: NOW + Duration::from_secs(seconds),
            reason: Reason::default(),
        }],
    });
    Arc::new(record)
}

fn operator() -> Cause {
    Cause::Operator {
        name: crate::domain::name::Operator::parse("ada").unwrap(),
    }
}

fn numbers(census: &Census, seconds: u64) -> (usize, usize, Option<(usize, usize)>) {
    let shop = app("shop");
    let scope = Scope::Place(Place {
        app: shop.clone(),
        environment: Environment::parse("production").unwrap(),
    });
    let occupancy = census.occupancy(&scope, 0, NOW + Duration::from_secs(seconds));
    let of_shop = occupancy.per_app.get(&shop).copied();
    (occupancy.sessions, occupancy.automatic, of_shop)
}

#[test]
fn a_session_counts_until_its_end_and_not_at_it() {
    let mut census = Census::default();
    census.replace(None, Some(&record("shop", Cause::Errors, 60)));
    census.replace(None, Some(&record("other", operator(), 90)));
    assert_eq!(numbers(&census, 59), (2, 1, Some((1, 1))));
    assert_eq!(numbers(&census, 60), (1, 0, None));
    assert_eq!(numbers(&census, 90), (0, 0, None));
}

#[test]
fn a_session_that_is_renewed_or_gone_is_not_counted_twice_nor_at_its_old_end() {
    let mut census = Census::default();
    let (short, long) = (
        record("shop", operator(), 60),
        record("shop", operator(), 600),
    );
    census.replace(None, Some(&short));
    census.replace(Some(&short), Some(&long));
    assert_eq!(numbers(&census, 300), (1, 0, Some((1, 0))));
    census.replace(Some(&long), None);
    assert_eq!(numbers(&census, 300), (0, 0, None));
    let Census { ends, counted } = census;
    assert!(ends.is_empty() && counted.per_app.is_empty());
}
