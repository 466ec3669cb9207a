//! Replicas that share a Redis agree, and none of them loses anything.

use std::sync::Arc;

use autolog::domain::outcome::Outcome;
use autolog::domain::policy::{Caps, Policy};
use autolog::store::{Store, StoreError};

use super::{at_once, enable, id, list, outcome, replay, target};
use crate::backend::Server;

/// Applies again while other replicas are faster, as the service does by answering 503.
async fn insist(store: &dyn Store, text: &str) -> Outcome {
    let id = id();
    loop {
        let applied = store.apply(id, &enable(text)).await;
        if let Err(StoreError::Contended | StoreError::Unavailable(_)) = applied {
            continue;
        }
        return applied.unwrap().decision.outcomes[0];
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_replicas_lose_nothing_and_number_every_change() {
    let server = Server::start(&[]);
    let stores: Vec<Arc<dyn Store>> = vec![Arc::new(server.store()), Arc::new(server.store())];
    let start = list(&*stores[0]).await;
    let tasks: Vec<_> = (0..200)
        .map(|index| {
            let store = Arc::clone(&stores[index % 2]);
            tokio::spawn(async move { insist(&*store, &format!("app-{index}")).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Outcome::Opened);
    }
    let end = list(&*stores[0]).await;
    assert_eq!(end.position.seq, 200);
    for index in 0..200 {
        assert!(end.book.record(&target(&format!("app-{index}"))).is_some());
    }
    for store in stores {
        let (book, position) =
            replay(&*store, start.book.clone(), start.position.clone(), 200).await;
        assert_eq!(book, end.book);
        assert_eq!(position, end.position);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_keep_a_cap_together() {
    let server = Server::start(&[]);
    let caps = Caps {
        sessions: 7,
        ..Caps::default()
    };
    let policy = Policy {
        caps,
        ..Policy::default()
    };
    let stores: Vec<Arc<dyn Store>> = vec![
        Arc::new(server.store_with(policy.clone())),
        Arc::new(server.store_with(policy)),
    ];
    list(&*stores[0]).await;
    let tasks: Vec<_> = (0..20)
        .map(|index| {
            let store = Arc::clone(&stores[index % 2]);
            tokio::spawn(async move { insist(&*store, &format!("app-{index}")).await })
        })
        .collect();
    let mut opened = 0;
    for task in tasks {
        opened += usize::from(task.await.unwrap() == Outcome::Opened);
    }
    assert_eq!(opened, 7);
    assert_eq!(list(&*stores[0]).await.book.records().count(), 7);
}

#[tokio::test]
async fn replicas_that_find_the_store_empty_at_once_agree_on_its_epoch() {
    let server = Server::start(&[]);
    let stores = [server.store(), server.store(), server.store()];
    let (one, two, three) = tokio::join!(list(&stores[0]), list(&stores[1]), list(&stores[2]));
    assert_eq!(one.position, two.position);
    assert_eq!(one.position, three.position);
}

#[tokio::test]
async fn a_script_that_was_flushed_is_loaded_again() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    for index in 0..20 {
        server.run::<String>("SCRIPT FLUSH");
        let opened = at_once(&store, &enable(&format!("app-{index}"))).await;
        assert_eq!(opened, Outcome::Opened);
    }
    assert_eq!(list(&store).await.position.seq, 20);
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_nothing_half_done() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    for index in 0..50_u32 {
        let operation = enable(&format!("app-{index}"));
        let patience = std::time::Duration::from_micros(u64::from(index) * 40);
        let _gone_or_done = tokio::time::timeout(patience, store.apply(id(), &operation)).await;
    }
    let listing = list(&store).await;
    let records = u64::try_from(listing.book.records().count()).unwrap();
    assert_eq!(listing.position.seq, records);
    let indexed: u64 = server.run("ZCARD {al}:expiry");
    assert_eq!(indexed, records);
    assert_eq!(outcome(&store, &enable("next")).await, Outcome::Opened);
}
