//! A store has lost changes: what had ended ends again, and nothing that is newer does.

use super::*;
use crate::domain::halt::Halt;
use crate::domain::loss::{LostWrite, undone};
use crate::domain::operation::{Cooldown, EndedHolder, Heal};

/// What a replica saw when the only holder of the shop ended.
fn ended(world: &World) -> EndedHolder {
    let session = world.session(&shop());
    let holder = session.holders.first().unwrap();
    EndedHolder {
        target: shop(),
        session: session.id,
        cause: holder.cause.clone(),
        started_at: holder.started_at,
    }
}

fn heal(ended: EndedHolder) -> Operation {
    Operation::Heal(Heal {
        ended: vec![ended],
        ..Heal::default()
    })
}

#[test]
fn what_had_ended_ends_again() {
    let mut world = World::new();
    world.fire(alert("a"));
    let ended = ended(&world);
    let decision = world.apply(&heal(ended));
    assert_eq!(endings(&decision.events), [Ending::Healed]);
    assert!(!world.is_live(&shop()));
}

#[test]
fn a_holder_beside_the_one_that_had_ended_keeps_the_session() {
    let mut world = World::new();
    world.fire(alert("a"));
    let ended = ended(&world);
    world.enable(shop(), "ben", Level::Debug, HOUR);
    let decision = world.apply(&heal(ended));
    assert_eq!(endings(&decision.events), []);
    assert!(world.holder(&shop(), "a").is_none());
    assert!(world.is_live(&shop()));
}

#[test]
fn a_holder_that_began_anew_is_not_the_one_that_had_ended() {
    let mut world = World::new();
    world.enable(shop(), "ben", Level::Debug, HOUR);
    let ended = ended(&world);
    world.pass(MINUTE);
    world.enable(shop(), "ben", Level::Debug, HOUR);
    world.apply(&heal(ended));
    assert!(world.is_live(&shop()));
}

#[test]
fn a_later_session_of_the_same_alert_is_not_the_one_that_had_ended() {
    let mut world = World::new();
    world.fire(alert("a"));
    let ended = ended(&world);
    world.pass(HOUR);
    world.sweep();
    world.fire(alert("a"));
    world.apply(&heal(ended));
    assert!(world.is_live(&shop()));
}

#[test]
fn healing_opens_nothing_and_a_second_time_changes_nothing() {
    let mut world = World::new();
    world.fire(alert("a"));
    let operation = heal(ended(&world));
    world.apply(&operation);
    let healed = world.book.clone();
    let decision = world.apply(&operation);
    assert_eq!(decision, Decision::default());
    assert!(world.book == healed);
}

fn cooldown(since: Time) -> Operation {
    Operation::Heal(Heal {
        cooldowns: vec![Cooldown {
            target: shop(),
            since,
            until: START + 10 * MINUTE,
        }],
        ..Heal::default()
    })
}

#[test]
fn a_cooldown_that_was_lost_keeps_automatic_sources_out_until_its_own_end() {
    let mut world = World::new();
    world.pass(MINUTE);
    world.apply(&cooldown(START));
    assert_eq!(world.fire(alert("a")), refused(Guardrail::Cooldown));
    world.now = START + 10 * MINUTE;
    assert_eq!(world.fire(alert("b")), Outcome::Opened);
}

#[test]
fn a_cooldown_that_is_over_is_not_made_again() {
    let mut world = World::new();
    world.pass(10 * MINUTE);
    world.apply(&cooldown(START));
    assert!(world.book.record(&shop()).is_none());
}

#[test]
fn what_an_operator_enabled_since_is_newer_than_a_lost_cooldown() {
    let mut world = World::new();
    world.pass(MINUTE);
    world.enable(shop(), "ben", Level::Debug, HOUR);
    world.apply(&cooldown(START));
    assert_eq!(world.fire(alert("a")), Outcome::Extended);
    assert!(world.record(&shop()).cooldown_until.is_none());
}

#[test]
fn a_longer_cooldown_stays() {
    let mut world = World::new();
    world.apply(&Operation::Disable(Disable {
        cooldown: Some(HOUR),
        ..disable(Selection::Place(place("shop")))
    }));
    world.apply(&cooldown(START));
    assert_eq!(world.record(&shop()).cooldown_until, Some(START + HOUR));
}

fn halt(halt: &Halt) -> Operation {
    Operation::Heal(Heal {
        halt: Some(halt.clone()),
        ..Heal::default()
    })
}

#[test]
fn a_freeze_that_was_lost_is_made_again_until_its_own_end() {
    let mut world = World::new();
    world.freeze();
    let lost = world.book.halt().clone();
    world.book.set_halt(Halt::default());
    world.pass(MINUTE);
    world.apply(&halt(&lost));
    assert_eq!(world.book.halt(), &lost);
    world.pass(4 * HOUR);
    world.book.set_halt(Halt::default());
    world.apply(&halt(&lost));
    assert_eq!(world.book.halt(), &Halt::default());
}

#[test]
fn a_newer_freeze_stays() {
    let mut world = World::new();
    world.freeze();
    let older = world.book.halt().clone();
    world.pass(MINUTE);
    world.freeze();
    let newer = world.book.halt().clone();
    world.apply(&halt(&older));
    assert_eq!(world.book.halt(), &newer);
}

#[test]
fn a_lost_release_releases_the_very_freeze_and_no_other() {
    let mut world = World::new();
    world.freeze();
    let freeze = world.book.halt().freeze.clone();
    let release = Operation::Heal(Heal {
        ended_freezes: freeze.into_iter().collect(),
        halt: Some(Halt::default()),
        ..Heal::default()
    });
    let frozen = world.clone();
    world.apply(&release);
    assert!(world.book.halt().freeze.is_none());
    let mut world = frozen;
    world.pass(MINUTE);
    world.freeze();
    world.apply(&release);
    assert!(world.book.halt().freeze.is_some());
}

/// What is told of as lost although, or because, the healing of it is still to come.
fn told(world: &World, heal: &Operation) -> Vec<LostWrite> {
    let Operation::Heal(heal) = heal else {
        return Vec::new();
    };
    let losses = undone(heal, &world.book, world.now);
    losses.into_iter().map(|loss| loss.write).collect()
}

#[test]
fn what_healing_would_change_is_told_as_lost_until_it_is_healed() {
    let mut world = World::new();
    world.freeze();
    let frozen = world.book.halt().clone();
    world.book.set_halt(Halt::default());
    world.pass(MINUTE);
    for (heal, lost) in [
        (cooldown(START), LostWrite::Cooldown),
        (halt(&frozen), LostWrite::Freeze),
    ] {
        assert_eq!(told(&world, &heal), [lost]);
        world.apply(&heal);
        assert_eq!(told(&world, &heal), []);
    }
}

#[test]
fn what_a_newer_word_has_overruled_is_not_told_as_lost() {
    let mut world = World::new();
    world.freeze();
    let older = world.book.halt().clone();
    world.pass(MINUTE);
    world.freeze();
    assert_eq!(told(&world, &halt(&older)), []);
    world.enable(shop(), "ben", Level::Debug, HOUR);
    assert_eq!(told(&world, &cooldown(START)), []);
}
