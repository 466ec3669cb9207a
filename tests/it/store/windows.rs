//! Errors are counted in sliding windows, once, and in bounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use autolog::domain::policy::Policy;
use autolog::domain::window::WindowRule;
use autolog::store::{Counted, Tally};
use rstest::rstest;

use super::{id, list, target};
use crate::backend::{Backend, Server};

fn tally(text: &str, errors: u64) -> Tally {
    Tally {
        target: target(text),
        errors,
    }
}

#[rstest]
#[tokio::test]
async fn errors_add_up_per_target(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let tallies = [tally("a", 3), tally("b", 1), tally("a production /x", 2)];
    let first = world
        .store
        .count(id(), &tallies, WindowRule::default())
        .await
        .unwrap();
    assert_eq!(first, [3, 1, 2].map(Counted::Count));
    let tallies = [tally("a", 4), tally("a", 1), tally("a production /x", 5)];
    let second = world
        .store
        .count(id(), &tallies, WindowRule::default())
        .await
        .unwrap();
    assert_eq!(second, [7, 8, 7].map(Counted::Count));
}

#[rstest]
#[tokio::test]
async fn counting_the_same_again_counts_nothing(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let tallies: Vec<Tally> = (0..450)
        .map(|index| tally(&format!("app-{index}"), 2))
        .collect();
    let id = id();
    for _ in 0..2 {
        let counted = world
            .store
            .count(id, &tallies, WindowRule::default())
            .await
            .unwrap();
        assert_eq!(counted, vec![Counted::Count(2); 450]);
    }
    let counted = world
        .store
        .count(super::id(), &tallies[449..], WindowRule::default())
        .await
        .unwrap();
    assert_eq!(counted, [Counted::Count(4)]);
}

#[rstest]
#[tokio::test]
async fn errors_slide_out_of_the_window(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let rule = WindowRule {
        length: Duration::from_secs(1),
        ..WindowRule::default()
    };
    let count = |errors| {
        let tallies = [tally("a", errors)];
        let store = Arc::clone(&world.store);
        async move { store.count(id(), &tallies, rule).await.unwrap()[0] }
    };
    assert_eq!(count(5).await, Counted::Count(5));
    assert_eq!(count(1).await, Counted::Count(6));
    let started = Instant::now();
    while count(0).await != Counted::Count(0) {
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    assert!(started.elapsed() > Duration::from_millis(800));
}

#[rstest]
#[tokio::test]
async fn one_application_cannot_take_all_windows(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let rule = WindowRule::default();
    let tallies: Vec<Tally> = (0..rule.max_windows_per_app + 10)
        .map(|index| tally(&format!("shop production /{index}"), 1))
        .collect();
    let counted = world.store.count(id(), &tallies, rule).await.unwrap();
    let full = counted
        .iter()
        .filter(|counted| **counted == Counted::Full)
        .count();
    assert_eq!(full, 10);
    assert_eq!(counted[0], Counted::Count(1));
    assert_eq!(counted[rule.max_windows_per_app], Counted::Full);
    let others = [tally("shop production /0", 1), tally("other", 1)];
    let counted = world.store.count(id(), &others, rule).await.unwrap();
    assert_eq!(counted, [2, 1].map(Counted::Count));
}

#[rstest]
#[tokio::test]
async fn there_are_never_more_windows_than_may_be(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let rule = WindowRule {
        max_windows: 3,
        ..WindowRule::default()
    };
    let tallies = ["a", "b", "a", "c", "d", "b"].map(|app| tally(app, 1));
    let counted = world.store.count(id(), &tallies, rule).await.unwrap();
    let [one, two] = [1, 2].map(Counted::Count);
    assert_eq!(counted, [one, one, two, one, Counted::Full, two]);
}

#[rstest]
#[tokio::test]
async fn a_window_that_is_over_makes_room(
    #[values(Backend::Memory, Backend::Disk, Backend::Redis)] backend: Backend,
) {
    let world = backend.start(Policy::default()).await;
    let rule = WindowRule {
        length: Duration::from_millis(400),
        ..WindowRule::default()
    };
    let tallies: Vec<Tally> = (0..WindowRule::default().max_windows_per_app)
        .map(|index| tally(&format!("shop production /{index}"), 1))
        .collect();
    world.store.count(id(), &tallies, rule).await.unwrap();
    let started = Instant::now();
    let next = [tally("shop", 1)];
    while world.store.count(id(), &next, rule).await.unwrap() == [Counted::Full] {
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn no_window_stays_in_redis_for_ever() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    let tallies = [tally("a", 1), tally("b production /x", 1)];
    autolog::store::Store::count(&store, id(), &tallies, WindowRule::default())
        .await
        .unwrap();
    let keys: Vec<String> = server.run("KEYS {al}:window*");
    assert_eq!(keys.len(), 5, "{keys:?}");
    for key in keys {
        let ttl: i64 = server.try_run(&["PTTL".to_owned(), key.clone()]).unwrap();
        assert!((1..=600_000).contains(&ttl), "{key:?}: {ttl}");
    }
    let remembered: Vec<String> = server.run("KEYS {al}:op:*");
    let ttl: i64 = server.run(&format!("PTTL {}", remembered[0]));
    assert!((1..=600_000).contains(&ttl), "{ttl}");
}
