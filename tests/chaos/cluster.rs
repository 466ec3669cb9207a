//! A Redis Cluster that loses nodes and moves slots: F13.

use std::time::Duration;

use crate::backend::within;
use crate::fleet::Fleet;
use crate::run::{Losses, Run};
use crate::topology::{Cluster, Move};
use crate::{figure, is_strict, lasts};

/// Nodes are given a second to answer, and the others take one or two more to agree.
const FAILOVER: Duration = Duration::from_secs(6);
/// How long a node takes to come back, on a busy machine.
const REJOINED: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f13_owners_that_are_killed_and_slots_that_move_during_writes() {
    let mut cluster = Cluster::start(&[]);
    let store = cluster.url();
    let fleet = Fleet::start(&[store.clone(), store.clone(), store]).await;
    let run = Run::of(fleet, cluster.address(&[0, 1, 2]));
    run.warm_up().await;

    let mut slowest = Duration::ZERO;
    for _ in 0..if is_strict() { 5 } else { 1 } {
        let owner = cluster.owner().unwrap();
        cluster.servers[owner].kill();
        lasts(Duration::from_millis(500)).await;
        slowest = slowest.max(run.writes_again().await + Duration::from_millis(500));
        cluster.servers[owner].restart();
        within(REJOINED, || cluster.is_whole());
    }
    figure(
        "F13",
        "the slowest failover, from kill to write",
        slowest,
        FAILOVER,
    );

    let mut slowest = Duration::ZERO;
    for _ in 0..if is_strict() { 10 } else { 2 } {
        let from = cluster.owner().unwrap();
        let to = cluster
            .primaries()
            .into_iter()
            .find(|index| *index != from)
            .unwrap();
        let moving = Move::begin(&cluster, from, to);
        moving.carry();
        lasts(Duration::from_millis(300)).await;
        moving.carry();
        moving.end();
        slowest = slowest.max(run.writes_again().await);
        run.writes_again().await;
    }
    figure(
        "F13",
        "writes again after the slot has moved, at most",
        slowest,
        Duration::from_secs(2),
    );
    run.judge("F13", Losses::Told).await;
}
