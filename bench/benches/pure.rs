//! The parts that need nothing else: looking a session up, taking in a change, counting, reading a message.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use autolog::alertmanager::{Asks, Mapping};
use autolog::domain::book::Book;
use autolog::domain::operation::{Alert, Operation};
use autolog::domain::policy::Policy;
use autolog::domain::record::Record;
use autolog::domain::time::Time;
use autolog::domain::window::{Window, WindowRule};
use autolog::snapshot::Snapshot;
use autolog::store::{Change, Changed, Listing, Position};
use criterion::{Criterion, criterion_group, criterion_main};

const NOW: Time = Time::from_millis(1_795_000_000_000);
const SESSIONS: usize = 10_000;

/// A webhook's body with this many firing alerts.
fn body(alerts: usize) -> String {
    let alerts: Vec<String> = (0..alerts)
        .map(|number| {
            format!(
                r#"{{"status":"firing","fingerprint":"{number:016x}","startsAt":"2026-11-22T03:12:45.123Z","endsAt":"0001-01-01T00:00:00Z","labels":{{"alertname":"HighErrorRate","autolog":"true","severity":"critical","app":"app-{number}","environment":"production","cluster":"main"}},"annotations":{{"summary":"12 % of the requests fail"}},"generatorURL":"http://prometheus.example:9090/graph"}}"#
            )
        })
        .collect();
    format!(
        r#"{{"version":"4","status":"firing","alerts":[{}]}}"#,
        alerts.join(",")
    )
}

fn alerts(count: usize) -> Vec<Alert> {
    let message = Mapping::new(&Policy::default()).read(body(count).as_bytes(), false);
    let sightings = message.map(|message| message.sightings).unwrap_or_default();
    let asked = sightings
        .into_iter()
        .filter_map(|sighting| match sighting.asks {
            Asks::Session(alert) => Some(alert),
            Asks::Nothing | Asks::Unmapped(_) | Asks::Invalid(_) => None,
        });
    asked.collect()
}

/// A policy whose limits do not stand in the way.
fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.caps.sessions = usize::MAX;
    policy.caps.automatic = usize::MAX;
    policy
}

fn records(count: usize) -> Vec<Arc<Record>> {
    let operation = Operation::Observe(alerts(count));
    let mut ledger = Book::default().ledger(&operation.scope(), NOW);
    operation.decide(&mut ledger, &policy(), 0);
    ledger.into_changes().written
}

fn position(seq: u64) -> Position {
    Position {
        epoch: "bench".to_owned(),
        seq,
        ..Position::default()
    }
}

fn snapshot(records: Vec<Arc<Record>>) -> Snapshot {
    let snapshot = Snapshot::new(Arc::new(policy()));
    snapshot.replace(Listing {
        position: position(0),
        now: NOW,
        asked: Instant::now(),
        book: Book::new(records, autolog::domain::halt::Halt::default()),
    });
    snapshot
}

fn pure(criterion: &mut Criterion) {
    let records = records(SESSIONS);
    assert_eq!(records.len(), SESSIONS, "every alert opens a session");
    let memory = snapshot(records.clone());
    criterion.bench_function("look up one of 10,000 sessions", |bencher| {
        bencher.iter(|| {
            let found = memory.look_up(black_box("app-7"), "production");
            found.and_then(|found| found.view.map(|view| view.shown(found.now)))
        });
    });
    let mut seq = 0;
    let changed = records.first().cloned();
    criterion.bench_function("take in one change among 10,000 sessions", |bencher| {
        bencher.iter(|| {
            seq += 1;
            let what = changed.clone().map(Changed::Written);
            let change = what.map(|what| Change {
                position: position(seq),
                what,
            });
            memory.apply(change.into_iter().collect())
        });
    });
    criterion.bench_function("take in all of 10,000 sessions", |bencher| {
        bencher.iter_with_large_drop(|| snapshot(records.clone()));
    });
    let (mut window, rule) = (Window::default(), WindowRule::default());
    let mut now = NOW;
    criterion.bench_function("count an error in a window", |bencher| {
        bencher.iter(|| {
            now = now + Duration::from_millis(7);
            window.add(1, now, rule)
        });
    });
    let (mapping, message) = (Mapping::new(&policy()), body(100));
    criterion.bench_function("read a message of 100 alerts", |bencher| {
        bencher.iter(|| mapping.read(black_box(message.as_bytes()), false));
    });
    let operation = Operation::Observe(alerts(100));
    criterion.bench_function("decide on 100 alerts", |bencher| {
        bencher.iter(|| {
            let mut ledger = Book::default().ledger(&operation.scope(), NOW);
            operation.decide(&mut ledger, &policy(), 0);
            ledger.into_changes()
        });
    });
}

criterion_group!(benches, pure);
criterion_main!(benches);
