use super::*;

fn everything(world: &mut World) {
    world.observe([alert("a"), about(pay(), "b"), about(target("cart"), "c")]);
    world.enable(shop(), "ann", Level::Trace, HOUR);
    world.trigger(shop());
}

#[test]
fn disabling_a_place_ends_every_holder_of_it_and_of_its_endpoints() {
    let mut world = World::new();
    everything(&mut world);
    let decision = world.disable(Selection::Place(place("shop")));
    assert_eq!(endings(&decision.events), [Ending::Disabled; 2]);
    assert_eq!(decision.cooldown_until, Some(START + 10 * MINUTE));
    assert!(!world.is_live(&shop()) && !world.is_live(&pay()));
    assert!(world.is_live(&target("cart")));
}

#[test]
fn disabling_an_endpoint_leaves_the_rest_of_its_application() {
    let mut world = World::new();
    everything(&mut world);
    let decision = world.disable(Selection::Endpoint(pay()));
    assert_eq!(endings(&decision.events), [Ending::Disabled]);
    assert!(world.is_live(&shop()) && !world.is_live(&pay()));
    assert_eq!(world.fire(about(pay(), "b")), refused(Guardrail::Cooldown));
    assert_eq!(world.fire(alert("z")), Outcome::Extended);
}

#[test]
fn disabling_everything_ends_everything() {
    let mut world = World::new();
    everything(&mut world);
    let decision = world.disable(Selection::Everything);
    assert_eq!(endings(&decision.events), [Ending::Disabled; 3]);
    for known in [shop(), pay(), target("cart")] {
        assert!(!world.is_live(&known));
    }
    let outcome = world.fire(about(target("new"), "z"));
    assert_eq!(outcome, refused(Guardrail::Cooldown), "everywhere");
}

#[test]
fn disabling_what_is_not_open_starts_the_cooldown_all_the_same() {
    let mut world = World::new();
    let decision = world.disable(Selection::Place(place("shop")));
    assert_eq!(endings(&decision.events), []);
    assert_eq!(world.fire(alert("a")), refused(Guardrail::Cooldown));
    assert_eq!(world.trigger(shop()), refused_for_good(Guardrail::Cooldown));
}

#[test]
fn the_cooldown_of_a_place_keeps_its_endpoints_out_too_and_ends_by_itself() {
    let mut world = World::new();
    world.disable(Selection::Place(place("shop")));
    assert_eq!(world.fire(about(pay(), "a")), refused(Guardrail::Cooldown));
    world.pass_almost(10 * MINUTE);
    assert_eq!(world.fire(alert("b")), refused(Guardrail::Cooldown));
    world.pass(Duration::from_millis(1));
    assert_eq!(world.fire(alert("b")), Outcome::Opened);
    assert_eq!(world.fire(about(pay(), "a")), Outcome::Opened);
}

#[test]
fn the_operator_says_how_long_the_cooldown_is_and_zero_is_none() {
    let mut world = World::new();
    world.fire(alert("a"));
    let with = |cooldown| {
        Operation::Disable(Disable {
            cooldown: Some(cooldown),
            ..disable(Selection::Place(place("shop")))
        })
    };
    assert_eq!(world.apply(&with(Duration::ZERO)).cooldown_until, None);
    assert_eq!(world.fire(alert("a")), Outcome::Opened);
    let decision = world.apply(&with(2 * HOUR));
    assert_eq!(decision.cooldown_until, Some(START + 2 * HOUR));
    world.pass(HOUR);
    assert_eq!(world.fire(alert("a")), refused(Guardrail::Cooldown));
}

#[test]
fn an_operator_may_open_during_the_cooldown_and_thereby_clears_it() {
    let mut world = World::new();
    world.disable(Selection::Place(place("shop")));
    assert_eq!(
        world.enable(shop(), "ben", Level::Debug, MINUTE),
        Outcome::Opened
    );
    assert_eq!(world.fire(alert("a")), Outcome::Extended);
    assert_eq!(
        world.fire(about(pay(), "b")),
        Outcome::Opened,
        "its endpoints are free too"
    );
}

#[test]
fn enabling_an_endpoint_frees_that_endpoint_only() {
    let mut world = World::new();
    world.disable(Selection::Place(place("shop")));
    world.enable(pay(), "ben", Level::Debug, MINUTE);
    assert_eq!(world.fire(about(pay(), "b")), Outcome::Extended);
    assert_eq!(world.fire(alert("a")), refused(Guardrail::Cooldown));
}

#[test]
fn enabling_one_application_after_everything_was_disabled_frees_it_with_its_endpoints_only() {
    let mut world = World::new();
    world.disable(Selection::Everything);
    world.enable(shop(), "ben", Level::Debug, MINUTE);
    assert_eq!(world.fire(alert("a")), Outcome::Extended);
    assert_eq!(world.fire(about(pay(), "b")), Outcome::Opened);
    let cart = world.fire(about(target("cart"), "c"));
    assert_eq!(cart, refused(Guardrail::Cooldown));
}

#[test]
fn a_later_disable_counts_again_after_an_enable() {
    for selection in [
        Selection::Endpoint(pay()),
        Selection::Place(place("shop")),
        Selection::Everything,
    ] {
        let mut world = World::new();
        world.disable(Selection::Everything);
        world.enable(shop(), "ben", Level::Debug, MINUTE);
        world.enable(pay(), "ben", Level::Debug, MINUTE);
        world.disable(selection);
        assert_eq!(world.fire(about(pay(), "b")), refused(Guardrail::Cooldown));
    }
}

#[test]
fn repeating_a_disable_changes_nothing_more() {
    let mut world = World::new();
    everything(&mut world);
    world.disable(Selection::Everything);
    let before = world.book.clone();
    let decision = world.disable(Selection::Everything);
    assert_eq!(endings(&decision.events), []);
    assert!(world.book == before);
}

#[test]
fn nothing_is_left_of_a_disabled_target_when_its_cooldown_is_over() {
    let mut world = World::new();
    everything(&mut world);
    world.disable(Selection::Place(place("shop")));
    world.enable(pay(), "ben", Level::Debug, MINUTE);
    world.disable(Selection::Everything);
    world.pass(10 * MINUTE).sweep();
    assert_eq!(world.targets(), []);
}
