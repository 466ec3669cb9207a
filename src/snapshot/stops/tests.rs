use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::domain::name::Reason;
use crate::domain::operation::SetFreeze;
use crate::snapshot::tests::{
    HOUR, START, change, disable_everything, enabled, is_live, listing, operator, place, synced,
    written,
};
use crate::store::Changed;

#[test]
fn a_stop_is_obeyed_at_once_and_after_every_sync_and_change_until_it_is_retired() {
    let targets = [place("shop").whole(), place("cart").whole()];
    let snapshot = synced(7, &targets);
    let stop = disable_everything();
    snapshot.stop(stop.clone());
    let nothing_is_live = || !is_live(&snapshot, "shop") && !is_live(&snapshot, "cart");
    assert!(nothing_is_live());
    snapshot.replace(listing(8, &targets));
    assert!(nothing_is_live(), "after a sync");
    snapshot
        .apply(vec![change(9, written(&targets[0]))])
        .unwrap();
    assert!(nothing_is_live(), "after a change");
    assert_eq!(snapshot.stops().len(), 1);
    snapshot.retire(stop.id);
    assert!(snapshot.stops().is_empty());
    assert!(snapshot.is_doubted(), "everything is read anew");
    snapshot.replace(listing(10, &targets));
    assert!(is_live(&snapshot, "shop"), "the store has the last word");
}

#[test]
fn a_stop_spares_what_began_after_it() {
    let snapshot = synced(7, &[]);
    snapshot.stop(disable_everything());
    let mut record = enabled(&place("shop").whole());
    for holder in record.session.iter_mut().flat_map(|it| &mut it.holders) {
        holder.started_at = START + Duration::from_mins(2);
    }
    let newer = change(8, Changed::Written(Arc::new(record)));
    snapshot.apply(vec![newer]).unwrap();
    assert!(is_live(&snapshot, "shop"));
}

#[test]
fn stops_are_obeyed_in_the_order_in_which_they_were_asked_for() {
    let snapshot = synced(7, &[]);
    let freeze = |frozen, seconds| Stop {
        id: OpId::random().unwrap(),
        operation: Operation::Freeze(SetFreeze {
            frozen,
            end_sessions: false,
            ttl: HOUR,
            by: operator(),
            reason: Reason::default(),
            began_by: Some(START + Duration::from_secs(seconds)),
        }),
    };
    let is_frozen = || snapshot.with_book(|book| book.halt().freeze(START).is_some());
    for (frozen, seconds) in [(true, 1), (false, 2), (true, 3), (false, 4)] {
        snapshot.stop(freeze(frozen, seconds));
        assert_eq!(is_frozen(), frozen);
        snapshot.replace(listing(8, &[]));
        assert_eq!(is_frozen(), frozen, "after a sync");
    }
}
