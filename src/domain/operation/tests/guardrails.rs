use super::*;
use crate::domain::policy::Caps;

fn patterns(texts: &[&str]) -> Vec<crate::domain::policy::Pattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn caps(caps: Caps) -> World {
    World::with(Policy {
        caps,
        ..Policy::default()
    })
}

fn endpoint(number: usize) -> Target {
    let name = format!("/{number}");
    place("shop").target(Some(Endpoint::parse(&name).unwrap()))
}

#[test]
fn a_denied_target_is_refused_to_everybody_and_does_not_wait() {
    let mut world = World::with(Policy {
        deny: patterns(&["shop/prod*"]),
        ..Policy::default()
    });
    let no = refused_for_good(Guardrail::Target);
    assert_eq!(world.fire(alert("a")), no);
    assert_eq!(world.fire(about(pay(), "a")), no);
    assert_eq!(world.trigger(shop()), no);
    assert_eq!(world.enable(shop(), "ann", Level::Debug, HOUR), no);
    assert_eq!(world.fire(about(target("cart"), "c")), Outcome::Opened);
    assert_eq!(world.targets(), [target("cart")]);
}

#[test]
fn with_a_list_of_allowed_targets_every_other_is_refused_and_deny_wins() {
    let policy = Policy {
        allow: patterns(&["team/*/production", "s?op/*"]),
        deny: patterns(&["team/secret/*"]),
        ..Policy::default()
    };
    for (app, allowed) in [
        ("shop", true),
        ("stop", true),
        ("cart", false),
        ("team/cart", true),
        ("team/secret", false),
        ("xshop", false),
    ] {
        assert_eq!(policy.lets(&target(app)), allowed, "{app}");
    }
}

#[test]
fn a_glob_has_two_halves_and_the_last_slash_parts_them() {
    for bad in ["", "shop", "/", "shop/", "/production"] {
        assert!(bad.parse::<crate::domain::policy::Pattern>().is_err());
    }
    let policy = |glob| Policy {
        deny: patterns(&[glob]),
        ..Policy::default()
    };
    assert!(!policy("*/production").lets(&target("a/b")));
    assert!(policy("a/production").lets(&target("a/b")));
    assert!(policy("SHOP/production").lets(&shop()), "case counts");
}

#[test]
fn automatic_sessions_are_capped_in_all_and_operators_are_not_bound_by_that() {
    let mut world = caps(Caps {
        automatic: 2,
        ..Caps::default()
    });
    let apps = ["a", "b", "c"].map(|app| about(target(app), "x"));
    let full = refused(Guardrail::Automatic);
    let outcomes = world.observe(apps);
    assert_eq!(outcomes, [Outcome::Opened, Outcome::Opened, full]);
    assert_eq!(
        world.trigger(target("d")),
        refused_for_good(Guardrail::Automatic)
    );
    assert_eq!(
        world.enable(target("d"), "ann", Level::Debug, HOUR),
        Outcome::Opened
    );
    assert_eq!(
        world.fire(about(target("d"), "x")),
        Outcome::Extended,
        "an open session takes any holder"
    );
}

#[test]
fn automatic_sessions_are_capped_per_application() {
    let mut world = caps(Caps {
        automatic_per_app: 2,
        ..Caps::default()
    });
    let alerts = [1, 2, 3].map(|number| about(endpoint(number), "x"));
    let full = refused(Guardrail::AutomaticPerApp);
    let outcomes = world.observe(alerts);
    assert_eq!(outcomes, [Outcome::Opened, Outcome::Opened, full]);
    assert_eq!(world.fire(about(target("cart"), "x")), Outcome::Opened);
    assert_eq!(
        world.enable(endpoint(3), "ann", Level::Debug, HOUR),
        Outcome::Opened
    );
}

#[test]
fn all_sessions_are_capped_in_all_and_per_application_for_everybody() {
    let mut world = caps(Caps {
        sessions: 3,
        sessions_per_app: 2,
        ..Caps::default()
    });
    let enable = |world: &mut World, target| world.enable(target, "ann", Level::Debug, HOUR);
    assert_eq!(enable(&mut world, endpoint(1)), Outcome::Opened);
    assert_eq!(enable(&mut world, endpoint(2)), Outcome::Opened);
    assert_eq!(
        enable(&mut world, endpoint(3)),
        refused_for_good(Guardrail::SessionsPerApp)
    );
    assert_eq!(
        world.fire(about(endpoint(3), "x")),
        refused(Guardrail::SessionsPerApp)
    );
    assert_eq!(enable(&mut world, endpoint(1)), Outcome::Extended);
    assert_eq!(enable(&mut world, target("cart")), Outcome::Opened);
    assert_eq!(
        enable(&mut world, target("till")),
        refused_for_good(Guardrail::Sessions)
    );
    assert_eq!(
        world.fire(about(target("till"), "x")),
        refused(Guardrail::Sessions)
    );
}

#[test]
fn the_counts_are_exact_within_one_message_about_many_targets() {
    let mut world = caps(Caps {
        automatic: 3,
        automatic_per_app: 2,
        ..Caps::default()
    });
    world.fire(about(target("old"), "x"));
    world.pass(30 * MINUTE);
    // the session of `old` has lapsed, though nobody has swept it yet
    let outcomes = world.observe([
        about(target("old"), "x"),
        about(endpoint(1), "x"),
        about(endpoint(1), "y"),
        about(endpoint(2), "x"),
        about(endpoint(3), "x"),
        about(target("cart"), "x"),
    ]);
    assert_eq!(
        outcomes,
        [
            Outcome::Opened,
            Outcome::Opened,
            Outcome::Extended,
            Outcome::Opened,
            refused(Guardrail::Automatic),
            refused(Guardrail::Automatic),
        ]
    );
}

#[test]
fn a_session_that_was_ended_makes_room_in_the_same_instant() {
    let mut world = caps(Caps {
        sessions: 1,
        ..Caps::default()
    });
    world.enable(shop(), "ann", Level::Debug, HOUR);
    world.disable(Selection::Place(place("shop")));
    assert_eq!(world.fire(about(target("cart"), "x")), Outcome::Opened);
}

#[test]
fn the_limits_are_those_of_the_contract() {
    let policy = Policy::default();
    assert_eq!(
        policy.caps,
        Caps {
            sessions: 1_000,
            sessions_per_app: 50,
            automatic: 100,
            automatic_per_app: 10,
        }
    );
    assert_eq!((policy.ttl, policy.ttl_min), (30 * MINUTE, MINUTE));
    assert_eq!((policy.ttl_max, policy.max_session), (4 * HOUR, 4 * HOUR));
    assert_eq!(policy.cooldown, 10 * MINUTE);
    assert_eq!(policy.on_resolved, OnResolved::Keep);
}
