use super::*;

#[test]
fn a_firing_alert_opens_a_session_for_its_ttl() {
    let mut world = World::new();
    assert_eq!(world.fire(alert("a")), Outcome::Opened);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
    let session = world.session(&shop());
    assert_eq!((session.source, session.opened_at), (Source::Alert, START));
    assert_eq!(session.holders.len(), 1);
}

#[test]
fn a_session_is_over_at_the_very_instant_its_last_holder_ends() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.pass_almost(30 * MINUTE);
    assert!(world.is_live(&shop()));
    world.pass(Duration::from_millis(1));
    assert!(!world.is_live(&shop()));
}

#[test]
fn a_repeat_renews_its_holder_to_a_full_ttl() {
    let mut world = World::new();
    world.fire(alert("a"));
    let id = world.session(&shop()).id;
    world.pass(10 * MINUTE);
    assert_eq!(world.fire(alert("a")), Outcome::Extended);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
    assert_eq!(world.session(&shop()).id, id);
    assert_eq!(world.session(&shop()).holders.len(), 1);
}

#[test]
fn a_repeat_that_would_move_the_end_by_less_than_a_minute_is_not_written() {
    let mut world = World::new();
    world.fire(alert("a"));
    let before = world.book.clone();
    world.pass_almost(MINUTE);
    assert_eq!(world.fire(alert("a")), Outcome::Unchanged);
    assert!(world.book == before);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.fire(alert("a")), Outcome::Extended);
}

#[test]
fn with_a_short_ttl_a_repeat_counts_from_a_tenth_of_it() {
    let mut world = World::new();
    let short = Alert {
        ttl: Some(2 * MINUTE),
        ..alert("a")
    };
    world.fire(short.clone());
    world.pass(11 * SECOND);
    assert_eq!(world.fire(short.clone()), Outcome::Unchanged);
    world.pass(SECOND);
    assert_eq!(world.fire(short), Outcome::Extended);
}

#[test]
fn a_repeat_with_a_shorter_ttl_does_not_shorten_the_holder() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.pass(5 * MINUTE);
    let short = Alert {
        ttl: Some(MINUTE),
        ..alert("a")
    };
    assert_eq!(world.fire(short), Outcome::Unchanged);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 25 * MINUTE)));
}

#[test]
fn the_ttl_an_alert_asks_for_is_brought_within_the_bounds() {
    for (asked, given) in [(SECOND, MINUTE), (9 * HOUR, 4 * HOUR)] {
        let mut world = World::new();
        let ttl = Some(asked);
        world.fire(Alert { ttl, ..alert("a") });
        assert_eq!(world.granted(&shop()), Some((Level::Debug, given)));
    }
}

#[test]
fn two_alerts_hold_one_session_and_each_has_its_own_end() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.pass(10 * MINUTE);
    assert_eq!(world.fire(alert("b")), Outcome::Extended);
    assert_eq!(world.session(&shop()).holders.len(), 2);
    world.pass(20 * MINUTE);
    assert_eq!(world.sweep(), []);
    assert!(world.holder(&shop(), "a").is_none());
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 10 * MINUTE)));
    world.pass(10 * MINUTE);
    assert_eq!(endings(&world.sweep()), [Ending::ExpiredFiring]);
}

#[test]
fn the_same_message_from_two_senders_opens_one_session() {
    let mut world = World::new();
    let message = [alert("a"), about(pay(), "b")];
    assert_eq!(world.observe(message.clone()), [Outcome::Opened; 2]);
    let before = world.book.clone();
    for _ in 0..9 {
        assert_eq!(world.observe(message.clone()), [Outcome::Unchanged; 2]);
    }
    assert!(world.book == before);
}

#[test]
fn an_alert_twice_in_one_message_opens_one_holder() {
    let mut world = World::new();
    let outcomes = world.observe([alert("a"), alert("a")]);
    assert_eq!(outcomes, [Outcome::Opened, Outcome::Unchanged]);
    assert_eq!(world.session(&shop()).holders.len(), 1);
}

#[test]
fn a_newer_start_of_the_same_alert_is_a_new_episode_of_the_same_holder() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.pass(20 * SECOND);
    assert_eq!(world.fire(since(world.now, "a")), Outcome::Extended);
    let holder = world.holder(&shop(), "a").unwrap();
    assert_eq!(holder.started_at, world.now);
    assert_eq!(world.session(&shop()).holders.len(), 1);
}

#[test]
fn an_older_start_that_comes_late_renews_and_takes_nothing_back() {
    let mut world = World::new();
    world.fire(since(START + MINUTE, "a"));
    world.pass(5 * MINUTE);
    assert_eq!(world.fire(alert("a")), Outcome::Extended);
    let holder = world.holder(&shop(), "a").unwrap();
    assert_eq!(holder.started_at, START);
    let Cause::Alert(known) = &holder.cause else {
        panic!("{holder:?}")
    };
    assert_eq!(known.starts_at, START + MINUTE);
}

#[test]
fn after_its_end_an_alert_with_its_old_start_opens_again() {
    let mut world = World::new();
    world.fire(alert("a"));
    let id = world.session(&shop()).id;
    world.pass(HOUR);
    assert_eq!(world.fire(alert("a")), Outcome::Opened);
    assert_ne!(world.session(&shop()).id, id);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
}

#[test]
fn an_alert_of_an_endpoint_opens_that_endpoint_only() {
    let mut world = World::new();
    world.fire(about(pay(), "a"));
    assert!(world.is_live(&pay()));
    assert!(!world.is_live(&shop()));
}

#[test]
fn an_error_window_opens_and_renews_like_an_alert() {
    let mut world = World::new();
    assert_eq!(world.trigger(shop()), Outcome::Opened);
    assert_eq!(world.session(&shop()).source, Source::Errors);
    world.pass(30 * SECOND);
    assert_eq!(world.trigger(shop()), Outcome::Unchanged);
    world.pass(30 * SECOND);
    assert_eq!(world.trigger(shop()), Outcome::Extended);
    assert_eq!(world.granted(&shop()), Some((Level::Debug, 30 * MINUTE)));
    world.pass(30 * MINUTE);
    assert_eq!(endings(&world.sweep()), [Ending::Expired]);
}
