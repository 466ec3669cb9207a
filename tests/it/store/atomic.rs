//! Operations are decided once, whole, and within the limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use autolog::domain::operation::{Operation, Selection};
use autolog::domain::outcome::{Guardrail, Outcome};
use autolog::domain::policy::{Caps, Policy};
use rstest::rstest;

use super::{alert, apply, disable, enable, enable_for, freeze, id, list, outcome, replay, target};
use crate::backend::Backend;

#[rstest]
#[tokio::test]
async fn a_new_store_is_empty(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let listing = list(&*world.store).await;
    assert_eq!(listing.book.records().count(), 0);
    assert_eq!(listing.position.seq, 0);
    assert!(!listing.position.epoch.is_empty());
    assert!(listing.now.as_millis() > 1_700_000_000_000);
}

#[rstest]
#[tokio::test]
async fn what_was_decided_is_listed(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let applied = apply(&*world.store, &enable("shop")).await;
    let listing = list(&*world.store).await;
    assert_eq!(applied.decision.outcomes, [Outcome::Opened]);
    assert_eq!(applied.seq, listing.position.seq);
    let record = listing.book.record(&target("shop")).unwrap();
    assert_eq!(record.session, applied.decision.session);
}

#[rstest]
#[tokio::test]
async fn the_same_operation_twice_is_decided_once(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let id = id();
    let first = world.store.apply(id, &enable("shop")).await.unwrap();
    apply(&*world.store, &disable(Selection::Everything)).await;
    let again = world.store.apply(id, &enable("shop")).await.unwrap();
    assert_eq!(again.decision, first.decision);
    assert_eq!(again.seq, first.seq);
    assert!(first.written.is_some());
    assert_eq!(again.written, first.written, "it is owed as the first one");
    assert_eq!(list(&*world.store).await.book.records().count(), 0);
}

#[rstest]
#[tokio::test]
async fn the_same_operation_from_two_senders_at_once_is_decided_once(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let id = id();
    let operation = enable("shop");
    let (one, two) = tokio::join!(
        world.store.apply(id, &operation),
        world.store.apply(id, &operation)
    );
    assert_eq!(one.unwrap().decision, two.unwrap().decision);
    assert_eq!(list(&*world.store).await.position.seq, 1);
}

#[rstest]
#[tokio::test]
async fn a_message_makes_one_change_of_the_feed_for_each_target(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let start = list(&*world.store).await;
    let alerts = [
        ("a", "1"),
        ("b", "2"),
        ("a", "3"),
        ("c", "4"),
        ("b", "5"),
        ("a", "6"),
    ];
    let alerts = alerts
        .map(|(app, fingerprint)| alert(app, fingerprint))
        .to_vec();
    let applied = apply(&*world.store, &Operation::Observe(alerts)).await;
    assert_eq!(applied.seq, 3);
    let (book, position) = replay(&*world.store, start.book, start.position, 3).await;
    let listing = list(&*world.store).await;
    assert_eq!(book, listing.book);
    assert_eq!(position, listing.position);
    let record = book.record(&target("a")).unwrap();
    assert_eq!(record.session.as_ref().unwrap().holders.len(), 3);
}

#[rstest]
#[tokio::test]
async fn what_changes_nothing_is_not_told(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let observe = Operation::Observe(vec![alert("shop", "1")]);
    assert_eq!(outcome(&*world.store, &observe).await, Outcome::Opened);
    let repeated = apply(&*world.store, &observe).await;
    assert_eq!(repeated.decision.outcomes, [Outcome::Unchanged]);
    assert_eq!(repeated.seq, 1);
    assert_eq!(list(&*world.store).await.position.seq, 1);
}

#[rstest]
#[tokio::test]
async fn caps_are_exact_when_many_open_at_once(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let caps = Caps {
        sessions_per_app: 7,
        ..Caps::default()
    };
    let world = backend
        .start(Policy {
            caps,
            ..Policy::default()
        })
        .await;
    let tasks: Vec<_> = (0..20)
        .map(|index| {
            let store = Arc::clone(&world.store);
            tokio::spawn(async move {
                let operation = enable(&format!("shop production /{index}"));
                outcome(&*store, &operation).await
            })
        })
        .collect();
    let full = Outcome::Refused {
        guardrail: Guardrail::SessionsPerApp,
        waiting: false,
    };
    let mut opened = 0;
    for task in tasks {
        let outcome = task.await.unwrap();
        if outcome == Outcome::Opened {
            opened += 1;
        } else {
            assert_eq!(outcome, full);
        }
    }
    assert_eq!(opened, 7);
    assert_eq!(list(&*world.store).await.book.records().count(), 7);
    assert_eq!(
        outcome(&*world.store, &enable("other")).await,
        Outcome::Opened
    );
}

#[rstest]
#[tokio::test]
async fn an_automatic_session_counts_as_automatic_until_it_ends(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let caps = Caps {
        automatic: 1,
        ..Caps::default()
    };
    let world = backend
        .start(Policy {
            caps,
            ..Policy::default()
        })
        .await;
    let observe = |app| Operation::Observe(vec![alert(app, "1")]);
    let waits = Outcome::Refused {
        guardrail: Guardrail::Automatic,
        waiting: true,
    };
    assert_eq!(
        outcome(&*world.store, &enable("by-hand")).await,
        Outcome::Opened
    );
    assert_eq!(outcome(&*world.store, &observe("a")).await, Outcome::Opened);
    assert_eq!(outcome(&*world.store, &observe("b")).await, waits);
    apply(
        &*world.store,
        &disable(Selection::Place(target("a").place())),
    )
    .await;
    let sweep = Operation::Sweep(vec![target("b")]);
    apply(&*world.store, &sweep).await;
    let book = list(&*world.store).await.book;
    assert!(book.record(&target("b")).unwrap().session.is_some());
}

#[rstest]
#[tokio::test]
async fn a_session_that_has_expired_does_not_count_in_the_caps(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let caps = Caps {
        sessions: 1,
        ..Caps::default()
    };
    let world = backend
        .start(Policy {
            caps,
            ..Policy::default()
        })
        .await;
    let short = enable_for("short", Duration::from_millis(300));
    assert_eq!(outcome(&*world.store, &short).await, Outcome::Opened);
    assert_ne!(
        outcome(&*world.store, &enable("next")).await,
        Outcome::Opened
    );
    let started = Instant::now();
    while outcome(&*world.store, &enable("next")).await != Outcome::Opened {
        assert!(started.elapsed() < Duration::from_secs(3));
    }
    let book = list(&*world.store).await.book;
    assert!(
        book.record(&target("short")).is_some(),
        "nobody has swept it"
    );
    apply(&*world.store, &Operation::Sweep(vec![target("short")])).await;
    assert_eq!(list(&*world.store).await.book.records().count(), 1);
}

#[rstest]
#[tokio::test]
async fn a_freeze_stops_automatic_sources_and_everybody_sees_it(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let start = list(&*world.store).await;
    apply(&*world.store, &enable("a")).await;
    apply(&*world.store, &enable("b")).await;
    let frozen = apply(&*world.store, &freeze(true)).await;
    assert_eq!(
        frozen.seq, 5,
        "two sessions opened, two ended, and the freeze"
    );
    let refused = outcome(&*world.store, &Operation::Observe(vec![alert("a", "1")])).await;
    assert!(matches!(
        refused,
        Outcome::Refused {
            guardrail: Guardrail::Frozen,
            ..
        }
    ));
    let listing = list(&*world.store).await;
    assert!(listing.book.halt().freeze(listing.now).is_some());
    let (book, _) = replay(
        &*world.store,
        start.book,
        start.position,
        listing.position.seq,
    )
    .await;
    assert_eq!(book, listing.book);
}
