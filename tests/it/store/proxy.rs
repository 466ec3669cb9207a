//! Redis at the end of a bad wire.

use std::sync::Arc;
use std::time::{Duration, Instant};

use autolog::domain::book::Book;
use autolog::domain::outcome::Outcome;
use autolog::store::redis::{Endpoint, Redis};
use autolog::store::{Position, Store, StoreError};

use super::failover::{store_at, tended};
use super::{assert_unavailable, at_once, enable, id, list, outcome};
use crate::backend::{Server, within};
use crate::proxy::{End, Wire};
use crate::topology::{address, free_port, local};

async fn to(server: &Server) -> Wire {
    Wire::to(End::Socket(server.socket())).await
}

fn store(wire: &Wire) -> Redis {
    store_at(address(Endpoint::Tcp(local(wire.port()))))
}

#[tokio::test]
async fn connections_that_fell_silent_are_replaced_within_a_second_and_a_half() {
    let server = Server::start(&[]);
    let wire = to(&server).await;
    let store = store(&wire);
    let position = list(&store).await.position;
    assert_eq!(outcome(&store, &enable("before")).await, Outcome::Opened);
    wire.swallow();
    let started = Instant::now();
    assert_unavailable(&store.changes(&position).await);
    assert_eq!(store.changes(&position).await.unwrap().len(), 1);
    assert_eq!(at_once(&store, &enable("after")).await, Outcome::Opened);
    assert!(started.elapsed() < Duration::from_millis(1_500));
}

/// Asks until the condition holds, and tells how long that took.
async fn soon(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{what}: not yet"
        );
        tokio::time::sleep(Duration::from_millis(5)).await; // polls until the deadline
    }
    started.elapsed()
}

/// Follows the feed for ever, as the service does.
#[expect(clippy::infinite_loop, reason = "the test ends it")]
async fn follow(store: &Redis) {
    loop {
        let mut position = list_or_wait(store).await;
        while let Ok(changes) = store.changes(&position).await {
            if let Some(last) = changes.last() {
                position = last.position.clone();
            }
        }
    }
}

async fn list_or_wait(store: &Redis) -> Position {
    loop {
        match store.list(&Book::default()).await {
            Ok(listing) => return listing.position,
            Err(_away) => tokio::time::sleep(Duration::from_millis(50)).await, // as the feed does
        }
    }
}

#[tokio::test]
async fn idle_connections_that_fell_silent_are_both_rebuilt_soon() {
    let server = Server::start(&[]);
    let wire = to(&server).await;
    let store = tended(address(Endpoint::Tcp(local(wire.port()))));
    let following = store.share();
    let following = tokio::spawn(async move { follow(&following).await });
    soon("both connections", || wire.made() == 2).await;
    for round in 0..5 {
        // At another moment of their waits each time.
        tokio::time::sleep(Duration::from_millis(170 * round)).await;
        let made = wire.made();
        wire.swallow();
        let took = soon("both connections anew", || wire.made() >= made + 2).await;
        println!("fell silent: both rebuilt after {took:?}");
        // A second and a half are promised; this is what a busy machine may make of it.
        assert!(took < Duration::from_secs(3), "{took:?}");
        let after = enable(&format!("after-{round}"));
        assert_eq!(outcome(&*store, &after).await, Outcome::Opened);
    }
    following.abort();
}

#[tokio::test]
async fn idle_connections_cost_one_question_a_second() {
    let server = Server::start(&[]);
    let wire = to(&server).await;
    let store = tended(address(Endpoint::Tcp(local(wire.port()))));
    list(&*store).await;
    let pings = || {
        let stats: String = server.run("INFO commandstats");
        let of_ping = stats
            .lines()
            .find_map(|line| line.strip_prefix("cmdstat_ping:calls="));
        of_ping.map_or(0, |rest| {
            rest.split(',').next().unwrap().parse::<u64>().unwrap()
        })
    };
    soon("the first", || pings() > 1).await;
    let before = pings();
    tokio::time::sleep(Duration::from_secs(3)).await; // what happens meanwhile is counted
    let asked = pings() - before;
    assert!((1..=4).contains(&asked), "{asked}");
    assert_eq!(wire.made(), 2);
}

#[tokio::test]
async fn a_redis_that_is_away_is_looked_for_a_few_times_a_second() {
    let server = Server::start(&[]);
    let wire = to(&server).await;
    let store = tended(address(Endpoint::Tcp(local(wire.port()))));
    list(&*store).await;
    wire.cut();
    soon("the first attempts", || wire.made() > 4).await;
    let before = wire.made();
    tokio::time::sleep(Duration::from_secs(2)).await; // what happens meanwhile is counted
    let attempts = wire.made() - before;
    assert!((2..=20).contains(&attempts), "{attempts}");
}

#[tokio::test]
async fn one_write_on_a_connection_that_fell_silent_gets_through_all_the_same() {
    let server = Server::start(&[]);
    let wire = to(&server).await;
    let store = store(&wire);
    list(&store).await;
    assert_eq!(outcome(&store, &enable("before")).await, Outcome::Opened);
    wire.swallow();
    let started = Instant::now();
    assert_eq!(at_once(&store, &enable("after")).await, Outcome::Opened);
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_commit_is_asked_for_again() {
    let server = Server::start(&[]);
    let wire = to(&server).await;
    let store = store(&wire);
    list(&store).await;
    let mut seq = 0;
    for index in 0..20 {
        wire.lose_next_answer();
        let applied = store
            .apply(id(), &enable(&format!("app-{index}")))
            .await
            .unwrap();
        assert_eq!(applied.decision.outcomes, [Outcome::Opened]);
        seq += 1;
        assert_eq!(applied.seq, seq);
    }
    assert_eq!(list(&store).await.position.seq, 20);
}

#[tokio::test]
async fn errors_are_counted_once_though_the_answer_was_lost() {
    use autolog::domain::window::WindowRule;
    use autolog::store::{Counted, Tally};
    let server = Server::start(&[]);
    let wire = to(&server).await;
    let store = store(&wire);
    list(&store).await;
    let tallies = [Tally {
        target: super::target("shop"),
        errors: 1,
    }];
    let rule = WindowRule::default();
    for count in 1..=20 {
        wire.lose_next_answer();
        let counted = store.count(id(), &tallies, rule).await.unwrap();
        assert_eq!(counted, [Counted::Count(count)]);
    }
}

#[tokio::test]
async fn a_far_and_narrow_redis_is_a_redis() {
    let server = Server::start(&[]);
    let wire = to(&server).await;
    let store = store(&wire);
    wire.delay(Duration::from_millis(40));
    wire.narrow(1_000_000);
    list(&store).await;
    for index in 0..5 {
        let applied = store.apply(id(), &enable(&format!("app-{index}"))).await;
        assert_eq!(applied.unwrap().seq, index + 1);
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_again_and_again_does_nothing_twice() {
    let server = Server::start(&[]);
    let wire = Arc::new(to(&server).await);
    let store = store(&wire);
    list(&store).await;
    let resetting = Arc::clone(&wire);
    let resetting = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(15)).await; // the fault that is tested
            resetting.reset();
        }
    });
    for index in 0..100 {
        let (id, operation) = (id(), enable(&format!("app-{}", index % 40)));
        let mut applied = store.apply(id, &operation).await;
        while let Err(StoreError::Unavailable(_)) = applied {
            applied = store.apply(id, &operation).await;
        }
        let outcome = applied.unwrap().decision.outcomes[0];
        let expected = if index < 40 {
            Outcome::Opened
        } else {
            Outcome::Extended
        };
        assert_eq!(outcome, expected, "{index}");
    }
    resetting.abort();
    assert_eq!(list_or_wait(&store).await.seq, 100);
}

#[tokio::test]
async fn a_wire_that_is_cut_fails_at_once_and_works_when_it_is_mended() {
    let port = free_port();
    let server = Server::on_port(port, &[]);
    within(Duration::from_secs(10), || server.answers());
    let wire = Wire::to(End::Port(port)).await;
    let store = store(&wire);
    list(&store).await;
    wire.cut();
    for _ in 0..10 {
        let started = Instant::now();
        assert_unavailable(&store.apply(id(), &enable("shop")).await);
        assert!(started.elapsed() < Duration::from_millis(500));
    }
    wire.mend();
    assert_eq!(at_once(&store, &enable("shop")).await, Outcome::Opened);
}
