use super::*;
use crate::domain::holder::Others;

fn crowd(range: std::ops::Range<usize>) -> Vec<Alert> {
    range.map(|number| alert(&format!("a{number}"))).collect()
}

fn others(world: &World) -> Option<(&Holder, u32)> {
    let holders = &world.session(&shop()).holders;
    holders.iter().find_map(|holder| {
        let Cause::Others(others) = &holder.cause else {
            return None;
        };
        Some((holder, others.count))
    })
}

fn enable_by(world: &mut World, operators: std::ops::Range<usize>) {
    for number in operators {
        let outcome = world.enable(shop(), &format!("op{number}"), Level::Debug, 2 * HOUR);
        assert!(matches!(outcome, Outcome::Opened | Outcome::Extended));
    }
}

#[test]
fn the_thirty_third_alert_shares_a_holder_and_so_does_every_further_one() {
    let mut world = World::new();
    world.observe(crowd(0..32));
    assert!(others(&world).is_none());
    assert_eq!(world.observe(crowd(32..33)), [Outcome::Extended]);
    assert_eq!(others(&world).unwrap().1, 2, "one made room for the other");
    world.observe(crowd(33..50));
    assert_eq!(world.session(&shop()).holders.len(), 32);
    assert_eq!(others(&world).unwrap().1, 50 - 31);
}

#[test]
fn the_shared_holder_ends_with_the_latest_of_its_alerts() {
    let mut world = World::new();
    world.observe(crowd(0..40));
    world.pass(10 * MINUTE);
    world.observe(crowd(39..40));
    world.pass(20 * MINUTE).sweep();
    assert_eq!(world.session(&shop()).holders.len(), 1);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 10 * MINUTE)));
}

#[test]
fn repeats_of_a_crowd_cost_nothing_and_count_nobody_twice() {
    let mut world = World::new();
    world.observe(crowd(0..60));
    let before = world.book.clone();
    world.pass(30 * SECOND);
    assert_eq!(world.observe(crowd(0..60)), [Outcome::Unchanged; 60]);
    assert!(world.book == before);
}

#[test]
fn a_crowd_beyond_what_is_told_apart_is_counted_as_a_lower_bound() {
    let mut world = World::new();
    world.observe(crowd(0..2_000));
    let remembered = u32::try_from(Others::REMEMBERED).unwrap();
    assert_eq!(others(&world).unwrap().1, remembered);
}

#[test]
fn resolving_one_alert_of_the_crowd_leaves_the_shared_holder() {
    let mut world = World::lingering();
    world.observe(crowd(0..40));
    let before = world.book.record(&shop()).cloned().unwrap().session;
    world.resolve(alert("a39"));
    assert_eq!(world.record(&shop()).session, before);
}

#[test]
fn a_new_fault_in_an_old_crowd_gets_its_full_time() {
    let mut world = World::new();
    for _ in 0..15 {
        world.observe(crowd(0..40));
        world.pass(15 * MINUTE);
    }
    world.observe(crowd(0..40));
    world.pass(14 * MINUTE);
    assert_eq!(world.fire(alert("new")), Outcome::Extended);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
}

#[rstest::rstest]
fn a_crowd_that_fires_for_days_cannot_keep_the_application_verbose(
    #[values(33, 50, 94, 95, 200)] size: usize,
) {
    let mut world = World::new();
    let mut verbose = Duration::ZERO;
    for _ in 0..16 * 4 {
        world.observe(crowd(0..size));
        if world.is_live(&shop()) {
            verbose += 15 * MINUTE;
        }
        world.pass(15 * MINUTE);
    }
    assert!(verbose <= 9 * HOUR, "{} h of 16", verbose.as_secs() / 3_600);
}

#[test]
fn a_new_fault_is_not_barred_with_the_crowd() {
    for size in [50, 200] {
        let mut world = World::new();
        for _ in 0..18 {
            world.observe(crowd(0..size));
            world.pass(15 * MINUTE);
        }
        assert!(!world.is_live(&shop()));
        for old in ["a0", "a45"] {
            let outcome = world.fire(alert(old));
            assert!(matches!(
                outcome,
                Outcome::Refused {
                    guardrail: Guardrail::Barred,
                    ..
                }
            ));
        }
        assert_eq!(world.fire(since(world.now, "a45")), Outcome::Opened);
        assert_eq!(world.fire(since(world.now, "new")), Outcome::Extended);
    }
}

#[test]
fn an_operator_finds_room_in_a_crowd_of_alerts() {
    let mut world = World::new();
    world.observe(crowd(0..32));
    enable_by(&mut world, 0..1);
    let session = world.session(&shop());
    assert!(session.holders.len() <= 32);
    assert_eq!(others(&world).unwrap().1, 2);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 2 * HOUR)));
    enable_by(&mut world, 1..20);
    assert_eq!(world.session(&shop()).holders.len(), 32);
}

#[test]
fn an_error_window_finds_room_in_a_crowd_of_alerts() {
    let mut world = World::new();
    world.observe(crowd(0..32));
    world.pass(20 * MINUTE);
    assert_eq!(world.trigger(shop()), Outcome::Extended);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
}

#[test]
fn a_session_held_by_operators_alone_lets_an_alert_wait_and_says_so() {
    let mut world = World::new();
    enable_by(&mut world, 0..32);
    let decision = world.apply(&Operation::Observe(vec![alert("a")]));
    assert_eq!(decision.outcomes, [refused(Guardrail::Holders)]);
    assert!(matches!(decision.events[..], [Event::Refused { .. }]));
    assert_eq!(world.sweep(), []);
    assert_eq!(world.trigger(shop()), refused_for_good(Guardrail::Holders));
    world.enable(shop(), "op0", Level::Debug, MINUTE);
    world.pass(MINUTE).sweep();
    assert!(
        world.holder(&shop(), "a").is_some(),
        "it opens once there is room"
    );
}

#[test]
fn a_refused_operator_changes_nothing() {
    let mut world = World::new();
    enable_by(&mut world, 0..31);
    world.fire(alert("a"));
    let before = world.book.clone();
    assert_eq!(
        world.enable(shop(), "one-too-many", Level::Trace, HOUR),
        refused_for_good(Guardrail::Holders)
    );
    assert!(world.book == before);
    enable_by(&mut world, 7..8);
    assert!(
        world.holder(&shop(), "a").is_some(),
        "a known operator needs no room"
    );
}
