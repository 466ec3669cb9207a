//! The change feed is whole, or says that it is not.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use autolog::domain::operation::{Operation, Selection};
use autolog::domain::policy::Policy;
use autolog::store::{FEED_WAIT, OpId, Position, Store, StoreError};
use rstest::rstest;

use super::{alert, apply, disable, enable, freeze, list, replay};
use crate::backend::{Backend, Server};

/// How many write at once.
const WRITERS: u64 = 200;

#[rstest]
#[tokio::test]
async fn the_feed_waits_a_while_and_then_tells_that_nothing_happened(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let position = list(&*world.store).await.position;
    let started = Instant::now();
    let changes = world.store.changes(&position).await.unwrap();
    assert!(changes.is_empty());
    assert!(started.elapsed() < FEED_WAIT + Duration::from_millis(400));
}

#[rstest]
#[tokio::test]
async fn a_follower_who_waits_is_woken_by_a_change(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let position = list(&*world.store).await.position;
    let operation = enable("shop");
    let (changes, _) = tokio::join!(
        world.store.changes(&position),
        apply(&*world.store, &operation)
    );
    assert_eq!(changes.unwrap().len(), 1);
}

/// Follows the feed while many write at once.
async fn write_under_a_follower(backend: Backend) {
    let world = backend.start(Policy::default()).await;
    let mut position = list(&*world.store).await.position;
    let writers = (0..WRITERS).map(|index| {
        let store = Arc::clone(&world.store);
        tokio::spawn(async move { apply(&*store, &enable(&format!("app-{index}"))).await })
    });
    let writers: Vec<_> = writers.collect();
    while position.seq < WRITERS {
        let changes = world.store.changes(&position).await.unwrap();
        position = changes
            .last()
            .map_or(position, |last| last.position.clone());
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

#[rstest]
fn a_follower_never_stands_in_the_way_of_writers(
    #[values(Backend::Memory, Backend::Disk)] backend: Backend,
) {
    let (done, wait) = mpsc::channel();
    // A runtime that hangs cannot tell so itself.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(write_under_a_follower(backend));
        done.send(()).unwrap();
    });
    wait.recv_timeout(Duration::from_mins(1)).unwrap();
}

#[rstest]
#[tokio::test]
async fn whoever_follows_has_the_same_book_as_whoever_lists(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let start = list(&*world.store).await;
    let alerts = ["a", "b", "c production /x"]
        .map(|text| alert(text, "1"))
        .to_vec();
    for operation in [
        enable("a"),
        Operation::Observe(alerts),
        disable(Selection::Everything),
        freeze(false),
        enable("b"),
    ] {
        apply(&*world.store, &operation).await;
    }
    let end = list(&*world.store).await;
    let (book, position) =
        replay(&*world.store, start.book, start.position, end.position.seq).await;
    assert_eq!(book, end.book);
    assert_eq!(position, end.position);
}

#[rstest]
#[tokio::test]
async fn a_position_of_another_life_or_of_the_future_is_a_gap(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    apply(&*world.store, &enable("shop")).await;
    let position = list(&*world.store).await.position;
    let other_life = Position {
        epoch: OpId::random().unwrap().to_string(),
        ..position.clone()
    };
    let future = Position {
        seq: position.seq + 1,
        ..position
    };
    for wrong in [other_life, future] {
        let changes = world.store.changes(&wrong).await;
        assert!(matches!(changes, Err(StoreError::Gap)), "{changes:?}");
    }
}

#[tokio::test]
async fn a_feed_that_was_trimmed_past_its_reader_is_a_gap() {
    let server = Server::start(&[]);
    let store = server.store();
    let start = list(&store).await.position;
    for app in ["a", "b", "c"] {
        apply(&store, &enable(app)).await;
    }
    server.run::<i64>("XTRIM {al}:feed MAXLEN = 1");
    let changes = store.changes(&start).await;
    assert!(matches!(changes, Err(StoreError::Gap)), "{changes:?}");
}

#[tokio::test]
async fn a_feed_that_was_deleted_with_unread_changes_is_a_gap() {
    let server = Server::start(&[]);
    let store = server.store();
    let start = list(&store).await.position;
    apply(&store, &enable("shop")).await;
    server.run::<i64>("DEL {al}:feed");
    let changes = store.changes(&start).await;
    assert!(matches!(changes, Err(StoreError::Gap)), "{changes:?}");
    let position = list(&store).await.position;
    apply(&store, &enable("next")).await;
    assert_eq!(store.changes(&position).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_that_fell_back_behind_its_reader_is_a_gap() {
    let server = Server::start(&[]);
    let store = server.store();
    apply_two_and_fall_back(&server, &store).await;
}

/// Loses the last change as a failover to a replica that lagged behind does.
async fn apply_two_and_fall_back(server: &Server, store: &dyn Store) {
    list(store).await;
    apply(store, &enable("a")).await;
    let kept = list(store).await.position;
    apply(store, &enable("b")).await;
    let seen = list(store).await.position;
    server.run::<i64>(&format!("XDEL {{al}}:feed {}", seen.id));
    server.run::<i64>(&format!(
        "HSET {{al}}:meta seq {} chain {}",
        kept.seq, kept.chain
    ));
    let changes = store.changes(&seen).await;
    assert!(matches!(changes, Err(StoreError::Gap)), "{changes:?}");
}

#[tokio::test]
async fn an_entry_that_does_not_follow_from_what_was_read_is_a_gap() {
    let server = Server::start(&[]);
    let store = server.store();
    let position = list(&store).await.position;
    apply(&store, &enable("shop")).await;
    let lost_and_written_anew = Position {
        chain: "another history of the same length".to_owned(),
        ..position.clone()
    };
    let changes = store.changes(&lost_and_written_anew).await;
    assert!(matches!(changes, Err(StoreError::Gap)), "{changes:?}");
    assert_eq!(store.changes(&position).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_entry_that_this_version_does_not_know_is_a_gap() {
    let server = Server::start(&[]);
    let store = server.store();
    let position = list(&store).await.position;
    let epoch = &position.epoch;
    server.run::<String>(&format!(
        "XADD {{al}}:feed * epoch {epoch} seq 1 chain x op merge payload x"
    ));
    let changes = store.changes(&position).await;
    assert!(matches!(changes, Err(StoreError::Gap)), "{changes:?}");
}

#[tokio::test]
async fn the_chain_is_the_hash_over_every_payload() {
    let server = Server::start(&[]);
    let store = server.store();
    let start = list(&store).await.position;
    apply(&store, &enable("a")).await;
    apply(
        &store,
        &Operation::Observe(vec![alert("a", "1"), alert("b", "1")]),
    )
    .await;
    apply(&store, &disable(Selection::Everything)).await;
    apply(&store, &freeze(false)).await;
    let end = list(&store).await.position;

    let entries: redis::streams::StreamRangeReply = server.run("XRANGE {al}:feed - +");
    let mut chain = start.chain;
    for entry in entries.ids {
        let payload: String = entry.get("payload").unwrap();
        // The library names a script by the SHA-1 of its text.
        chain = redis::Script::new(&format!("{chain}{payload}"))
            .get_hash()
            .to_owned();
        assert_eq!(entry.get::<String>("chain").unwrap(), chain);
    }
    assert_eq!(end.chain, chain);
}

#[tokio::test]
async fn the_feed_stays_short() {
    let server = Server::start(&[]);
    let mut policy = Policy::default();
    policy.caps.automatic = 1_000;
    let store = server.store_with(policy);
    list(&store).await;
    let alerts: Vec<_> = (0..500)
        .map(|index| alert(&format!("app-{index}"), "1"))
        .collect();
    let observe = Operation::Observe(alerts);
    for _ in 0..11 {
        apply(&store, &observe).await;
        apply(&store, &disable(Selection::Everything)).await;
    }
    assert_eq!(list(&store).await.position.seq, 11_000);
    let length: u64 = server.run("XLEN {al}:feed");
    assert!((10_000..10_200).contains(&length), "{length}");
}
