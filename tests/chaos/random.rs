//! Faults at random, for five minutes, the same ones again for the same seed.

use std::time::{Duration, Instant};

use crate::backend::within;
use crate::chance::Chance;
use crate::fleet::Fleet;
use crate::lasts;
use crate::run::{Losses, Run};
use crate::topology::Sentinels;

/// How long it goes on.
const LENGTH: Duration = Duration::from_mins(5);
/// How long sessions last: so long that what is lost is seen, so short that they do not pile up.
const SESSION: u64 = 60;
/// The replica that stands still now and then; the others must always answer.
const STANDS_STILL: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn random_faults_for_five_minutes() {
    let mut chance = Chance::new();
    let mut sentinels = Sentinels::start(&[], "");
    let store = sentinels.url();
    let fleet = Fleet::start(&[store.clone(), store.clone(), store]).await;
    let mut run = Run::with_sessions_of(SESSION, fleet, sentinels.address());
    run.warm_up().await;
    run.excuse(STANDS_STILL);
    let started = Instant::now();
    let mut faults = 0;
    while started.elapsed() < LENGTH {
        let fault = chance.below(6);
        let length = Duration::from_millis(200 + chance.below(3_000));
        let which = usize::try_from(chance.below(2)).unwrap();
        println!(
            "{:6.1?}: fault {fault} of server {which} for {length:?}",
            started.elapsed()
        );
        match fault {
            0 => {
                sentinels.servers[which].kill();
                lasts(length).await;
                sentinels.servers[which].restart();
            }
            1 => {
                sentinels.servers[which].pause();
                lasts(length).await;
                sentinels.servers[which].resume();
            }
            2 => {
                let watcher = usize::try_from(chance.below(3)).unwrap();
                sentinels.watchers[watcher].pause();
                lasts(length).await;
                sentinels.watchers[watcher].resume();
            }
            3 => {
                let words = ["CLIENT", "KILL", "TYPE", "normal"].map(str::to_owned);
                let _may_be_away = sentinels.servers[which].try_run::<u64>(&words);
            }
            4 => {
                let replica = &run.fleet.replicas[STANDS_STILL];
                replica.signal("STOP");
                lasts(length.min(Duration::from_secs(2))).await;
                replica.signal("CONT");
            }
            _ => {
                let words = ["SCRIPT", "FLUSH"].map(str::to_owned);
                let _may_be_away = sentinels.servers[which].try_run::<String>(&words);
            }
        }
        faults += 1;
        within(Duration::from_mins(1), || {
            sentinels.primary().is_some() && sentinels.are_complete()
        });
        run.writes_again().await;
    }
    println!("{faults} faults");
    run.judge("random", Losses::Told).await;
}
