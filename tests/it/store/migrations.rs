//! Newer versions bring the key space along, and older ones keep away from what they do not understand.

use std::sync::Arc;

use autolog::domain::book::Book;
use autolog::domain::operation::Operation;
use autolog::domain::policy::Policy;
use autolog::domain::window::WindowRule;
use autolog::store::redis::{Migration, Redis};
use autolog::store::{SCHEMA, Store, StoreError, Tally};

use super::{alert, apply, enable, id, list, target};
use crate::backend::{Server, words};

/// A key space of schema 1 as the first version wrote it, one command a line.
const FIRST: &str = include_str!("schema-1.txt");

/// A second step: it counts how often it was taken, and only newer versions may write after it.
const SECOND: &str = r"
if redis.call('HGET', KEYS[5], 'schema') ~= '1' then
  return 0
end
redis.call('HINCRBY', KEYS[5], 'steps', 1)
redis.call('HSET', KEYS[5], 'schema', '2', 'min_compatible', '2')
return 1
";

fn with_second(server: &Server) -> Redis {
    let mut migrations = Migration::all();
    migrations.push(Migration::new(2, SECOND));
    Redis::with_migrations(server.address(), Arc::new(Policy::default()), migrations).unwrap()
}

fn recorded() -> Server {
    let server = Server::start(&[]);
    for line in FIRST.lines().filter(|line| !line.is_empty()) {
        server.try_run::<redis::Value>(&words(line)).unwrap();
    }
    server
}

#[test]
fn the_migrations_lead_to_the_schema_of_this_version() {
    let steps = Migration::all();
    assert_eq!(steps.len(), usize::try_from(SCHEMA).unwrap());
}

#[tokio::test]
async fn the_first_key_space_is_still_understood() {
    let server = recorded();
    let listing = list(&server.store()).await;
    let record = listing.book.record(&target("shop")).unwrap();
    let session = record.session.as_ref().unwrap();
    assert_eq!(session.holders.len(), 2);
    assert_eq!(listing.position.seq, 4);
    let applied = apply(&server.store(), &enable("mail")).await;
    assert_eq!(applied.seq, 5);
}

#[tokio::test]
async fn a_newer_version_migrates_once_whoever_comes_first() {
    let server = recorded();
    let stores = [with_second(&server), with_second(&server)];
    let (one, two) = tokio::join!(list(&stores[0]), list(&stores[1]));
    assert_eq!(one.book, two.book);
    assert_eq!(one.position.seq, 4);
    assert_eq!(server.run::<i64>("HGET {al}:meta schema"), 2);
    assert_eq!(server.run::<i64>("HGET {al}:meta steps"), 1);
    apply(&stores[1], &enable("mail")).await;
}

#[tokio::test]
async fn an_empty_store_takes_every_step_and_the_seed() {
    let server = Server::start(&[]);
    let other = Server::start(&[]);
    let source = other.store();
    list(&source).await;
    apply(&source, &enable("shop")).await;
    let seed = list(&source).await.book;
    let store = with_second(&server);
    assert_eq!(store.list(&seed).await.unwrap().book, seed);
    assert_eq!(server.run::<i64>("HGET {al}:meta schema"), 2);
}

#[tokio::test]
async fn an_older_version_refuses_what_only_newer_ones_may_write() {
    let server = recorded();
    let old = server.store();
    let position = list(&old).await.position;
    list(&with_second(&server)).await;

    let rule = WindowRule::default();
    let tallies = [Tally {
        target: target("shop"),
        errors: 1,
    }];
    for error in [
        old.apply(id(), &enable("shop")).await.unwrap_err(),
        old.list(&Book::default()).await.unwrap_err(),
        old.count(id(), &tallies, rule).await.unwrap_err(),
    ] {
        assert!(
            matches!(error, StoreError::TooNew { needed: 2, ours: 1 }),
            "{error:?}"
        );
    }
    assert!(old.changes(&position).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_older_version_writes_beside_a_newer_one_that_lets_it() {
    let server = recorded();
    server.run::<i64>("HSET {al}:meta schema 7 min_compatible 1");
    let store = server.store();
    list(&store).await;
    assert_eq!(apply(&store, &enable("mail")).await.seq, 5);
}

#[tokio::test]
async fn a_newer_version_does_not_write_before_it_has_migrated() {
    let server = recorded();
    let store = with_second(&server);
    super::assert_unavailable(&store.apply(id(), &enable("mail")).await);
    list(&store).await;
    apply(&store, &enable("mail")).await;
}

#[tokio::test]
async fn what_a_newer_version_has_added_survives_the_writes_of_an_older_one() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    apply(&store, &enable("shop")).await;
    let field = "shop\0production\0".to_owned();
    let read = || -> serde_json::Value {
        let text: String = server
            .try_run(&["HGET".into(), "{al}:records".into(), field.clone()])
            .unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let mut newer = read();
    newer["quota"] = serde_json::json!({"minutes": 480});
    newer["session"]["colour"] = "red".into();
    newer["session"]["holders"][0]["ticket"] = 12.into();
    let words = ["HSET", "{al}:records", &field, &newer.to_string()].map(str::to_owned);
    server.try_run::<u64>(&words).unwrap();

    apply(&store, &Operation::Observe(vec![alert("shop", "f1")])).await;

    let written = read();
    assert_eq!(written["session"]["holders"].as_array().unwrap().len(), 2);
    assert_eq!(written["quota"]["minutes"], 480);
    assert_eq!(written["session"]["colour"], "red");
    assert_eq!(written["session"]["holders"][0]["ticket"], 12);
    assert!(written["session"]["holders"][1].get("ticket").is_none());
}
