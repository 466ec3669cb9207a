//! Whatever is done, every store makes of it what a plain book makes of it.

use std::sync::Arc;
use std::time::Duration;

use autolog::domain::book::Book;
use autolog::domain::holder::Cause;
use autolog::domain::level::Level;
use autolog::domain::name::{Operator, Reason};
use autolog::domain::operation::{Enable, Operation, Selection, SetFreeze, Trigger};
use autolog::domain::policy::{Caps, OnResolved, Policy};
use autolog::domain::time::Time;
use autolog::store::Store;
use autolog::store::embedded::Embedded;
use autolog::store::redis::Redis;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{LONG, alert, id, list, operator, replay, target};
use crate::backend::Server;

const TARGETS: [&str; 6] = [
    "a production",
    "a production /x",
    "a production /y",
    "a staging",
    "b production",
    "b production /x",
];

fn any_target() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(TARGETS.as_slice())
}

fn any_alert() -> impl Strategy<Value = autolog::domain::operation::Alert> {
    (any_target(), 0..6_u8, 0..3_i64, any::<bool>()).prop_map(|(text, which, episode, firing)| {
        let mut alert = alert(text, &format!("f{which}"));
        alert.starts_at = Time::from_millis(1_700_000_000_000 + episode);
        alert.firing = firing;
        alert
    })
}

fn any_enable() -> impl Strategy<Value = Operation> {
    (any_target(), 0..3_u8, any::<bool>()).prop_map(|(text, who, trace)| {
        Operation::Enable(Enable {
            target: target(text),
            by: Operator::parse(&format!("operator-{who}")).unwrap(),
            level: if trace { Level::Trace } else { Level::Debug },
            ttl: LONG,
            reason: Reason::default(),
        })
    })
}

fn any_disable() -> impl Strategy<Value = Operation> {
    (any_target(), 0..4_u8, any::<bool>()).prop_map(|(text, which, cools)| {
        let target = target(text);
        let selection = match which {
            0 => Selection::Everything,
            1 if target.endpoint.is_some() => Selection::Endpoint(target),
            _ => Selection::Place(target.place()),
        };
        let mut operation = super::disable(selection);
        if let Operation::Disable(disable) = &mut operation {
            disable.cooldown = cools.then_some(LONG);
        }
        operation
    })
}

fn any_freeze() -> impl Strategy<Value = Operation> {
    (any::<bool>(), any::<bool>()).prop_map(|(frozen, end_sessions)| {
        Operation::Freeze(SetFreeze {
            frozen,
            end_sessions,
            ttl: LONG,
            by: operator(),
            reason: Reason::default(),
            began_by: None,
        })
    })
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let trigger = |text| {
        Operation::Trigger(vec![Trigger {
            target: target(text),
            reason: Reason::default(),
        }])
    };
    let sweep = |texts: Vec<&str>| Operation::Sweep(texts.into_iter().map(target).collect());
    prop_oneof![
        6 => vec(any_alert(), 1..6).prop_map(Operation::Observe),
        2 => any_target().prop_map(trigger),
        4 => any_enable(),
        2 => any_disable(),
        1 => any_freeze(),
        2 => vec(any_target(), 1..4).prop_map(sweep),
    ]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    (1..6_usize, 1..4_usize, any::<bool>()).prop_map(|(sessions, automatic, lingers)| Policy {
        caps: Caps {
            sessions,
            sessions_per_app: 3,
            automatic,
            automatic_per_app: 2,
        },
        on_resolved: if lingers {
            OnResolved::Linger(Duration::from_mins(5))
        } else {
            OnResolved::Keep
        },
        ..Policy::default()
    })
}

/// What a book says, without the times and identities in which stores may differ.
fn shape(book: &Book) -> Vec<String> {
    let mut shape: Vec<String> = book
        .records()
        .map(|record| {
            let holders: Vec<String> = record
                .session
                .iter()
                .flat_map(|session| &session.holders)
                .map(|holder| match &holder.cause {
                    Cause::Alert(alert) => format!("{alert:?}"),
                    Cause::Others(_) | Cause::Errors | Cause::Operator { .. } => {
                        format!("{:?} {:?}", holder.cause, holder.level)
                    }
                })
                .collect();
            let waiting: Vec<String> = record
                .waiting
                .iter()
                .map(|waiting| format!("{:?} {:?}", waiting.alert, waiting.guardrail))
                .collect();
            let resolved: Vec<_> = record.resolved.iter().map(|memory| &memory.alert).collect();
            format!(
                "{} {:?} {holders:?} {waiting:?} {resolved:?} {} {} {}",
                record.target,
                record.session.as_ref().map(|session| session.source),
                record.cooldown_until.is_some(),
                record.exempt_until.is_some(),
                record.barred.len() + record.expired_firing.len(),
            )
        })
        .collect();
    let halt = book.halt();
    shape.push(format!(
        "{} {}",
        halt.freeze.is_some(),
        halt.cooldown_until.is_some()
    ));
    shape
}

/// Applies the operations to a store and to a plain book, and compares after each.
async fn agree(store: &dyn Store, policy: &Policy, operations: &[Operation]) {
    let start = list(store).await;
    let mut book = Book::default();
    for (step, operation) in operations.iter().enumerate() {
        let id = id();
        let mut ledger = book.ledger(&operation.scope(), start.now);
        let expected = operation.decide(&mut ledger, policy, id.bits());
        book.apply(&ledger.into_changes());
        let applied = store.apply(id, operation).await.unwrap();
        assert_eq!(applied.decision.outcomes, expected.outcomes, "step {step}");
        assert_eq!(
            applied.decision.events.len(),
            expected.events.len(),
            "step {step}"
        );
        let listing = list(store).await;
        assert_eq!(shape(&listing.book), shape(&book), "step {step}");
        assert_eq!(listing.position.seq, applied.seq, "step {step}");
    }
    let end = list(store).await;
    let (followed, _) = replay(store, start.book, start.position, end.position.seq).await;
    assert_eq!(followed, end.book);
}

#[test]
fn every_store_does_what_a_plain_book_does() {
    let server = Server::start(&[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });
    let cases = (any_policy(), vec(any_operation(), 1..40));
    let outcome = runner.run(&cases, |(policy, operations)| {
        let shared = Arc::new(policy.clone());
        let mut address = server.address();
        address.key_prefix = id().to_string();
        let redis = Redis::new(address, Arc::clone(&shared)).unwrap();
        runtime.block_on(agree(&redis, &policy, &operations));
        let memory = Embedded::in_memory(shared).unwrap();
        runtime.block_on(agree(&memory, &policy, &operations));
        Ok(())
    });
    outcome.unwrap();
}
