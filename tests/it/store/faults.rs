//! What goes wrong with a Redis: calls fail soon, nothing is half-written, and it works again soon.

use std::time::{Duration, Instant};

use autolog::domain::book::Book;
use autolog::domain::outcome::Outcome;
use autolog::domain::window::WindowRule;
use autolog::store::redis::Redis;
use autolog::store::{Store, Tally};

use super::{apply, assert_unavailable, at_once, enable, id, list, target};
use crate::backend::Server;

/// Every verb fails, each in less than a second.
async fn assert_away(store: &Redis) {
    let position = autolog::store::Position::default();
    let tallies = [Tally {
        target: target("shop"),
        errors: 1,
    }];
    for verb in ["apply", "count", "list", "changes"] {
        let started = Instant::now();
        match verb {
            "apply" => assert_unavailable(&store.apply(id(), &enable("away")).await),
            "count" => {
                assert_unavailable(&store.count(id(), &tallies, WindowRule::default()).await);
            }
            "list" => assert_unavailable(&store.list(&Book::default()).await),
            _ => assert_unavailable(&store.changes(&position).await),
        }
        let took = started.elapsed();
        assert!(took < Duration::from_secs(1), "{verb} took {took:?}");
    }
}

/// Applies until it works, and tells how long that took.
async fn until_it_works(store: &Redis, text: &str) -> Duration {
    let started = Instant::now();
    loop {
        let applied = store.apply(id(), &enable(text)).await;
        if applied.is_ok() {
            return started.elapsed();
        }
        assert_unavailable(&applied);
        tokio::time::sleep(Duration::from_millis(10)).await; // polls until the deadline
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_store_can_be_made_while_redis_is_away() {
    let mut server = Server::start(&[]);
    server.kill();
    let store = server.store();
    assert_away(&store).await;
    server.restart();
    list(&store).await;
    assert_eq!(at_once(&store, &enable("shop")).await, Outcome::Opened);
}

#[tokio::test]
async fn a_redis_that_was_killed_has_everything_when_it_is_back() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = server.store();
    list(&store).await;
    apply(&store, &enable("before")).await;
    let before = list(&store).await;
    server.kill();
    assert_away(&store).await;
    server.launch();
    assert!(until_it_works(&store, "after").await < Duration::from_secs(2));
    let after = list(&store).await;
    assert_eq!(after.position.epoch, before.position.epoch);
    assert_eq!(after.position.seq, before.position.seq + 1);
    assert!(after.book.record(&target("before")).is_some());
}

#[tokio::test]
async fn a_restart_between_two_writes_costs_nothing() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = server.store();
    list(&store).await;
    for index in 0..5 {
        server.restart();
        let opened = at_once(&store, &enable(&format!("app-{index}"))).await;
        assert_eq!(opened, Outcome::Opened);
    }
}

#[tokio::test]
async fn a_redis_that_stands_still_is_given_up_soon_and_found_again() {
    let server = Server::start(&[]);
    let store = server.store();
    let position = list(&store).await.position;
    apply(&store, &enable("before")).await;
    server.pause();
    assert_away(&store).await;
    server.resume();
    assert!(until_it_works(&store, "after").await < Duration::from_secs(2));
    assert!(!store.changes(&position).await.unwrap().is_empty());
    let book = list(&store).await.book;
    assert!(book.record(&target("before")).is_some());
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_decided_once() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    let id = id();
    server.pause();
    assert_unavailable(&store.apply(id, &enable("shop")).await);
    server.resume();
    let first = store.apply(id, &enable("shop")).await.unwrap();
    let again = store.apply(id, &enable("shop")).await.unwrap();
    assert_eq!(first.decision, again.decision);
    assert_eq!(list(&store).await.position.seq, 1);
}

#[tokio::test]
async fn a_follower_notices_within_a_second_that_redis_stands_still() {
    let server = Server::start(&[]);
    let store = server.store();
    let position = list(&store).await.position;
    let started = Instant::now();
    server.pause();
    assert_unavailable(&store.changes(&position).await);
    assert!(started.elapsed() < Duration::from_secs(1));
    server.resume();
}

#[tokio::test]
async fn a_replica_refuses_writes_and_gets_none() {
    let primary = Server::start(&[]);
    let store = primary.store();
    list(&store).await;
    primary.run::<String>("REPLICAOF 127.0.0.1 1");
    assert_unavailable(&store.apply(id(), &enable("shop")).await);
    let tallies = [Tally {
        target: target("shop"),
        errors: 1,
    }];
    assert_unavailable(&store.count(id(), &tallies, WindowRule::default()).await);
    primary.run::<String>("REPLICAOF NO ONE");
    assert_eq!(at_once(&store, &enable("shop")).await, Outcome::Opened);
}

#[tokio::test]
async fn a_redis_without_memory_refuses_writes_whole() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let store = server.store();
    list(&store).await;
    apply(&store, &enable("before")).await;
    let before = list(&store).await;
    server.run::<String>("CONFIG SET maxmemory 1");
    assert_unavailable(&store.apply(id(), &enable("shop")).await);
    let tallies = [Tally {
        target: target("shop"),
        errors: 1,
    }];
    assert_unavailable(&store.count(id(), &tallies, WindowRule::default()).await);
    let during = list(&store).await;
    assert_eq!(during.book, before.book);
    assert_eq!(during.position, before.position);
    assert_eq!(server.run::<i64>("ZCARD {al}:expiry"), 1);
    assert_eq!(server.run::<i64>("EXISTS {al}:windows"), 0);
    server.run::<String>("CONFIG SET maxmemory 0");
    assert_eq!(at_once(&store, &enable("shop")).await, Outcome::Opened);
}

#[tokio::test]
async fn a_redis_without_enough_replicas_refuses_writes_whole() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    server.run::<String>("CONFIG SET min-replicas-to-write 1");
    assert_unavailable(&store.apply(id(), &enable("shop")).await);
    server.run::<String>("CONFIG SET min-replicas-to-write 0");
    assert_eq!(at_once(&store, &enable("shop")).await, Outcome::Opened);
    assert_eq!(list(&store).await.position.seq, 1);
}
