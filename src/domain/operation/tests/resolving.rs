use super::*;

#[test]
fn by_default_a_resolution_ends_nothing() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.pass(MINUTE);
    assert_eq!(world.resolve(alert("a")), Outcome::Resolved);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 29 * MINUTE)));
    world.pass(29 * MINUTE);
    assert_eq!(endings(&world.sweep()), [Ending::Expired]);
}

#[test]
fn with_linger_the_holder_of_a_resolved_alert_ends_after_the_linger() {
    let mut world = World::lingering();
    world.fire(alert("a"));
    world.pass(MINUTE);
    assert_eq!(world.resolve(alert("a")), Outcome::Resolved);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 5 * MINUTE)));
    world.pass(5 * MINUTE);
    assert_eq!(endings(&world.sweep()), [Ending::Resolved]);
}

#[test]
fn the_linger_never_prolongs_a_holder() {
    let mut world = World::lingering();
    world.fire(alert("a"));
    world.pass(28 * MINUTE);
    world.resolve(alert("a"));
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 2 * MINUTE)));
}

#[test]
fn a_resolution_never_touches_another_holder() {
    let mut world = World::lingering();
    world.enable(shop(), "ann", Level::Trace, HOUR);
    world.fire(alert("a"));
    world.fire(alert("b"));
    world.trigger(shop());
    let before = world.session(&shop()).clone();
    world.resolve(alert("a"));
    let after = world.session(&shop());
    assert_eq!(after.holders.len(), 4);
    for holder in &before.holders {
        if !holder.cause.is_same(&alert("a").cause()) {
            assert_eq!(after.holder(&holder.cause), Some(holder));
        }
    }
}

#[test]
fn a_resolution_older_than_the_holders_start_is_stale() {
    let mut world = World::lingering();
    world.fire(since(START + MINUTE, "a"));
    assert_eq!(world.resolve(alert("a")), Outcome::Stale);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
    assert_eq!(
        world.resolve(since(START + MINUTE, "a")),
        Outcome::Resolved,
        "its own resolution counts"
    );
}

#[test]
fn a_resolution_of_nothing_known_changes_nothing() {
    let mut world = World::new();
    assert_eq!(world.resolve(alert("a")), Outcome::Unchanged);
    assert_eq!(world.targets(), []);
}

#[test]
fn a_repeated_resolution_changes_nothing() {
    for mut world in [World::new(), World::lingering()] {
        world.fire(alert("a"));
        world.resolve(alert("a"));
        let before = world.book.clone();
        world.pass(10 * SECOND);
        assert_eq!(world.resolve(alert("a")), Outcome::Unchanged);
        assert!(world.book == before);
    }
}

#[test]
fn with_linger_a_late_repeat_within_a_minute_of_the_resolution_is_stale() {
    let mut world = World::lingering();
    world.fire(alert("a"));
    world.resolve(alert("a"));
    world.pass_almost(MINUTE);
    assert_eq!(world.fire(alert("a")), Outcome::Stale);
    assert!(world.granted(&shop()).unwrap().1 < 5 * MINUTE);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.fire(alert("a")), Outcome::Extended, "a minute later");
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
}

#[test]
fn with_linger_a_late_repeat_does_not_open_what_was_resolved_before_it_was_seen() {
    let mut world = World::lingering();
    assert_eq!(world.resolve(alert("a")), Outcome::Unchanged);
    assert_eq!(world.fire(alert("a")), Outcome::Stale);
    assert!(!world.is_live(&shop()));
    world.pass(MINUTE);
    world.sweep();
    assert_eq!(world.targets(), [], "it is forgotten after a minute");
}

#[test]
fn with_linger_a_new_episode_right_after_the_resolution_counts() {
    let mut world = World::lingering();
    world.fire(alert("a"));
    world.resolve(alert("a"));
    world.pass(10 * SECOND);
    assert_eq!(world.fire(since(world.now, "a")), Outcome::Extended);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
}

#[test]
fn by_default_a_repeat_after_the_resolution_renews() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.resolve(alert("a"));
    world.pass(MINUTE);
    assert_eq!(world.fire(alert("a")), Outcome::Extended);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
}

#[test]
fn a_resolution_that_overtakes_its_alert_costs_no_later_episode() {
    let mut world = World::new();
    assert_eq!(world.resolve(alert("a")), Outcome::Unchanged);
    assert_eq!(world.fire(since(START + SECOND, "a")), Outcome::Opened);
}
