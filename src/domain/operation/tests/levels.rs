use super::*;

#[test]
fn the_level_is_the_most_verbose_and_drops_by_time_alone() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.enable(shop(), "ann", Level::Trace, 10 * MINUTE);
    let expires_at = world.session(&shop()).expires_at(world.now);
    assert_eq!(
        world.granted(&shop()),
        Some((Level::Trace, 10 * MINUTE)),
        "the time is that of the answered level"
    );
    assert_eq!(expires_at, Some(START + 30 * MINUTE));
    world.pass(10 * MINUTE);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 20 * MINUTE)));
}

#[test]
fn a_grant_tells_when_it_may_change_by_time() {
    let mut world = World::new();
    world.enable(shop(), "ann", Level::Trace, 10 * MINUTE);
    world.enable(shop(), "ben", Level::Trace, 20 * MINUTE);
    world.enable(shop(), "cid", Level::Debug, 5 * MINUTE);
    let grant = world.session(&shop()).grant(world.now).unwrap();
    assert_eq!(grant.until, START + 20 * MINUTE);
    assert_eq!(grant.changes_at, START + 5 * MINUTE);
}

#[test]
fn an_operators_new_enable_replaces_that_operators_holder_and_may_shorten_it() {
    let mut world = World::new();
    assert_eq!(
        world.enable(shop(), "ann", Level::Trace, 2 * HOUR),
        Outcome::Opened
    );
    let id = world.session(&shop()).id;
    world.pass(MINUTE);
    assert_eq!(
        world.enable(shop(), "ann", Level::Debug, 5 * MINUTE),
        Outcome::Extended
    );
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 5 * MINUTE)));
    assert_eq!(world.session(&shop()).id, id);
    assert_eq!(world.session(&shop()).holders.len(), 1);
}

#[test]
fn one_operator_does_not_shorten_another() {
    let mut world = World::new();
    world.enable(shop(), "ann", Level::Debug, 2 * HOUR);
    world.enable(shop(), "ben", Level::Debug, MINUTE);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 2 * HOUR)));
    assert_eq!(world.session(&shop()).holders.len(), 2);
}

#[test]
fn the_answer_to_an_enable_is_the_session_as_it_is_now() {
    let mut world = World::new();
    let operation = Operation::Enable(Enable {
        target: shop(),
        by: operator("ann"),
        level: Level::Trace,
        ttl: HOUR,
        reason: words("looking into it"),
    });
    let decision = world.apply(&operation);
    assert_eq!(decision.session.as_ref(), Some(world.session(&shop())));
    let holder = &world.session(&shop()).holders[0];
    assert_eq!(holder.reason, words("looking into it"));
}

#[test]
fn an_operators_session_may_last_longer_than_automatic_ones() {
    let mut world = World::with(Policy {
        max_session: HOUR,
        ..Policy::default()
    });
    world.enable(shop(), "ann", Level::Debug, 4 * HOUR);
    world.pass(3 * HOUR);
    assert!(world.is_live(&shop()));
    world.pass(HOUR);
    assert_eq!(endings(&world.sweep()), [Ending::Expired]);
    assert_eq!(world.targets(), [], "an operator is never barred");
}
