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
fn a_late_freeze_lasts_from_when_it_was_asked_for() {
    let mut world = World::new();
    world.pass(HOUR);
    world.apply(&late_freeze(true, START));
    let frozen = world.book.halt().freeze(world.now).unwrap();
    assert_eq!(frozen.until, START + 4 * HOUR);
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
