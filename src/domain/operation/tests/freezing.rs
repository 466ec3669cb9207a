use super::*;

#[test]
fn while_frozen_nothing_automatic_opens_and_nothing_is_renewed() {
    let mut world = World::new();
    world.observe([alert("a")]);
    world.trigger(pay());
    world.freeze();
    world.pass(10 * MINUTE);
    assert_eq!(world.fire(alert("a")), refused(Guardrail::Frozen));
    assert_eq!(world.fire(alert("b")), refused(Guardrail::Frozen));
    assert_eq!(world.trigger(pay()), refused_for_good(Guardrail::Frozen));
    assert_eq!(
        world.fire(about(target("cart"), "c")),
        refused(Guardrail::Frozen)
    );
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 20 * MINUTE)));
    assert_eq!(world.granted(&pay()), Some((Level::Debug, 20 * MINUTE)));
    assert!(!world.is_live(&target("cart")));
}

#[test]
fn while_frozen_operators_may_open_and_extend() {
    let mut world = World::new();
    world.freeze();
    assert_eq!(
        world.enable(shop(), "ben", Level::Trace, MINUTE),
        Outcome::Opened
    );
    assert_eq!(
        world.enable(shop(), "ben", Level::Trace, HOUR),
        Outcome::Extended
    );
}

#[test]
fn a_freeze_leaves_open_sessions_unless_it_says_otherwise() {
    let mut world = World::new();
    world.observe([alert("a"), about(pay(), "b")]);
    world.enable(target("cart"), "ben", Level::Trace, HOUR);
    assert_eq!(endings(&world.freeze().events), []);
    assert!(world.is_live(&shop()));
    let decision = world.apply(&Operation::Freeze(SetFreeze {
        end_sessions: true,
        ..freeze()
    }));
    assert_eq!(endings(&decision.events), [Ending::Frozen; 3]);
    for known in [shop(), pay(), target("cart")] {
        assert!(!world.is_live(&known));
    }
}

#[test]
fn a_freeze_ends_by_itself_at_the_very_instant() {
    let mut world = World::new();
    world.freeze();
    world.pass_almost(4 * HOUR);
    assert!(world.book.halt().freeze(world.now).is_some());
    assert_eq!(world.fire(alert("a")), refused(Guardrail::Frozen));
    world.pass(Duration::from_millis(1));
    assert!(world.book.halt().freeze(world.now).is_none());
    assert_eq!(world.fire(alert("a")), Outcome::Opened);
}

#[test]
fn an_operator_may_end_a_freeze_and_what_waits_opens() {
    let mut world = World::new();
    world.freeze();
    world.fire(alert("a"));
    assert_eq!(world.sweep(), []);
    world.unfreeze();
    world.sweep();
    assert!(world.is_live(&shop()));
}

#[test]
fn a_resolution_counts_while_frozen() {
    let mut world = World::lingering();
    world.fire(alert("a"));
    world.freeze();
    assert_eq!(world.fire(alert("b")), refused(Guardrail::Frozen));
    assert_eq!(world.resolve(alert("b")), Outcome::Resolved);
    assert_eq!(world.resolve(alert("a")), Outcome::Resolved);
    world.pass(5 * MINUTE).sweep();
    assert!(!world.is_live(&shop()));
    world.unfreeze();
    assert_eq!(world.sweep(), [], "a resolved alert does not wait");
}

#[test]
fn a_freeze_tells_who_did_it_and_until_when() {
    let mut world = World::new();
    world.freeze();
    let frozen = world.book.halt().freeze(world.now).unwrap();
    assert_eq!(frozen.by, operator("ann"));
    assert_eq!((frozen.since, frozen.until), (START, START + 4 * HOUR));
}
