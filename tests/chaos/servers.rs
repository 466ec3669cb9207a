//! What a Redis does to its own data and scripts: F8, F9, F14 and F15.

use std::time::Duration;

use crate::backend::Server;
use crate::fleet::family;
use crate::run::{Losses, Run};
use crate::{figure, is_strict, lasts, until};

async fn start() -> (Server, Run) {
    Run::on_one_redis(&["--maxmemory-policy", "noeviction"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f8_a_feed_that_is_trimmed_past_a_replica_that_stood_still() {
    let (server, mut run) = start().await;
    let late = || family(&run.fleet.replicas[2], "autolog_feed_resyncs_total");
    let before = late().await;
    let mut slowest = Duration::ZERO;
    let rounds = if is_strict() { 5 } else { 2 };
    for _ in 0..rounds {
        let known = late().await.values().sum::<f64>();
        run.fleet.replicas[2].signal("STOP");
        lasts(Duration::from_secs(2)).await;
        server.run::<u64>("XTRIM {al}:feed MAXLEN 0");
        run.fleet.replicas[2].signal("CONT");
        let anew = async || late().await.values().sum::<f64>() > known;
        slowest = slowest.max(until("everything is read anew", anew).await);
        run.writes_again().await;
    }
    figure(
        "F8",
        "everything is read anew after, at most",
        slowest,
        Duration::from_secs(2),
    );
    for (series, times) in late().await {
        let times = times - before.get(&series).copied().unwrap_or_default();
        if times > 0.0 {
            println!("F8: {series} rose by {times} in {rounds} rounds");
        }
    }
    run.excuse(2);
    run.judge("F8", Losses::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f9_a_feed_that_is_deleted_or_is_something_else() {
    let (server, run) = start().await;
    server.run::<u64>("DEL {al}:feed");
    figure(
        "F9",
        "writes again after the feed was deleted",
        run.writes_again().await,
        Duration::from_secs(5),
    );
    server.run::<u64>("DEL {al}:feed");
    server.run::<String>("SET {al}:feed nonsense");
    lasts(Duration::from_secs(3)).await;
    server.run::<u64>("DEL {al}:feed");
    figure(
        "F9",
        "writes again after the feed was no feed",
        run.writes_again().await,
        Duration::from_secs(5),
    );
    run.judge("F9", Losses::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_scripts_that_are_forgotten_all_the_time() {
    let (server, run) = start().await;
    let before = run.history.refusals().len();
    for _ in 0..if is_strict() { 500 } else { 100 } {
        server.run::<String>("SCRIPT FLUSH");
        lasts(Duration::from_millis(10)).await;
    }
    let refused = run.history.refusals().len() - before;
    println!("F14: {refused} writes refused while scripts were flushed 100 times a second");
    assert_eq!(refused, 0, "F14");
    run.judge("F14", Losses::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f15_a_redis_that_is_full() {
    let (server, run) = start().await;
    server.run::<String>("CONFIG SET maxmemory 1");
    let refused = async || !run.history.refusals().is_empty();
    until("a write is refused", refused).await;
    lasts(Duration::from_secs(if is_strict() { 5 } else { 1 })).await;
    server.run::<String>("CONFIG SET maxmemory 0");
    figure(
        "F15",
        "writes again after",
        run.writes_again().await,
        Duration::from_secs(1),
    );
    run.judge("F15", Losses::None).await;
}
