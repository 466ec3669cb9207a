use super::*;
use crate::domain::ledger::{MAX_RECORDS, Occupancy};
use crate::domain::policy::Caps;

/// At most one automatic session, and the cart has it.
fn crowded() -> World {
    let caps = Caps {
        automatic: 1,
        ..Caps::default()
    };
    let mut world = World::with(Policy {
        caps,
        ..Policy::default()
    });
    world.fire(about(target("cart"), "c"));
    world
}

#[test]
fn a_refused_alert_waits_and_opens_when_the_limit_lifts() {
    let mut world = crowded();
    world.pass(10 * MINUTE);
    assert_eq!(world.fire(alert("a")), refused(Guardrail::Automatic));
    assert_eq!(world.sweep(), [], "the limit still holds");
    world.pass(20 * MINUTE);
    let events = world.sweep();
    assert!(matches!(
        events[..],
        [Event::Ended { .. }, Event::Opened { .. }]
    ));
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
    assert_eq!(world.record(&shop()).waiting, []);
}

#[test]
fn a_waiting_alert_opens_when_the_cooldown_is_over() {
    let mut world = World::new();
    world.disable(Selection::Place(place("shop")));
    world.observe([alert("a"), about(pay(), "b")]);
    world.pass_almost(10 * MINUTE).sweep();
    assert!(!world.is_live(&shop()));
    world.pass(Duration::from_millis(1)).sweep();
    assert!(world.is_live(&shop()) && world.is_live(&pay()));
}

#[test]
fn a_waiting_alert_opens_when_its_bar_lifts_if_it_was_seen_lately() {
    let mut world = World::with(Policy {
        max_session: HOUR,
        ..Policy::default()
    });
    for _ in 0..24 {
        world.fire(alert("a"));
        world.pass(5 * MINUTE);
    }
    assert_eq!(world.now, START + 2 * HOUR);
    world.sweep();
    assert!(world.is_live(&shop()));
}

#[test]
fn what_waits_gets_the_ttl_that_it_asked_for() {
    let mut world = World::new();
    world.freeze();
    world.fire(Alert {
        ttl: Some(7 * MINUTE),
        ..alert("a")
    });
    world.unfreeze();
    world.sweep();
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 7 * MINUTE)));
}

#[test]
fn an_alert_waits_for_one_ttl_after_it_was_last_seen() {
    let mut world = World::new();
    world.freeze();
    world.observe([alert("a"), alert("b")]);
    world.pass(20 * MINUTE);
    world.fire(alert("b"));
    world.pass(10 * MINUTE).sweep();
    let waiting = &world.record(&shop()).waiting;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].alert.fingerprint.as_str(), "b");
    world.pass(20 * MINUTE).sweep();
    assert_eq!(world.targets(), []);
}

#[test]
fn a_resolved_alert_no_longer_waits_and_an_older_resolution_does_not_count() {
    let mut world = World::new();
    world.freeze();
    world.fire(since(START + MINUTE, "a"));
    assert_eq!(world.resolve(alert("a")), Outcome::Unchanged);
    assert_eq!(world.record(&shop()).waiting.len(), 1);
    assert_eq!(world.resolve(since(START + MINUTE, "a")), Outcome::Resolved);
    world.sweep();
    assert_eq!(world.targets(), []);
}

#[test]
fn at_most_32_alerts_wait_in_one_record_and_the_next_is_told_that_it_does_not() {
    let mut world = World::new();
    world.freeze();
    for number in 0..32 {
        let outcome = world.fire(alert(&format!("a{number}")));
        assert_eq!(outcome, refused(Guardrail::Frozen));
    }
    let outcome = world.fire(alert("a32"));
    assert_eq!(outcome, refused_for_good(Guardrail::Frozen));
    assert_eq!(world.fire(alert("a0")), refused(Guardrail::Frozen));
    world.unfreeze();
    world.sweep();
    assert_eq!(world.session(&shop()).holders.len(), 32);
}

#[test]
fn repeats_of_a_waiting_alert_are_not_written() {
    let mut world = World::new();
    world.freeze();
    world.fire(alert("a"));
    let before = world.book.clone();
    world.pass(59 * SECOND);
    assert_eq!(world.fire(alert("a")), refused(Guardrail::Frozen));
    assert!(world.book == before);
}

#[test]
fn a_waiting_alert_joins_as_soon_as_anybody_opens_its_target() {
    let mut world = crowded();
    world.fire(alert("a"));
    world.enable(shop(), "ann", Level::Debug, MINUTE);
    world.sweep();
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
}

#[test]
fn an_alert_that_fires_again_when_the_limit_has_lifted_waits_no_more() {
    let mut world = World::new();
    world.freeze();
    world.fire(alert("a"));
    world.unfreeze();
    assert_eq!(world.fire(since(START + SECOND, "a")), Outcome::Opened);
    assert_eq!(world.record(&shop()).waiting, []);
}

#[test]
fn a_sweep_opens_no_more_than_the_limit_allows() {
    let mut world = crowded();
    world.observe(["a", "b", "d"].map(|app| about(target(app), "x")));
    world.disable(Selection::Endpoint(pay()));
    world.pass(29 * MINUTE);
    world.observe(["a", "b", "d"].map(|app| about(target(app), "x")));
    world.pass(MINUTE).sweep();
    let live = |app: &&str| world.is_live(&target(app));
    let apps = ["a", "b", "cart", "d"];
    assert_eq!(apps.iter().filter(|app| live(app)).count(), 1);
}

#[test]
fn beyond_so_many_records_a_refused_alert_does_not_wait_in_a_new_one() {
    let mut world = World::new();
    world.freeze();
    let occupancy = Occupancy {
        records: MAX_RECORDS - 1,
        ..Occupancy::default()
    };
    let halt = world.book.halt().clone();
    let mut ledger = crate::domain::ledger::Ledger::new(world.now, Vec::new(), halt, occupancy);
    let alerts = ["a", "b"].map(|app| about(target(app), "x"));
    let decision = Operation::Observe(alerts.to_vec()).decide(&mut ledger, &world.policy, 0);
    assert_eq!(
        decision.outcomes,
        [
            refused(Guardrail::Frozen),
            refused_for_good(Guardrail::Frozen)
        ]
    );
}
