//! A Redis Cluster: the owner of our slot is followed wherever it goes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use autolog::domain::outcome::Outcome;
use autolog::store::redis::Login;
use autolog::store::{Store, StoreError};
use secrecy::SecretString;

use super::address::admit;
use super::failover::{FAILOVER, tended, until_it_works};
use super::{assert_unavailable, enable, id, list, outcome, target};
use crate::backend::within;
use crate::topology::{Cluster, Move};

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_found_from_any_node_and_followed_when_it_dies() {
    let mut cluster = Cluster::start(&[]);
    cluster.servers.iter().for_each(admit);
    let login = Login {
        username: Some("autolog".to_owned()),
        password: Some(SecretString::from("not-a-real-password")),
    };
    let address = |seeds: &[usize]| {
        let mut address = cluster.address(seeds);
        address.login = login.clone();
        address
    };
    // By a primary that does not own the slot, and by a replica.
    for seed in [1, 5] {
        let found = tended(address(&[seed]));
        list(&*found).await;
        let opened = outcome(&*found, &enable(&format!("by-{seed}"))).await;
        assert_eq!(opened, Outcome::Opened);
    }
    let store = tended(address(&[0, 1]));
    let position = list(&*store).await.position;
    assert_eq!(position.seq, 2);
    assert_eq!(cluster.servers[0].run::<i64>("HLEN {al}:records"), 2);
    within(FAILOVER, || cluster.servers[0].is_replicated());
    for server in &cluster.servers {
        let refused: Vec<redis::Value> = server.run("ACL LOG");
        assert!(refused.is_empty(), "{refused:?}");
    }

    cluster.servers[0].kill();
    let outage = until_it_works(&store, "after-the-kill").await;
    println!("killed: writes again after {outage:?}");
    let book = list(&*store).await.book;
    assert!(book.record(&target("by-1")).is_some());
    // One of the seeds is dead; the rest of the Cluster is known from the other.
    cluster.servers[1].pause();
    until_it_works(&store, "after-another-pause").await;
    cluster.servers[1].resume();
    cluster.servers[0].restart();
    admit(&cluster.servers[0]);
    within(FAILOVER, || cluster.is_whole());
    until_it_works(&store, "at-last").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves_during_writes_is_followed_and_nothing_is_done_twice() {
    let cluster = Cluster::start(&[]);
    cluster.servers.iter().for_each(admit);
    let mut address = cluster.address(&[0, 1, 2]);
    address.login.username = Some("autolog".to_owned());
    address.login.password = Some(SecretString::from("not-a-real-password"));
    let store = tended(address);
    let mut position = list(&*store).await.position;
    let mut acknowledged = BTreeSet::new();
    for (round, (from, to)) in [(0, 1), (1, 2), (2, 0)].into_iter().enumerate() {
        let text = format!("before-{round}");
        assert_eq!(outcome(&*store, &enable(&text)).await, Outcome::Opened);
        acknowledged.insert(text);
        let moving = Move::begin(&cluster, from, to);
        moving.carry();
        // All keys are there, and the slot is still here: one is sent there, for this one question.
        loop {
            let changes = store.changes(&position).await.unwrap();
            match changes.last() {
                Some(last) => position = last.position.clone(),
                None => break,
            }
        }
        assert_eq!(position.seq, u64::try_from(acknowledged.len()).unwrap());
        // A write needs keys that neither has: it is refused, in time.
        let (id, text) = (id(), format!("during-{round}"));
        let started = Instant::now();
        assert_unavailable(&store.apply(id, &enable(&text)).await);
        assert!(started.elapsed() < Duration::from_millis(1_250));
        moving.carry();
        moving.end();
        let applied = store.apply(id, &enable(&text)).await.unwrap();
        assert_eq!(applied.decision.outcomes, [Outcome::Opened]);
        acknowledged.insert(text);
        assert_eq!(applied.seq, u64::try_from(acknowledged.len()).unwrap());
    }
    let book = list(&*store).await.book;
    assert_eq!(book.records().count(), acknowledged.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_down_refuses_in_time_and_is_found_up_again() {
    let mut cluster = Cluster::start(&[]);
    let store = tended(cluster.address(&[0, 1, 2]));
    list(&*store).await;
    assert_eq!(outcome(&*store, &enable("before")).await, Outcome::Opened);
    // A third of the slots, none of them ours, have nobody left.
    for index in [1, 4] {
        cluster.servers[index].kill();
    }
    let down = |text: String| text.contains("cluster_state:fail");
    within(FAILOVER, || down(cluster.servers[0].run("CLUSTER INFO")));
    let started = Instant::now();
    let refused = store.apply(id(), &enable("during")).await;
    assert!(started.elapsed() < Duration::from_millis(1_250));
    let Err(StoreError::Unavailable(why)) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        why.to_string().contains("CLUSTERDOWN") || why.to_string().contains("down"),
        "{why}"
    );
    for index in [1, 4] {
        cluster.servers[index].restart();
    }
    let outage = until_it_works(&store, "after").await;
    println!("down: writes again {outage:?} after the lost nodes came back");
    assert_eq!(list(&*store).await.book.records().count(), 2);
}
