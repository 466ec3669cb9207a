//! Random sequences of everything that can happen, compared step by step with a plain reference.

use proptest::prelude::*;

use super::*;
use crate::domain::policy::Caps;

mod reference;

use reference::Reference;

/// Two applications with an app-wide target and two endpoints each, in the order in which targets sort.
const TARGETS: usize = 6;
const ALERTS: u8 = 4;
const EPISODES: u8 = 3;

#[derive(Clone, Debug)]
enum Step {
    Fire(Vec<Seen>),
    Resolve(Seen),
    Trigger(usize),
    Enable(usize, u8, Level, Duration),
    Disable(Option<usize>),
    Freeze(bool, bool),
    Sweep,
    Pass(Duration),
}

/// An alert as it is seen once.
#[derive(Clone, Copy, Debug)]
struct Seen {
    target: usize,
    alert: u8,
    episode: u8,
    ttl: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Alert(u8),
    Errors,
    Operator(u8),
}

/// One live holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    target: usize,
    who: Who,
    level: Level,
    ends: Time,
}

fn nth(index: usize) -> Target {
    let place = place(["cart", "shop"][index / 3]);
    let endpoint = [None, Some("/a"), Some("/b")][index % 3];
    place.target(endpoint.map(|name| Endpoint::parse(name).unwrap()))
}

fn episode(number: u8) -> Time {
    START + u32::from(number) * MINUTE
}

fn policy(lingers: bool) -> Policy {
    let on_resolved = if lingers {
        OnResolved::Linger(5 * MINUTE)
    } else {
        OnResolved::Keep
    };
    Policy {
        max_session: HOUR,
        on_resolved,
        caps: Caps {
            sessions: 5,
            sessions_per_app: 3,
            automatic: 3,
            automatic_per_app: 2,
        },
        ..Policy::default()
    }
}

fn seen() -> impl Strategy<Value = Seen> {
    let ttl = prop_oneof![
        4 => Just(None),
        1 => Just(Some(MINUTE)),
        1 => Just(Some(HOUR)),
    ];
    (0..TARGETS, 0..ALERTS, 0..EPISODES, ttl).prop_map(|(target, alert, episode, ttl)| Seen {
        target,
        alert,
        episode,
        ttl,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let level = prop_oneof![Just(Level::Debug), Just(Level::Trace)];
    let ttl = prop_oneof![Just(MINUTE), Just(20 * MINUTE), Just(4 * HOUR)];
    let seconds = prop_oneof![1_u64..90, 90_u64..1_000, 1_000_u64..8_000];
    prop_oneof![
        8 => prop::collection::vec(seen(), 1..5).prop_map(Step::Fire),
        2 => seen().prop_map(Step::Resolve),
        2 => (0..TARGETS).prop_map(Step::Trigger),
        2 => (0..TARGETS, 0..2_u8, level, ttl)
            .prop_map(|(target, by, level, ttl)| Step::Enable(target, by, level, ttl)),
        1 => prop::option::weighted(0.8, 0..TARGETS).prop_map(Step::Disable),
        1 => (any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(frozen, end)| Step::Freeze(frozen, end)),
        3 => Just(Step::Sweep),
        8 => seconds.prop_map(|seconds| Step::Pass(Duration::from_secs(seconds))),
    ]
}

fn sighting(seen: Seen, firing: bool) -> Alert {
    Alert {
        target: nth(seen.target),
        starts_at: episode(seen.episode),
        firing,
        ttl: seen.ttl,
        ..alert(&format!("a{}", seen.alert))
    }
}

/// Does the step to both and tells the outcomes of each.
fn take(step: &Step, world: &mut World, reference: &mut Reference) -> (Vec<Outcome>, Vec<Outcome>) {
    match step.clone() {
        Step::Fire(message) => (
            world.observe(message.iter().map(|seen| sighting(*seen, true))),
            message.iter().map(|seen| reference.fire(*seen)).collect(),
        ),
        Step::Resolve(seen) => (
            vec![world.resolve(sighting(seen, false))],
            vec![reference.resolve(seen)],
        ),
        Step::Trigger(target) => (
            vec![world.trigger(nth(target))],
            vec![reference.trigger(target)],
        ),
        Step::Enable(target, by, level, ttl) => (
            vec![world.enable(nth(target), &format!("op{by}"), level, ttl)],
            vec![reference.enable(target, by, level, ttl)],
        ),
        Step::Disable(target) => {
            world.disable(selection(target));
            reference.disable(target);
            (Vec::new(), Vec::new())
        }
        Step::Freeze(frozen, end_sessions) => {
            world.apply(&Operation::Freeze(SetFreeze {
                frozen,
                end_sessions,
                ..freeze()
            }));
            reference.freeze(frozen, end_sessions);
            (Vec::new(), Vec::new())
        }
        Step::Sweep => {
            world.sweep();
            reference.sweep();
            (Vec::new(), Vec::new())
        }
        Step::Pass(time) => {
            world.pass(time);
            reference.pass(time);
            (Vec::new(), Vec::new())
        }
    }
}

fn selection(target: Option<usize>) -> Selection {
    match target.map(nth) {
        None => Selection::Everything,
        Some(target) if target.endpoint.is_some() => Selection::Endpoint(target),
        Some(target) => Selection::Place(target.place()),
    }
}

/// The live holders of the book, as the reference tells its own.
fn rows(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for target in 0..TARGETS {
        let record = world.book.record(&nth(target));
        let session = record.and_then(|record| record.session.as_ref());
        let holders = session.iter().flat_map(|session| &session.holders);
        rows.extend(
            holders
                .filter(|holder| holder.is_live(world.now))
                .map(|holder| Row {
                    target,
                    who: who(&holder.cause),
                    level: holder.level,
                    ends: holder.expires_at,
                }),
        );
    }
    rows.sort();
    rows
}

fn who(cause: &Cause) -> Who {
    let number = |text: &str| {
        text.trim_start_matches(char::is_alphabetic)
            .parse()
            .unwrap()
    };
    match cause {
        Cause::Alert(alert) => Who::Alert(number(alert.fingerprint.as_str())),
        Cause::Errors => Who::Errors,
        Cause::Operator { name } => Who::Operator(number(name.as_str())),
        Cause::Others(_) => panic!("so few alerts never share a holder"),
    }
}

fn waiting(world: &World) -> Vec<(usize, u8, Time)> {
    let mut waiting = Vec::new();
    for target in 0..TARGETS {
        let record = world.book.record(&nth(target));
        for known in record.iter().flat_map(|record| &record.waiting) {
            let alert = known.alert.fingerprint.as_str().trim_start_matches('a');
            waiting.push((target, alert.parse().unwrap(), known.until));
        }
    }
    waiting.retain(|(.., until)| world.now < *until);
    waiting.sort_unstable();
    waiting
}

fn check_caps(world: &World) {
    let live = |app: &str, automatic: bool| {
        let sessions = (0..TARGETS).filter(|index| {
            let target = nth(*index);
            world.is_live(&target)
                && target.app.as_str().starts_with(app)
                && (!automatic || world.session(&target).source.is_automatic())
        });
        sessions.count()
    };
    assert!(live("", false) <= 5 && live("", true) <= 3);
    for app in ["cart", "shop"] {
        assert!(live(app, false) <= 3 && live(app, true) <= 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_book_is_what_the_plain_reference_says(
        lingers in any::<bool>(),
        steps in prop::collection::vec(step(), 1..70),
    ) {
        let mut world = World::with(policy(lingers));
        let mut reference = Reference::new(policy(lingers), START);
        for step in &steps {
            let (outcomes, wanted) = take(step, &mut world, &mut reference);
            prop_assert_eq!(outcomes, wanted, "{:?}", step);
            prop_assert_eq!(rows(&world), reference.rows(), "after {:?}", step);
            prop_assert_eq!(waiting(&world), reference.waiting(), "after {:?}", step);
            check_caps(&world);
            for target in 0..TARGETS {
                let granted = world.granted(&nth(target));
                prop_assert_eq!(granted, reference.granted(target), "after {:?}", step);
            }
        }
        // what waits may open once more; after that nothing may be left
        for _ in 0..2 {
            world.pass(24 * HOUR);
            world.sweep();
        }
        prop_assert_eq!(world.targets(), []);
    }

    #[test]
    fn in_any_crowd_a_session_keeps_its_bounds_and_ends(
        steps in prop::collection::vec((0..80_usize, 0..4_usize, 0..1_500_u64), 1..150),
    ) {
        let mut world = World::new();
        for (number, kind, seconds) in steps {
            match kind {
                0 => drop(world.enable(shop(), &format!("op{number}"), Level::Trace, HOUR)),
                1 => drop(world.observe((0..number).map(|it| alert(&format!("a{it}"))))),
                2 => drop(world.trigger(shop())),
                _ => drop(world.fire(since(world.now, &format!("a{number}")))),
            }
            world.pass(Duration::from_secs(seconds));
        }
        world.pass(4 * HOUR);
        prop_assert!(!world.is_live(&shop()));
    }
}
