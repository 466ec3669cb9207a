//! What every store must do, and what only Redis can do wrong.

use std::time::{Duration, Instant};

use autolog::domain::book::Book;
use autolog::domain::level::Level;
use autolog::domain::name::{App, Endpoint, Environment, Fingerprint, Operator, Reason};
use autolog::domain::operation::{Alert, Disable, Enable, Operation, Selection, SetFreeze};
use autolog::domain::outcome::Outcome;
use autolog::domain::target::Target;
use autolog::domain::time::Time;
use autolog::store::{Applied, Changed, Listing, OpId, Position, Store, StoreError};

mod address;
mod atomic;
mod cluster;
mod concurrent;
mod failover;
mod faults;
mod feed;
mod history;
mod keys;
mod migrations;
mod model;
mod proxy;
mod scope;
mod sentinel;
mod tls;
mod windows;

/// How long a busy machine may be late.
const PATIENCE: Duration = Duration::from_secs(10);

/// Long enough that nothing lapses while a test runs.
const LONG: Duration = Duration::from_mins(30);

fn target(text: &str) -> Target {
    let mut parts = text.splitn(3, ' ');
    Target {
        app: App::parse(parts.next().unwrap()).unwrap(),
        environment: Environment::parse(parts.next().unwrap_or("production")).unwrap(),
        endpoint: parts.next().map(|name| Endpoint::parse(name).unwrap()),
    }
}

fn operator() -> Operator {
    Operator::parse("alice").unwrap()
}

fn enable_for(text: &str, ttl: Duration) -> Operation {
    Operation::Enable(Enable {
        target: target(text),
        by: operator(),
        level: Level::Debug,
        ttl,
        reason: Reason::parse("to see why").unwrap(),
    })
}

fn enable(text: &str) -> Operation {
    enable_for(text, LONG)
}

fn disable(selection: Selection) -> Operation {
    Operation::Disable(Disable {
        selection,
        by: operator(),
        cooldown: Some(Duration::ZERO),
        reason: Reason::default(),
        began_by: None,
    })
}

fn freeze(end_sessions: bool) -> Operation {
    Operation::Freeze(SetFreeze {
        frozen: true,
        end_sessions,
        ttl: LONG,
        by: operator(),
        reason: Reason::default(),
        began_by: None,
    })
}

fn alert(text: &str, fingerprint: &str) -> Alert {
    Alert {
        target: target(text),
        fingerprint: Fingerprint::parse(fingerprint).unwrap(),
        starts_at: Time::from_millis(1_700_000_000_000),
        firing: true,
        ttl: None,
        endpoint: None,
        reason: Reason::parse("HighErrorRate").unwrap(),
    }
}

fn id() -> OpId {
    OpId::random().unwrap()
}

/// Applies, again and again if it must, as whoever gets a 503 does: a busy machine may be late.
async fn apply(store: &dyn Store, operation: &Operation) -> Applied {
    let (id, started) = (id(), Instant::now());
    loop {
        match store.apply(id, operation).await {
            Err(StoreError::Unavailable(_)) if started.elapsed() < PATIENCE => {}
            applied => return applied.unwrap(),
        }
    }
}

/// Applies at the first attempt.
async fn at_once(store: &dyn Store, operation: &Operation) -> Outcome {
    let applied = store.apply(id(), operation).await.unwrap();
    applied.decision.outcomes[0]
}

async fn outcome(store: &dyn Store, operation: &Operation) -> Outcome {
    apply(store, operation).await.decision.outcomes[0]
}

/// Reads everything, again and again if it must: a busy machine may be late.
async fn list(store: &dyn Store) -> Listing {
    let started = Instant::now();
    loop {
        match store.list(&Book::default()).await {
            Err(StoreError::Unavailable(_)) if started.elapsed() < PATIENCE => {}
            listed => return listed.unwrap(),
        }
    }
}

/// Reads the feed from `position` up to the change with number `seq`, and what it makes of `book`.
async fn replay(
    store: &dyn Store,
    mut book: Book,
    mut position: Position,
    seq: u64,
) -> (Book, Position) {
    while position.seq < seq {
        for change in store.changes(&position).await.unwrap() {
            assert_eq!(change.position.seq, position.seq + 1);
            position = change.position;
            match change.what {
                Changed::Written(record) => book.put(record),
                Changed::Removed(target) => book.remove(&target),
                Changed::Halt(halt) => book.set_halt(halt),
            }
        }
    }
    (book, position)
}

/// Fails unless `result` says that the store is unavailable.
#[track_caller]
fn assert_unavailable<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(
        matches!(result, Err(StoreError::Unavailable(_))),
        "{result:?}"
    );
}
