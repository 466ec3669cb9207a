//! An operation touches what it is about and nothing beside it.

use autolog::domain::operation::{Operation, Selection};
use autolog::domain::policy::Policy;
use rstest::rstest;

use super::{alert, apply, disable, enable, list, target};
use crate::backend::Backend;

#[rstest]
#[tokio::test]
async fn a_disabled_place_takes_its_endpoints_along_and_nothing_else(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let inside = ["shop production", "shop production /a", "shop production ~"];
    let outside = [
        "shop production-eu",
        "shop prod",
        "shop staging /a",
        "shop/production production",
        "sho production",
        "shop2 production",
    ];
    for text in inside.iter().chain(&outside) {
        apply(&*world.store, &enable(text)).await;
    }
    let place = target("shop production").place();
    let applied = apply(&*world.store, &disable(Selection::Place(place))).await;
    assert_eq!(applied.decision.events.len(), inside.len());
    let book = list(&*world.store).await.book;
    for text in outside {
        assert!(book.record(&target(text)).is_some(), "{text}");
    }
    for text in inside {
        assert!(book.record(&target(text)).is_none(), "{text}");
    }
}

#[rstest]
#[tokio::test]
async fn names_at_their_limits_and_unusual_endpoints_come_back_as_they_were(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let longest = format!("{} {} {}", "a".repeat(100), "e".repeat(50), "/".repeat(200));
    let targets = [
        longest.as_str(),
        "a:b@c/d.e_f-g production /api/orders/{id}?x=1&y=%20[0]",
        "shop production (",
        "shop production [",
        "shop production -",
        "shop production +",
        "shop production *",
        "shop production !#$%&()*+,-./:;<=>?@[]^_{|}~",
    ];
    for text in targets {
        let applied = apply(&*world.store, &enable(text)).await;
        let book = list(&*world.store).await.book;
        let record = book.record(&target(text)).unwrap();
        assert_eq!(record.target, target(text));
        assert_eq!(record.session, applied.decision.session);
    }
    for text in targets {
        apply(&*world.store, &disable(Selection::Endpoint(target(text)))).await;
    }
    let listing = list(&*world.store).await;
    assert_eq!(listing.book.records().count(), 0);
    assert_eq!(
        listing.position.seq,
        2 * u64::try_from(targets.len()).unwrap()
    );
}

#[rstest]
#[tokio::test]
async fn a_cooldown_of_the_whole_application_is_seen_by_its_endpoints(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let mut stop = disable(Selection::Place(target("shop").place()));
    if let Operation::Disable(stop) = &mut stop {
        stop.cooldown = None;
    }
    apply(&*world.store, &stop).await;
    let observe = Operation::Observe(vec![alert("shop production /a", "1")]);
    let applied = apply(&*world.store, &observe).await;
    let book = list(&*world.store).await.book;
    let record = book.record(&target("shop production /a")).unwrap();
    assert!(record.session.is_none(), "{:?}", applied.decision.outcomes);
    assert_eq!(record.waiting.len(), 1);
}

#[rstest]
#[tokio::test]
async fn disabling_everything_ends_a_thousand_sessions_in_one_write(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let mut policy = Policy::default();
    policy.caps.automatic = 1_000;
    let world = backend.start(policy).await;
    let alerts = (0..1_000)
        .map(|index| alert(&format!("app-{index}"), "1"))
        .collect();
    let opened = apply(&*world.store, &Operation::Observe(alerts)).await;
    assert_eq!(opened.seq, 1_000);
    let ended = apply(&*world.store, &disable(Selection::Everything)).await;
    assert_eq!(ended.decision.events.len(), 1_000);
    assert_eq!(ended.seq, 2_000);
    assert_eq!(list(&*world.store).await.book.records().count(), 0);
}
