use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::book::Book;
use crate::domain::halt::Halt;
use crate::domain::holder::{Cause, Holder, Source};
use crate::domain::name::{App, Environment, Operator, Reason};
use crate::domain::session::Session;
use crate::domain::target::Place;

const START: Time = Time::from_millis(1_795_000_000_000);

fn at(seconds: u64) -> Time {
    START + Duration::from_secs(seconds)
}

fn place() -> Place {
    Place {
        app: App::parse("shop").unwrap(),
        environment: Environment::parse("production").unwrap(),
    }
}

fn holder(number: usize, level: Level, seconds: u64) -> Holder {
    Holder {
        cause: Cause::Operator {
            name: Operator::parse(&format!("op{number}")).unwrap(),
        },
        level,
        started_at: START,
        expires_at: at(seconds),
        reason: Reason::default(),
    }
}

/// A session of `endpoint` (of everything, if empty) with one holder for each level and end.
fn record(endpoint: &str, holders: &[(Level, u64)]) -> Record {
    let holders = holders.iter().enumerate();
    let holders = holders.map(|(number, (level, seconds))| holder(number, *level, *seconds));
    let random = endpoint.bytes().map(u128::from).sum();
    Record {
        session: Some(Session {
            id: SessionId::new(START, random),
            source: Source::Operator,
            opened_at: START,
            holders: holders.collect(),
        }),
        ..Record::new(place().target(Endpoint::parse(endpoint).ok()))
    }
}

fn view(records: &[Record]) -> View {
    let records: Vec<_> = records.iter().cloned().map(Arc::new).collect();
    View::of(records.iter())
}

use Level::{Debug, Trace};

#[test]
fn what_has_ended_is_shown_as_what_never_was() {
    let view = view(&[record("", &[(Debug, 10)]), record("/a", &[(Debug, 10)])]);
    let shown = view.shown(at(10));
    assert_eq!(shown.revision, Shown::nothing().revision);
    assert_eq!(shown.revision.len(), 16);
    assert!(shown.whole.is_none() && shown.endpoints.is_empty());
    assert_eq!(shown.valid_until, None);
}

#[test]
fn a_view_changes_at_the_very_instant_a_session_ends() {
    let view = view(&[record("", &[(Debug, 10)])]);
    let before = view.shown(at(10) - Duration::from_millis(1));
    assert_eq!(before.valid_until, Some(at(10)));
    assert!(before.whole.is_some());
    let after = view.shown(at(10));
    assert!(after.whole.is_none());
    assert_ne!(after.revision, before.revision);
}

#[test]
fn a_view_changes_by_time_alone_when_the_most_verbose_holder_ends() {
    let view = view(&[record("", &[(Debug, 20), (Trace, 10)])]);
    let before = view.shown(START);
    let whole = before.whole.unwrap();
    assert_eq!((whole.level, whole.until), (Trace, at(10)));
    let after = view.shown(at(10));
    let whole = after.whole.unwrap();
    assert_eq!((whole.level, whole.until), (Debug, at(20)));
    assert_ne!(after.revision, before.revision);
    assert_eq!(after.valid_until, Some(at(20)));
}

#[test]
fn a_view_is_asked_anew_at_each_end_though_only_what_is_granted_is_in_its_revision() {
    let view = view(&[record("", &[(Debug, 20), (Debug, 10)])]);
    let before = view.shown(START);
    assert_eq!(before.valid_until, Some(at(10)));
    let after = view.shown(at(10));
    assert_eq!(after.valid_until, Some(at(20)));
    assert_eq!(after.revision, before.revision);
}

#[test]
fn a_view_is_valid_until_the_first_end_of_any_of_its_sessions() {
    let records = [
        record("", &[(Debug, 30)]),
        record("/a", &[(Debug, 10)]),
        record("/b", &[(Debug, 20)]),
    ];
    let view = view(&records);
    for (asked, valid_until) in [(0, Some(10)), (10, Some(20)), (20, Some(30)), (30, None)] {
        let shown = view.shown(at(asked));
        assert_eq!(shown.valid_until, valid_until.map(at), "asked at {asked}");
    }
}

#[test]
fn every_difference_in_what_is_granted_is_a_difference_in_the_revision() {
    let mut other_session = record("", &[(Debug, 10)]);
    let session = other_session.session.as_mut().unwrap();
    session.id = SessionId::new(START, 999);
    let records = [
        record("", &[(Debug, 10)]),
        record("", &[(Trace, 10)]),
        record("", &[(Debug, 11)]),
        record("/a", &[(Debug, 10)]),
        record("/b", &[(Debug, 10)]),
        other_session,
    ];
    let mut revisions: Vec<String> = records
        .iter()
        .map(|record| {
            view(std::slice::from_ref(record))
                .shown(START)
                .revision
                .clone()
        })
        .chain([Shown::nothing().revision])
        .collect();
    revisions.sort();
    revisions.dedup();
    assert_eq!(revisions.len(), 7);
}

#[test]
fn a_millisecond_counts_in_the_revision() {
    let mut later = record("", &[(Debug, 10)]);
    let holder = &mut later.session.as_mut().unwrap().holders[0];
    holder.expires_at = holder.expires_at + Duration::from_millis(1);
    let one = view(&[record("", &[(Debug, 10)])]).shown(START);
    assert_ne!(view(&[later]).shown(START).revision, one.revision);
}

#[test]
fn without_an_endpoint_only_the_app_wide_session_answers() {
    let shown = view(&[record("/a", &[(Debug, 10)])]).shown(START);
    assert_eq!(shown.session(None), None);
    assert_eq!(shown.session(Some("/b")), None);
    assert_eq!(shown.session(Some("/a")), Some(shown.endpoints[0].1));
    assert_eq!(shown.endpoints.len(), 1, "it is listed all the same");
}

#[test]
fn with_an_endpoint_the_more_verbose_answers_and_then_the_longer() {
    for (whole, narrow, level, until) in [
        ((Debug, 10), (Trace, 5), Trace, 5),
        ((Trace, 5), (Debug, 10), Trace, 5),
        ((Debug, 10), (Debug, 20), Debug, 20),
        ((Debug, 20), (Debug, 10), Debug, 20),
    ] {
        let shown = view(&[record("", &[whole]), record("/a", &[narrow])]).shown(START);
        let answer = shown.session(Some("/a")).unwrap();
        assert_eq!((answer.level, answer.until), (level, at(until)));
        let other = shown.session(Some("/b")).unwrap();
        assert_eq!(Some(other), shown.whole, "another endpoint");
    }
}

proptest! {
    #[test]
    fn equal_content_has_an_equal_revision_in_whatever_order_it_came(
        sessions in prop::collection::btree_map(
            "/[a-e]{0,2}",
            prop::collection::vec((prop_oneof![Just(Debug), Just(Trace)], 1_u64..50), 1..4),
            0..6,
        ),
        order in any::<u64>(),
        asked in 0_u64..60,
    ) {
        let mut records: Vec<Record> = sessions
            .iter()
            .map(|(endpoint, holders)| record(endpoint.trim_end_matches('e'), holders))
            .collect();
        records.sort_by(|one, two| one.target.cmp(&two.target));
        records.dedup_by(|one, two| one.target == two.target);
        let sorted = view(&records).shown(at(asked));
        for (index, record) in records.iter_mut().enumerate() {
            let session = record.session.as_mut().unwrap();
            if (order >> (index % 64)) % 2 == 0 {
                session.holders.reverse();
            }
        }
        let turn = usize::try_from(order % 7).unwrap().min(records.len());
        records.rotate_left(turn);
        let book = Book::new(records, Halt::default());
        let of_book = View::of(book.place(&place()));
        // what was shown before does not matter
        of_book.shown(START);
        let shown = of_book.shown(at(asked));
        prop_assert_eq!(&shown.revision, &sorted.revision);
        prop_assert_eq!(&shown.endpoints, &sorted.endpoints);
        prop_assert_eq!(shown.valid_until, sorted.valid_until);
        prop_assert!(shown.valid_until.is_none_or(|until| at(asked) < until));
    }
}
