use super::*;

fn gaps(events: &[Event]) -> Vec<(Duration, Duration)> {
    let gap = |event: &Event| {
        let Event::Gap { from, to, .. } = event else {
            return None;
        };
        Some((from.since(START), to.since(START)))
    };
    events.iter().filter_map(gap).collect()
}

fn fire(world: &mut World, alert: Alert) -> Decision {
    world.apply(&Operation::Observe(vec![alert]))
}

#[test]
fn a_holder_that_expires_while_its_alert_fires_ends_as_expired_firing() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.pass(30 * MINUTE);
    assert_eq!(endings(&world.sweep()), [Ending::ExpiredFiring]);
}

#[test]
fn the_same_episode_coming_again_tells_of_the_gap_once() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.pass(4 * HOUR);
    let decision = fire(&mut world, alert("a"));
    assert_eq!(decision.outcomes, [Outcome::Opened]);
    assert_eq!(gaps(&decision.events), [(30 * MINUTE, 4 * HOUR)]);
    world.pass(5 * MINUTE);
    assert_eq!(gaps(&fire(&mut world, alert("a")).events), []);
}

#[test]
fn the_gap_is_known_whatever_the_ttl_and_the_longest_session_are() {
    for (ttl, max_session) in [
        (MINUTE, HOUR),
        (MINUTE, 4 * HOUR),
        (4 * HOUR, 4 * HOUR + MINUTE),
    ] {
        let mut world = World::with(Policy {
            ttl,
            max_session,
            ..Policy::default()
        });
        world.fire(alert("a"));
        world.pass(4 * HOUR + 5 * MINUTE);
        world.sweep();
        let events = fire(&mut world, alert("a")).events;
        assert_eq!(gaps(&events), [(ttl, 4 * HOUR + 5 * MINUTE)]);
    }
}

#[test]
fn a_gap_is_told_when_another_holder_kept_the_session_open_all_the_while() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.enable(shop(), "ann", Level::Debug, 4 * HOUR);
    world.pass(HOUR);
    let decision = fire(&mut world, alert("a"));
    assert_eq!(gaps(&decision.events), [(30 * MINUTE, HOUR)]);
}

#[test]
fn there_is_no_gap_after_a_resolution_nor_for_a_new_episode() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.pass(HOUR).sweep();
    assert_eq!(world.resolve(alert("a")), Outcome::Resolved);
    assert_eq!(gaps(&fire(&mut world, alert("a")).events), []);
    world.pass(HOUR).sweep();
    let again = since(world.now, "a");
    assert_eq!(gaps(&fire(&mut world, again).events), []);
}

#[test]
fn what_is_remembered_of_gaps_is_bounded_and_ends() {
    let mut world = World::new();
    for number in 0..32 {
        world.fire(alert(&format!("a{number}")));
    }
    world.pass(HOUR).sweep();
    assert_eq!(world.record(&shop()).expired_firing.len(), 16);
    world.pass(30 * HOUR).sweep();
    assert_eq!(world.targets(), []);
}
