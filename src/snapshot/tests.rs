use super::*;
use crate::domain::halt::Halt;
use crate::domain::level::Level;
use crate::domain::name::{App, Environment, Operator, Reason};
use crate::domain::operation::{Disable, Enable, Operation, Selection};
use crate::domain::record::Record;
use crate::domain::target::{Place, Target};
use crate::store::Changed;

pub(super) const START: Time = Time::from_millis(1_795_000_000_000);
pub(super) const HOUR: Duration = Duration::from_hours(1);

pub(super) fn place(app: &str) -> Place {
    Place {
        app: App::parse(app).unwrap(),
        environment: Environment::parse("production").unwrap(),
    }
}

pub(super) fn operator() -> Operator {
    Operator::parse("ann").unwrap()
}

/// The book after an operator has enabled each target at the start.
fn book(targets: &[Target]) -> Book {
    let mut book = Book::default();
    for (random, target) in (1..).zip(targets) {
        let operation = Operation::Enable(Enable {
            target: target.clone(),
            by: operator(),
            level: Level::Debug,
            ttl: HOUR,
            reason: Reason::default(),
        });
        let mut ledger = book.ledger(&operation.scope(), START);
        operation.decide(&mut ledger, &Policy::default(), random << 32);
        book.apply(&ledger.into_changes());
    }
    book
}

pub(super) fn enabled(target: &Target) -> Record {
    let book = book(std::slice::from_ref(target));
    book.record(target).unwrap().clone()
}

pub(super) fn position(seq: u64) -> Position {
    Position {
        epoch: "first".to_owned(),
        seq,
        ..Position::default()
    }
}

pub(super) fn listing(seq: u64, targets: &[Target]) -> Listing {
    Listing {
        position: position(seq),
        now: START,
        asked: Instant::now(),
        book: book(targets),
    }
}

pub(super) fn change(seq: u64, what: Changed) -> Change {
    Change {
        position: position(seq),
        what,
    }
}

pub(super) fn written(target: &Target) -> Changed {
    Changed::Written(Arc::new(enabled(target)))
}

pub(super) fn synced(seq: u64, targets: &[Target]) -> Snapshot {
    let snapshot = Snapshot::new(Arc::new(Policy::default()));
    snapshot.replace(listing(seq, targets));
    snapshot
}

pub(super) fn is_live(snapshot: &Snapshot, app: &str) -> bool {
    let found = snapshot.look_up(app, "production").unwrap();
    let shown = found.view.map(|view| view.shown(found.now));
    shown.is_some_and(|shown| shown.whole.is_some())
}

pub(super) fn disable_everything() -> Stop {
    Stop {
        id: OpId::random().unwrap(),
        operation: Operation::Disable(Disable {
            selection: Selection::Everything,
            by: operator(),
            cooldown: None,
            reason: Reason::default(),
            began_by: Some(START + Duration::from_mins(1)),
        }),
    }
}

#[test]
fn before_the_first_sync_nothing_is_known() {
    let snapshot = Snapshot::new(Arc::new(Policy::default()));
    assert!(!snapshot.is_synced() && snapshot.is_stale());
    assert!(snapshot.look_up("shop", "production").is_none());
    assert!(snapshot.now().is_none());
    let early = snapshot.apply(vec![change(1, written(&place("shop").whole()))]);
    assert!(matches!(early, Err(StoreError::Gap)));
}

#[test]
fn a_listing_replaces_all_that_was_known() {
    let snapshot = synced(7, &[place("shop").whole()]);
    assert!(is_live(&snapshot, "shop"));
    assert!(!snapshot.is_stale());
    snapshot.replace(listing(9, &[place("cart").whole()]));
    assert!(!is_live(&snapshot, "shop") && is_live(&snapshot, "cart"));
    assert_eq!(snapshot.position(), Some(position(9)));
}

#[test]
fn a_change_replaces_the_view_of_its_place_and_no_other() {
    let snapshot = synced(7, &[place("shop").whole(), place("cart").whole()]);
    let view = |app| snapshot.look_up(app, "production").unwrap().view;
    let (shop, cart) = (view("shop").unwrap(), view("cart").unwrap());
    let endpoint = "/pay".parse().unwrap();
    let pay = place("shop").target(Some(endpoint));
    snapshot.apply(vec![change(8, written(&pay))]).unwrap();
    assert!(!Arc::ptr_eq(&view("shop").unwrap(), &shop));
    assert!(Arc::ptr_eq(&view("cart").unwrap(), &cart));
    snapshot
        .apply(vec![
            change(9, Changed::Removed(pay)),
            change(10, Changed::Removed(place("shop").whole())),
        ])
        .unwrap();
    assert!(view("shop").is_none());
}

#[test]
fn a_replica_that_listed_and_one_that_followed_show_the_same_revision() {
    let endpoint = "/pay".parse().unwrap();
    let targets = [place("shop").whole(), place("shop").target(Some(endpoint))];
    let book = book(&targets);
    let changes = book.records().cloned().map(Arc::new);
    let followed = synced(0, &[]);
    let changes = (1..).zip(changes.map(Changed::Written));
    let changes: Vec<Change> = changes.map(|(seq, what)| change(seq, what)).collect();
    followed.apply(changes).unwrap();
    let listed = synced(2, &targets);
    let revision = |snapshot: &Snapshot| {
        let view = snapshot.look_up("shop", "production").unwrap().view;
        view.unwrap().shown(START).revision.clone()
    };
    assert_eq!(revision(&followed), revision(&listed));
}

#[test]
fn what_is_not_the_very_next_change_is_a_gap_and_changes_nothing() {
    let shop = place("shop").whole();
    let elsewhere = Change {
        position: Position {
            epoch: "second".to_owned(),
            ..position(8)
        },
        what: written(&shop),
    };
    for changes in [
        vec![change(9, written(&shop))],
        vec![change(7, written(&shop))],
        vec![elsewhere],
        vec![change(8, written(&shop)), change(10, written(&shop))],
    ] {
        let snapshot = synced(7, &[]);
        let outcome = snapshot.apply(changes);
        assert!(matches!(outcome, Err(StoreError::Gap)));
        assert!(!is_live(&snapshot, "shop"));
        assert_eq!(snapshot.position(), Some(position(7)));
    }
}

#[test]
fn a_freeze_comes_with_the_feed() {
    let snapshot = synced(7, &[]);
    let halt = Halt {
        cooldown_until: Some(START + HOUR),
        ..Halt::default()
    };
    let frozen = change(8, Changed::Halt(halt.clone()));
    snapshot.apply(vec![frozen]).unwrap();
    assert_eq!(snapshot.with_book(|book| book.halt().clone()), halt);
}

#[tokio::test]
async fn a_writer_waits_for_its_own_change_and_no_longer_than_its_patience() {
    let snapshot = synced(7, &[]);
    assert!(snapshot.reaches(7, Duration::ZERO).await);
    let shop = place("shop").whole();
    assert!(!snapshot.reaches(8, Duration::from_millis(5)).await);
    let apply = async { snapshot.apply(vec![change(8, written(&shop))]) };
    let (reached, applied) = tokio::join!(snapshot.reaches(8, Duration::from_secs(10)), apply);
    assert!(reached && applied.is_ok());
}

#[test]
fn doubt_is_answered_once() {
    let snapshot = synced(7, &[]);
    assert!(!snapshot.is_doubted());
    snapshot.doubt();
    assert!(snapshot.is_doubted());
    assert!(!snapshot.is_doubted());
}

#[test]
fn polls_are_remembered_for_a_while_and_only_so_many() {
    let polls = Polls::default();
    assert_eq!(polls.last(&place("shop")), None);
    polls.note("shop", "production", START);
    polls.note("shop", "production", START + HOUR);
    assert_eq!(polls.last(&place("shop")), Some(START + HOUR));
    for number in 0..10_000 {
        polls.note(&format!("app{number}"), "production", START);
    }
    assert_eq!(polls.last(&place("app9998")), Some(START));
    assert_eq!(polls.last(&place("app9999")), None, "one too many");
    polls.forget_before(START + HOUR);
    assert_eq!(polls.last(&place("app0")), None);
    assert_eq!(polls.last(&place("shop")), Some(START + HOUR));
    polls.note("app9999", "production", START + HOUR);
    assert_eq!(polls.last(&place("app9999")), Some(START + HOUR));
}

#[test]
fn watchers_are_told_the_newest_state_once_however_often_it_changed() {
    let snapshot = synced(7, &[]);
    let mut notices = snapshot.watch(place("shop")).unwrap();
    let nothing = notices.borrow_and_update().revision.clone();
    let endpoint = "/pay".parse().unwrap();
    snapshot
        .apply(vec![
            change(8, written(&place("shop").whole())),
            change(9, written(&place("shop").target(Some(endpoint)))),
        ])
        .unwrap();
    assert!(notices.has_changed().unwrap());
    let shown = notices.borrow_and_update().revision.clone();
    assert_ne!(shown, nothing);
    snapshot
        .apply(vec![change(10, written(&place("cart").whole()))])
        .unwrap();
    assert!(
        !notices.has_changed().unwrap(),
        "it is about another application"
    );
    snapshot.replace(listing(11, &[place("shop").whole()]));
    assert_ne!(
        notices.borrow_and_update().revision,
        shown,
        "the endpoint is gone"
    );
    snapshot.stop(disable_everything());
    assert_eq!(notices.borrow_and_update().revision, nothing);
}
