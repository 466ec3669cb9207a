//! What lies in Redis, beside what, and for how long.

use std::sync::Arc;

use autolog::domain::book::Book;
use autolog::domain::operation::{Operation, Selection};
use autolog::domain::policy::Policy;
use autolog::store::redis::Redis;
use autolog::store::{Store, StoreError};

use super::{alert, apply, assert_unavailable, disable, enable, freeze, id, list, outcome, target};
use crate::backend::Server;

#[tokio::test]
async fn another_prefix_is_another_store() {
    let server = Server::start(&[]);
    let store = server.store();
    let mut address = server.address();
    "other".clone_into(&mut address.key_prefix);
    let other = Redis::new(address, Arc::new(Policy::default())).unwrap();
    list(&store).await;
    list(&other).await;
    apply(&store, &enable("shop")).await;
    apply(&other, &enable("mail")).await;
    apply(&other, &disable(Selection::Everything)).await;
    assert!(list(&store).await.book.record(&target("shop")).is_some());
    assert_eq!(list(&other).await.book.records().count(), 0);
    let keys: Vec<String> = server.run("KEYS *");
    let ours = |key: &String| key.starts_with("{al}:") || key.starts_with("{other}:");
    assert!(keys.iter().all(ours), "{keys:?}");
}

#[tokio::test]
async fn another_database_is_another_store() {
    let server = Server::start(&[]);
    let mut address = server.address();
    address.database = 3;
    let store = Redis::new(address, Arc::new(Policy::default())).unwrap();
    list(&store).await;
    apply(&store, &enable("shop")).await;
    assert_eq!(server.run::<u64>("DBSIZE"), 0);
    assert_eq!(list(&server.store()).await.book.records().count(), 0);
}

#[tokio::test]
async fn the_records_have_no_ttl_and_every_index_says_the_same() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    let alerts = vec![alert("a", "1"), alert("b", "1")];
    apply(&store, &Operation::Observe(alerts)).await;
    apply(&store, &enable("c production /x")).await;
    let place = target("b").place();
    apply(&store, &disable(Selection::Place(place))).await;
    for (key, expected) in [
        ("HLEN {al}:records", 2),
        ("ZCARD {al}:expiry", 2),
        ("ZCARD {al}:automatic", 1),
        ("ZCARD {al}:targets", 2),
        ("XLEN {al}:feed", 4),
        ("PTTL {al}:records", -1),
        ("PTTL {al}:meta", -1),
        ("PTTL {al}:feed", -1),
    ] {
        assert_eq!(server.run::<i64>(key), expected, "{key}");
    }
    let end: i64 = server
        .try_run(&crate::backend::words(
            "ZSCORE {al}:expiry 'c\\0production\\0/x'",
        ))
        .unwrap();
    let book = list(&store).await.book;
    let session = book
        .record(&target("c production /x"))
        .unwrap()
        .session
        .clone();
    assert_eq!(session.unwrap().end().as_millis(), end);
    assert_eq!(server.run::<i64>("HGET {al}:meta schema"), 1);
    assert_eq!(server.run::<i64>("HGET {al}:meta min_compatible"), 1);
}

#[tokio::test]
async fn a_store_that_was_emptied_takes_over_what_a_replica_remembers() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    apply(&store, &enable("a")).await;
    apply(&store, &Operation::Observe(vec![alert("b", "1")])).await;
    apply(&store, &freeze(false)).await;
    let before = list(&store).await;

    server.run::<String>("FLUSHALL");
    assert_unavailable(&store.apply(id(), &enable("too-early")).await);
    let gap = store.changes(&before.position).await;
    assert!(matches!(gap, Err(StoreError::Gap)), "{gap:?}");

    let after = store.list(&before.book).await.unwrap();
    assert_eq!(after.book, before.book, "with the original expiries");
    assert_ne!(after.position.epoch, before.position.epoch);
    assert_eq!(after.position.seq, 0);
    let other = server.store().list(&Book::default()).await.unwrap();
    assert_eq!(other.book, before.book);
    for (key, expected) in [
        ("ZCARD {al}:expiry", 2),
        ("ZCARD {al}:automatic", 1),
        ("ZCARD {al}:targets", 2),
    ] {
        assert_eq!(server.run::<i64>(key), expected, "{key}");
    }
    apply(&store, &disable(Selection::Everything)).await;
    assert_eq!(store.changes(&after.position).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_store_that_has_records_ignores_what_a_replica_remembers() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    apply(&store, &enable("a")).await;
    let old = list(&store).await.book;
    apply(&store, &disable(Selection::Everything)).await;
    assert_eq!(store.list(&old).await.unwrap().book.records().count(), 0);
}

#[tokio::test]
async fn records_that_cannot_be_read_are_said_to_be_so() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    apply(&store, &enable("a")).await;
    server
        .try_run::<i64>(&crate::backend::words(
            "HSET {al}:records 'a\\0production\\0' nonsense",
        ))
        .unwrap();
    let listed = store.list(&Book::default()).await;
    assert!(matches!(listed, Err(StoreError::Corrupt(_))), "{listed:?}");
    let applied = store.apply(id(), &enable("a")).await;
    assert!(
        matches!(applied, Err(StoreError::Corrupt(_))),
        "{applied:?}"
    );
    let other = outcome(&store, &enable("b")).await;
    assert_eq!(other, autolog::domain::outcome::Outcome::Opened);
}

#[tokio::test]
async fn a_foreign_key_in_the_way_of_the_feed_leaves_nothing_half_written() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    server.run::<String>("SET {al}:feed foreign");
    let applied = store.apply(id(), &enable("a")).await;
    assert!(applied.is_err(), "{applied:?}");
    assert_eq!(server.run::<i64>("HLEN {al}:records"), 0);
    assert_eq!(server.run::<i64>("HGET {al}:meta seq"), 0);
}
