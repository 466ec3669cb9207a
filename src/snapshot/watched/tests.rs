use super::*;
use crate::snapshot::tests::{change, place, synced, written};

#[tokio::test]
async fn a_change_that_ends_later_does_not_make_every_watched_place_be_looked_at() {
    let snapshot = synced(7, &[]);
    let _notices = snapshot.watch(place("shop")).unwrap();
    assert!(snapshot.tell_lapsed() > Duration::from_secs(30));
    let _woken = tokio::time::timeout(Duration::ZERO, snapshot.watched.changed.notified()).await;
    snapshot
        .apply(vec![change(8, written(&place("shop").whole()))])
        .unwrap();
    let woken = tokio::time::timeout(Duration::ZERO, snapshot.watched.changed.notified()).await;
    assert!(woken.is_err());
}

#[tokio::test]
async fn whoever_comes_and_goes_with_invented_names_does_not_fill_the_memory() {
    let snapshot = synced(7, &[]);
    let held = snapshot.watch(place("shop")).unwrap();
    let come_and_go = async {
        for number in 0..5_000 {
            drop(snapshot.watch(place(&format!("app{number}"))));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = snapshot.tell_of_time() => {}
        () = come_and_go => {}
    }
    let places = snapshot.watched.places().senders.len();
    assert!(places <= 1_100, "{places}");
    assert_eq!(held.has_changed().ok(), Some(false), "and it still listens");
}
