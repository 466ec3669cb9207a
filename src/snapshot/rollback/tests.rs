use super::*;
use crate::domain::level::Level;
use crate::domain::name::Reason;
use crate::domain::operation::{Enable, Heal, SetFreeze};
use crate::domain::policy::Policy;
use crate::snapshot::tests::{
    HOUR, START, change, disable_everything, is_live, listing, operator, place, position, synced,
    written,
};
use crate::store::{Change, Changed};

fn id() -> OpId {
    OpId::random().unwrap()
}

fn at(seq: u64, chain: &str) -> Position {
    Position {
        chain: chain.to_owned(),
        ..position(seq)
    }
}

/// A write of nothing that is told of, acknowledged at this place.
fn acknowledged(written: &Position) -> Applied {
    Applied {
        decision: Decision::default(),
        seq: written.seq,
        written: Some(written.clone()),
    }
}

/// An operator's enable of the shop, acknowledged at this place.
fn enabled(written: &Position) -> Applied {
    let operation = Operation::Enable(Enable {
        target: place("shop").whole(),
        by: operator(),
        level: Level::Debug,
        ttl: HOUR,
        reason: Reason::default(),
    });
    let mut ledger = Book::default().ledger(&operation.scope(), START);
    Applied {
        decision: operation.decide(&mut ledger, &Policy::default(), 1),
        ..acknowledged(written)
    }
}

fn freeze() -> Stop {
    Stop {
        id: id(),
        operation: Operation::Freeze(SetFreeze {
            frozen: true,
            end_sessions: false,
            ttl: HOUR,
            by: operator(),
            reason: Reason::default(),
            began_by: Some(START),
        }),
    }
}

fn kinds(losses: &[Loss]) -> Vec<LostWrite> {
    losses.iter().map(|loss| loss.write).collect()
}

#[test]
fn a_change_that_stands_where_an_acknowledged_write_should_is_a_gap() {
    for (chain, expected) in [("ours", true), ("another", false)] {
        let snapshot = synced(7, &[]);
        let ours = at(8, "ours");
        snapshot.owe(snapshot.rollbacks(), &enabled(&ours), None);
        assert_eq!(snapshot.known(), [position(7), ours.clone()]);
        let came = Change {
            position: at(8, chain),
            what: written(&place("cart").whole()),
        };
        assert_eq!(snapshot.apply(vec![came]).is_ok(), expected, "{chain}");
        assert!(snapshot.known().contains(&ours), "until it is told of");
        if !expected {
            let found = listing(8, &[place("cart").whole()]);
            let lost = snapshot.roll_back(found, &[ours], id());
            assert_eq!(kinds(&lost), [LostWrite::Open]);
        }
    }
}

#[test]
fn an_acknowledged_write_is_asked_for_however_far_later_ones_have_come() {
    let snapshot = synced(7, &[]);
    let acknowledge = |written: &Position| {
        snapshot.owe(snapshot.rollbacks(), &acknowledged(written), None);
    };
    let (before, after) = (at(9, "before the failover"), at(12, "after it"));
    acknowledge(&before);
    acknowledge(&after);
    let known = snapshot.known();
    assert_eq!(known, [position(7), before, after]);

    let late = at(10, "before the failover");
    acknowledge(&late);
    snapshot.settle(&known);
    assert_eq!(snapshot.known(), [position(7), late]);
}

#[test]
fn a_write_that_is_acknowledged_behind_the_feed_is_asked_for_though_more_comes_by() {
    let snapshot = synced(7, &[]);
    let before = at(6, "before the failover");
    snapshot.owe(snapshot.rollbacks(), &acknowledged(&before), None);
    assert!(snapshot.is_doubted());
    let came = change(8, written(&place("shop").whole()));
    snapshot.apply(vec![came]).unwrap();
    assert_eq!(snapshot.known(), [position(8), before]);
}

#[test]
fn a_write_that_is_acknowledged_ahead_of_the_feed_is_waited_for() {
    let snapshot = synced(7, &[]);
    snapshot.owe(snapshot.rollbacks(), &acknowledged(&position(8)), None);
    assert!(!snapshot.is_doubted());
    let came = change(8, written(&place("shop").whole()));
    snapshot.apply(vec![came]).unwrap();
    assert_eq!(snapshot.known(), [position(8)]);
}

#[test]
fn a_write_that_is_in_flight_during_a_rollback_is_asked_for_before_it_is_told_as_lost() {
    for is_kept in [true, false] {
        let snapshot = synced(9, &[]);
        let before = snapshot.rollbacks();
        assert_eq!(snapshot.roll_back(listing(5, &[]), &[], id()), []);
        let shop = at(6, "in flight");
        let late = disable_everything();
        snapshot.owe(before, &enabled(&shop), None);
        snapshot.owe(
            before,
            &acknowledged(&at(7, "in flight")),
            Some(late.clone()),
        );
        assert!(snapshot.is_doubted());
        let known = snapshot.known();
        assert_eq!(known, [position(5), shop, at(7, "in flight")]);
        assert_eq!(snapshot.stops().len(), 0);

        if is_kept {
            snapshot.settle(&known);
            snapshot.replace(listing(7, &[]));
            assert_eq!(snapshot.stops().len(), 0);
        } else {
            let lost = snapshot.roll_back(listing(5, &[]), &known, id());
            assert_eq!(kinds(&lost), [LostWrite::Open, LostWrite::End]);
            assert_eq!(snapshot.stops()[0].id, late.id, "it is made again");
        }
        assert_eq!(snapshot.known().len(), 1);
    }
}

#[test]
fn only_the_writes_that_the_store_was_asked_for_are_judged_and_the_others_are_asked_for() {
    for seq in [4, 8, 20] {
        let snapshot = synced(7, &[]);
        let (asked, late) = (at(9, "asked"), at(seq, "acknowledged meanwhile"));
        snapshot.owe(snapshot.rollbacks(), &acknowledged(&asked), Some(freeze()));
        snapshot.owe(snapshot.rollbacks(), &enabled(&late), None);
        snapshot.is_doubted();
        let lost = snapshot.roll_back(listing(5, &[]), &[asked], id());
        assert_eq!(kinds(&lost), [LostWrite::Freeze]);
        assert!(snapshot.is_doubted());
        assert_eq!(snapshot.known(), [position(5), late]);
    }
}

#[test]
fn a_listing_that_has_come_past_an_acknowledged_write_leaves_it_to_be_asked_for() {
    let snapshot = synced(7, &[]);
    snapshot.owe(snapshot.rollbacks(), &enabled(&at(9, "ours")), None);
    snapshot.replace(listing(8, &[]));
    assert!(!snapshot.is_doubted(), "the feed is to bring it");
    snapshot.replace(listing(9, &[]));
    assert!(snapshot.is_doubted());
    assert!(snapshot.known().contains(&at(9, "ours")));
}

#[test]
fn a_lost_stop_counts_as_what_it_was_and_is_made_again() {
    let heal = Stop {
        id: id(),
        operation: Operation::Heal(Heal::default()),
    };
    for (stop, told) in [
        (disable_everything(), vec![LostWrite::End]),
        (freeze(), vec![LostWrite::Freeze]),
        (heal, vec![]),
    ] {
        let shop = place("shop").whole();
        let snapshot = synced(7, std::slice::from_ref(&shop));
        let place = at(8, "lost");
        snapshot.owe(
            snapshot.rollbacks(),
            &acknowledged(&place),
            Some(stop.clone()),
        );
        let lost = snapshot.roll_back(listing(7, &[shop]), &[place], id());
        assert_eq!(kinds(&lost), told);
        assert_eq!(snapshot.stops()[0].id, stop.id);
        let is_disable = matches!(stop.operation, Operation::Disable(_));
        assert_eq!(is_live(&snapshot, "shop"), !is_disable, "obeyed at once");
    }
}

#[test]
fn an_end_that_is_already_to_be_made_again_is_not_told_as_lost_once_more() {
    let shop = place("shop").whole();
    let snapshot = synced(7, std::slice::from_ref(&shop));
    let ended = change(8, Changed::Removed(shop.clone()));
    snapshot.apply(vec![ended]).unwrap();
    let found = || listing(7, std::slice::from_ref(&shop));
    let lost = snapshot.roll_back(found(), &[], id());
    assert_eq!(kinds(&lost), [LostWrite::End]);
    let again = snapshot.roll_back(found(), &[], id());
    assert_eq!(kinds(&again), []);
    assert!(!is_live(&snapshot, "shop"));
}

#[test]
fn a_write_that_the_feed_does_not_bring_in_time_is_asked_for() {
    let snapshot = synced(7, &[]);
    snapshot.owe(snapshot.rollbacks(), &acknowledged(&position(8)), None);
    assert!(!snapshot.is_doubted());
    for owed in &mut snapshot.write().owed {
        owed.since -= PATIENCE;
    }
    assert!(snapshot.is_doubted());
    snapshot.settle(&[position(8)]);
    assert!(!snapshot.is_doubted());
}
