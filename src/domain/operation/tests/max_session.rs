use super::*;

/// Lets `again` happen every `interval` for `time`; tells how long the target was verbose, to the interval.
fn repeat(
    world: &mut World,
    interval: Duration,
    time: Duration,
    mut again: impl FnMut(&mut World),
) -> Duration {
    let end = world.now + time;
    let mut verbose = Duration::ZERO;
    while world.now < end {
        again(world);
        verbose += world
            .granted(&shop())
            .map_or(Duration::ZERO, |(_, left)| left.min(interval));
        world.pass(interval);
    }
    verbose
}

fn keeps_firing(world: &mut World) {
    world.fire(alert("a"));
}

#[test]
fn an_alert_that_fires_for_days_is_barred_for_as_long_as_it_held() {
    let mut world = World::new();
    let verbose = repeat(&mut world, 5 * MINUTE, 4 * HOUR, keeps_firing);
    assert_eq!(verbose, 4 * HOUR);
    assert_eq!(world.fire(alert("a")), refused(Guardrail::Barred));
    assert!(!world.is_live(&shop()));
    let verbose = repeat(&mut world, 5 * MINUTE, 4 * HOUR, keeps_firing);
    assert_eq!(verbose, Duration::ZERO);
    assert_eq!(world.fire(alert("a")), Outcome::Opened, "as long again");
}

#[test]
fn no_rhythm_of_repeats_gets_around_the_bar() {
    for seconds in [61, 100, 251, 307, 599, 1_201, 1_799] {
        let mut world = World::new();
        let interval = Duration::from_secs(seconds);
        let verbose = repeat(&mut world, interval, 16 * HOUR, keeps_firing);
        assert!(
            verbose <= 9 * HOUR,
            "every {seconds} s: {} min of 16 h",
            verbose.as_secs() / 60
        );
    }
}

#[test]
fn the_end_by_max_session_is_told_as_such() {
    let mut world = World::new();
    repeat(&mut world, 5 * MINUTE, 4 * HOUR, keeps_firing);
    assert_eq!(endings(&world.sweep()), [Ending::MaxSession]);
    let barred = &world.record(&shop()).barred;
    assert_eq!(barred.len(), 1);
    assert_eq!(barred[0].until, START + 8 * HOUR);
}

#[test]
fn the_bar_counts_from_the_holders_end_however_late_that_is_noticed() {
    let mut world = World::new();
    repeat(&mut world, 5 * MINUTE, 4 * HOUR, keeps_firing);
    world.pass(2 * HOUR).sweep();
    assert_eq!(world.record(&shop()).barred[0].until, START + 8 * HOUR);
}

#[test]
fn a_barred_alert_shuts_out_no_other_alert_and_no_new_episode() {
    let mut world = World::new();
    repeat(&mut world, 5 * MINUTE, 4 * HOUR, keeps_firing);
    assert_eq!(world.fire(alert("b")), Outcome::Opened);
    assert_eq!(
        world.fire(alert("a")),
        refused(Guardrail::Barred),
        "it does not ride on another's session"
    );
    assert_eq!(world.fire(since(world.now, "a")), Outcome::Extended);
}

#[test]
fn an_alert_that_joins_late_may_hold_its_own_full_time() {
    let mut world = World::new();
    repeat(&mut world, 5 * MINUTE, 3 * HOUR, keeps_firing);
    let both = |world: &mut World| {
        world.fire(alert("a"));
        world.fire(alert("b"));
    };
    let verbose = repeat(&mut world, 5 * MINUTE, 5 * HOUR, both);
    assert_eq!(verbose, 4 * HOUR);
}

#[test]
fn an_error_window_is_barred_as_well_and_alerts_are_not() {
    let mut world = World::new();
    let verbose = repeat(&mut world, 5 * MINUTE, 8 * HOUR, |world| {
        world.trigger(shop());
    });
    assert_eq!(verbose, 4 * HOUR);
    world.now = START + 5 * HOUR;
    assert_eq!(
        world.trigger(shop()),
        refused_for_good(Guardrail::Barred),
        "error windows do not wait: the next flush asks again"
    );
    assert_eq!(world.trigger(pay()), Outcome::Opened, "another window");
    assert_eq!(world.fire(alert("a")), Outcome::Opened);
}

#[test]
fn a_new_episode_starts_the_clock_of_its_holder_anew() {
    let mut world = World::new();
    repeat(&mut world, 5 * MINUTE, 3 * HOUR, keeps_firing);
    let again = since(world.now, "a");
    let verbose = repeat(&mut world, 5 * MINUTE, 8 * HOUR, |world| {
        world.fire(again.clone());
    });
    assert_eq!(verbose, 4 * HOUR);
}

#[test]
fn an_alert_that_was_resolved_within_its_time_is_not_barred() {
    let mut world = World::new();
    repeat(&mut world, 5 * MINUTE, 235 * MINUTE, keeps_firing);
    assert_eq!(world.resolve(alert("a")), Outcome::Resolved);
    world.pass(5 * MINUTE);
    assert_eq!(endings(&world.sweep()), [Ending::Expired]);
    assert_eq!(world.fire(alert("a")), Outcome::Opened);
}
