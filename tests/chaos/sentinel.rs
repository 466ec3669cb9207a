//! Failovers by Sentinels: F10 to F12.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::backend::within;
use crate::fleet::Fleet;
use crate::run::{CONVERGED, Losses, Run};
use crate::topology::Sentinels;
use crate::{figure, is_strict, lasts};

/// Sentinels give a server a second, and take about one more to agree.
const FAILOVER: Duration = Duration::from_secs(5);
/// How long a session lasts, in seconds: longer than a failover, and they do not pile up.
const SESSION: u64 = 30;
/// How long a server takes to come back as a replica, on a busy machine.
const REJOINED: Duration = Duration::from_mins(1);

async fn start(arguments: &[&str]) -> (Sentinels, Run) {
    let sentinels = Sentinels::start(arguments, "");
    let store = sentinels.url();
    let fleet = Fleet::start(&[store.clone(), store.clone(), store]).await;
    let run = Run::with_sessions_of(SESSION, fleet, sentinels.address());
    run.warm_up().await;
    // A replica that is empty still would not lack the last writes but all, and be filled again.
    let behind = 1 - sentinels.primary().unwrap();
    let known = || sentinels.servers[behind].run::<bool>("HEXISTS {al}:meta seq");
    within(REJOINED, known);
    (sentinels, run)
}

/// Waits until the server that is not the primary follows it again.
fn rejoined(sentinels: &Sentinels) {
    let follows = |server: &crate::backend::Server| {
        let words = ["INFO", "replication"].map(str::to_owned);
        let told = server.try_run::<String>(&words);
        told.is_ok_and(|text| text.contains("master_link_status:up"))
    };
    within(REJOINED, || {
        sentinels.servers.iter().any(follows) && sentinels.are_complete()
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_primaries_that_are_killed_one_after_the_other() {
    let (mut sentinels, run) = start(&[]).await;
    let mut lost = BTreeSet::new();
    let (mut slowest, mut disagreed, mut kills) = (Duration::ZERO, Duration::ZERO, 0);
    for _ in 0..if is_strict() { 20 } else { 1 } {
        let primary = sentinels.primary().unwrap();
        sentinels.servers[primary].kill();
        lasts(Duration::from_millis(500)).await;
        slowest = slowest.max(run.writes_again().await + Duration::from_millis(500));
        let (missing, took) = run.agree().await;
        lost.extend(missing);
        disagreed = disagreed.max(took);
        kills += 1;
        sentinels.servers[primary].restart();
        rejoined(&sentinels);
    }
    figure(
        "F10",
        &format!("the slowest of {kills} failovers, from kill to write"),
        slowest,
        FAILOVER,
    );
    let agreed = "all replicas say the same after the first write, at most";
    figure("F10", agreed, disagreed, CONVERGED);
    for replica in &run.fleet.replicas {
        replica.wait_for_log("this Redis has no replica that could take over");
    }
    let lost: Vec<String> = lost.into_iter().collect();
    println!(
        "F10: {} acknowledged writes lost in {kills} failovers",
        lost.len()
    );
    run.judge_losses("F10", Losses::Told, &lost).await;
    run.judge("F10", Losses::Told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f11_a_failover_to_a_replica_that_lacks_the_last_writes() {
    let (mut sentinels, run) = start(&[]).await;
    let behind = 1 - sentinels.primary().unwrap();
    // The primary takes writes that its replica does not get, and is gone.
    let primary = &sentinels.servers[1 - behind];
    primary.run::<String>("ACL SETUSER default -psync -sync");
    primary.run::<u64>("CLIENT KILL TYPE replica");
    lasts(Duration::from_millis(700)).await;
    sentinels.servers[1 - behind].kill();
    let killed = Instant::now();
    run.writes_again().await;
    figure(
        "F11",
        "writes again after",
        killed.elapsed(),
        FAILOVER + Duration::from_secs(10),
    );
    sentinels.servers[1 - behind].restart();
    rejoined(&sentinels);
    let told = run.fleet.sum("autolog_store_rollbacks_total").await;
    let (verdict, _) = run.judge("F11", Losses::Told).await;
    println!(
        "F11: {} acknowledged writes lost; {told} replicas told of it",
        verdict.lost
    );
    assert!(verdict.lost > 0, "F11: the replica lacked nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f12_an_old_primary_that_comes_back_from_a_pause_takes_no_writes() {
    let careful = [
        "--min-replicas-to-write",
        "1",
        "--min-replicas-max-lag",
        "2",
    ];
    let (sentinels, run) = start(&careful).await;
    let old = sentinels.primary().unwrap();
    sentinels.servers[old].pause();
    lasts(Duration::from_secs(5)).await;
    sentinels.servers[old].resume();
    // The new primary takes writes again once the old one follows it.
    figure(
        "F12",
        "writes again after the pause ended",
        run.writes_again().await,
        Duration::from_secs(30),
    );
    rejoined(&sentinels);
    assert_ne!(sentinels.primary(), Some(old));
    let (verdict, _) = run.judge("F12", Losses::Told).await;
    println!(
        "F12: the old primary took {} writes that are gone",
        verdict.lost
    );
    assert_eq!(
        verdict.lost, 0,
        "F12: writes went to a primary that was none any more"
    );
}
