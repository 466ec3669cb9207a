//! One Redis that goes away: F1 to F3.

use std::time::{Duration, Instant};

use crate::run::{Losses, Run, p99};
use crate::{figure, lasts};

/// Within this time everything is read anew once Redis is back.
const RETURNED: Duration = Duration::from_secs(2);
/// A busy machine may be slow, which is not the fault's doing.
const ANSWERED: Duration = Duration::from_millis(250);

const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_a_redis_that_is_killed_and_comes_back_with_its_file() {
    let (mut server, run) = Run::on_one_redis(&DURABLE).await;
    let (before, number) = run.answers_since(0);
    server.kill();
    lasts(Duration::from_secs(if crate::is_strict() { 30 } else { 7 })).await;
    let (during, number) = run.answers_since(number);
    assert!(
        during.iter().any(|answer| answer.stale),
        "F1: nobody says that it is stale"
    );
    server.restart();
    figure(
        "F1",
        "writes again after",
        run.writes_again().await,
        RETURNED,
    );
    lasts(Duration::from_secs(1)).await;
    let (after, _) = run.answers_since(number);
    for (when, answers) in [("before", before), ("during", during), ("after", after)] {
        figure(
            "F1",
            &format!("p99 of a poll {when}"),
            p99(&answers),
            ANSWERED,
        );
    }
    run.judge("F1", Losses::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f2_a_redis_that_comes_back_empty_gets_everything_back() {
    let (mut server, run) = Run::on_one_redis(&[]).await;
    server.restart();
    figure(
        "F2",
        "writes again after a restart",
        run.writes_again().await,
        RETURNED,
    );
    lasts(Duration::from_secs(2)).await;
    let emptied = Instant::now();
    server.run::<String>("FLUSHALL");
    run.writes_again().await;
    figure(
        "F2",
        "writes again after a flush",
        emptied.elapsed(),
        RETURNED,
    );
    // Whoever fills the store again may not have heard of what was acknowledged in the last milliseconds.
    let (verdict, _) = run.judge("F2", Losses::Told).await;
    assert!(verdict.lost <= 2, "F2: {} sessions lost", verdict.lost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f3_a_redis_that_stands_still_for_twenty_seconds() {
    let (server, run) = Run::on_one_redis(&DURABLE).await;
    let (_, number) = run.answers_since(0);
    server.pause();
    lasts(Duration::from_secs(20)).await;
    let (during, _) = run.answers_since(number);
    server.resume();
    figure(
        "F3",
        "writes again after",
        run.writes_again().await,
        RETURNED,
    );
    figure("F3", "p99 of a poll meanwhile", p99(&during), ANSWERED);
    run.judge("F3", Losses::None).await;
}
