//! Replicas that die or stand still: F18.

use std::time::Duration;

use jiff::Timestamp;

use crate::lasts;
use crate::run::{Losses, Run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f18_a_replica_that_stands_still_says_that_it_is_stale_when_it_goes_on_and_one_that_dies_harms_nobody()
 {
    let (server, mut run) = Run::on_one_redis(&[]).await;
    run.excuse(2);
    run.fleet.replicas[2].signal("STOP");
    lasts(Duration::from_secs(20)).await;
    // Redis is away when it goes on: only its own memory is left to it.
    server.pause();
    run.fleet.replicas[2].signal("CONT");
    let resumed = Timestamp::now();
    lasts(Duration::from_secs(3)).await;
    let answers = run.history.answers();
    let mine: Vec<_> = answers
        .iter()
        .filter(|answer| {
            answer.replica == 2 && answer.asked > resumed && answer.status == Some(200)
        })
        .collect();
    let unmarked = mine.iter().filter(|answer| !answer.stale).count();
    println!(
        "F18: {unmarked} of {} answers after the pause were not marked stale",
        mine.len()
    );
    assert!(!mine.is_empty());
    assert_eq!(unmarked, 0, "F18");
    server.resume();
    run.writes_again().await;
    run.fleet.replicas[2].kill();
    lasts(Duration::from_secs(2)).await;
    run.fleet.replicas.truncate(2);
    run.judge("F18", Losses::None).await;
}
