//! A stop that the store refused is repeated late: it must not undo what was decided in the meantime.

use super::*;

fn late(selection: Selection, began_by: Time) -> Operation {
    Operation::Disable(Disable {
        began_by: Some(began_by),
        ..disable(selection)
    })
}

fn late_freeze(frozen: bool, began_by: Time) -> Operation {
    Operation::Freeze(SetFreeze {
        frozen,
        began_by: Some(began_by),
        ..freeze()
    })
}

#[test]
fn a_late_disable_spares_holders_that_began_after_it() {
    let mut world = World::new();
    world.observe([alert("a"), about(pay(), "b")]);
    let stopped_at = world.now;
    world.pass(MINUTE);
    world.enable(shop(), "ben", Level::Debug, HOUR);
    let decision = world.apply(&late(Selection::Place(place("shop")), stopped_at));
    assert_eq!(
        endings(&decision.events),
        [Ending::Disabled],
        "the endpoint"
    );
    assert!(world.holder(&shop(), "a").is_none());
    assert_eq!(world.session(&shop()).holders.len(), 1);
}

#[test]
fn the_cooldown_of_a_late_disable_counts_from_when_it_was_asked_for() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.pass(4 * MINUTE);
    let decision = world.apply(&late(Selection::Everything, START));
    assert_eq!(decision.cooldown_until, Some(START + 10 * MINUTE));
    world.pass(10 * MINUTE);
    let decision = world.apply(&late(Selection::Everything, START));
    assert_eq!(decision.cooldown_until, None, "it is over");
}

#[test]
fn a_late_disable_does_not_shorten_a_newer_cooldown() {
    for selection in [
        Selection::Endpoint(pay()),
        Selection::Place(place("shop")),
        Selection::Everything,
    ] {
        let mut world = World::new();
        world.pass(5 * MINUTE);
        world.apply(&Operation::Disable(Disable {
            cooldown: Some(HOUR),
            ..disable(selection.clone())
        }));
        for minutes in [1, 10] {
            world.pass(minutes * MINUTE);
            world.apply(&late(selection.clone(), START));
            let outcome = world.fire(about(pay(), "a"));
            assert_eq!(outcome, refused(Guardrail::Cooldown));
        }
        world.now = START + 64 * MINUTE;
        assert_eq!(world.fire(about(pay(), "a")), refused(Guardrail::Cooldown));
    }
}

#[test]
fn a_late_disable_does_not_take_back_what_an_operators_later_enable_cleared() {
    for selection in [Selection::Place(place("shop")), Selection::Everything] {
        let mut world = World::new();
        world.pass(MINUTE);
        world.enable(shop(), "ben", Level::Debug, HOUR);
        world.pass(MINUTE);
        world.apply(&late(selection, START));
        assert_eq!(world.fire(alert("a")), Outcome::Extended);
        assert_eq!(world.fire(about(pay(), "b")), Outcome::Opened);
    }
}

#[test]
fn a_late_freeze_lasts_from_when_it_was_asked_for() {
    let mut world = World::new();
    world.pass(HOUR);
    world.apply(&late_freeze(true, START));
    let frozen = world.book.halt().freeze(world.now).unwrap();
    assert_eq!(frozen.until, START + 4 * HOUR);
}

#[test]
fn a_freeze_that_comes_after_its_own_end_freezes_nothing_and_tells_nothing() {
    let mut world = World::new();
    world.pass(4 * HOUR);
    let decision = world.apply(&late_freeze(true, START));
    assert_eq!(decision.events, []);
    assert_eq!(world.book.halt().freeze, None);
}

#[test]
fn a_late_release_does_not_undo_a_newer_freeze_nor_does_a_late_freeze_shorten_it() {
    for frozen in [false, true] {
        let mut world = World::new();
        world.pass(MINUTE).freeze();
        world.pass(MINUTE);
        world.apply(&late_freeze(frozen, START));
        let kept = world.book.halt().freeze(world.now).unwrap();
        assert_eq!(kept.until, START + MINUTE + 4 * HOUR);
    }
}

#[test]
fn a_late_freeze_with_end_sessions_spares_what_began_after_it() {
    let mut world = World::new();
    world.fire(alert("a"));
    world.pass(MINUTE);
    world.fire(about(target("cart"), "c"));
    world.apply(&Operation::Freeze(SetFreeze {
        end_sessions: true,
        began_by: Some(START),
        ..freeze()
    }));
    assert!(!world.is_live(&shop()));
    assert!(world.is_live(&target("cart")));
}

#[test]
fn a_stop_repeated_again_and_again_stays_the_same() {
    for stop in [
        late(Selection::Place(place("shop")), START),
        late(Selection::Everything, START),
        late_freeze(true, START),
    ] {
        let mut world = World::new();
        world.observe([alert("a"), about(pay(), "b")]);
        world.apply(&stop);
        let before = world.book.clone();
        world.pass(SECOND);
        world.apply(&stop);
        assert!(world.book == before);
    }
}
