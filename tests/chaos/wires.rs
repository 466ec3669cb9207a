//! Bad wires between the replicas and their Redis: F4 to F7.

use std::time::{Duration, Instant};

use autolog::store::redis::Endpoint;

use crate::backend::{Server, within};
use crate::fleet::Fleet;
use crate::proxy::{End, Wire};
use crate::run::{LONG, Losses, Run};
use crate::topology::{address, free_port, local};
use crate::{figure, is_strict, lasts, until};

/// A Redis, and a fleet of which each replica has a wire of its own to it.
pub(crate) struct Wired {
    pub(crate) server: Server,
    pub(crate) wires: Vec<Wire>,
    pub(crate) run: Run,
}

impl Wired {
    /// Sessions of the writers last this many seconds.
    pub(crate) async fn start(length: u64) -> Self {
        let port = free_port();
        let server = Server::on_port(port, &["--appendonly", "yes", "--appendfsync", "always"]);
        within(Duration::from_secs(20), || server.answers());
        let mut wires = Vec::new();
        for _ in 0..3 {
            wires.push(Wire::to(End::Port(port)).await);
        }
        let store = |wire: &Wire| format!("redis://127.0.0.1:{}", wire.port());
        let stores: Vec<String> = wires.iter().map(store).collect();
        let fleet = Fleet::start(&stores).await;
        let address = address(Endpoint::Tcp(local(port)));
        let run = Run::with_sessions_of(length, fleet, address);
        run.warm_up().await;
        Self { server, wires, run }
    }
}

fn seconds(strict: u64, otherwise: u64) -> Duration {
    Duration::from_secs(if is_strict() { strict } else { otherwise })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_to_f7_wires_that_fall_silent_are_slow_lose_answers_and_break() {
    let wired = Wired::start(LONG).await;
    wired.fall_silent().await;
    wired.are_far_and_narrow().await;
    wired.lose_answers().await;
    wired.break_again_and_again().await;
    wired.run.judge("F4-F7", Losses::None).await;
}

impl Wired {
    async fn fall_silent(&self) {
        let mut slowest = Duration::ZERO;
        for _ in 0..if is_strict() { 10 } else { 2 } {
            let made: Vec<u64> = self.wires.iter().map(Wire::made).collect();
            self.wires.iter().for_each(Wire::swallow);
            let both = |(wire, made): (&Wire, &u64)| wire.made() >= made + 2;
            let rebuilt = async || self.wires.iter().zip(&made).all(both);
            let took = until("both connections of every replica anew", rebuilt).await;
            slowest = slowest.max(took);
            self.run.writes_again().await;
        }
        let promised = Duration::from_millis(1_500);
        figure(
            "F4",
            "silent connections rebuilt after, at most",
            slowest,
            promised,
        );
    }

    async fn are_far_and_narrow(&self) {
        for wire in &self.wires {
            wire.delay(Duration::from_millis(100));
            wire.narrow(1_000_000);
        }
        self.run.writes_again().await;
        let (_, number) = self.run.answers_since(0);
        lasts(seconds(10, 3)).await;
        let (answers, _) = self.run.answers_since(number);
        let stale = answers.iter().filter(|answer| answer.stale).count();
        println!(
            "F5: {stale} of {} answers say that they are stale",
            answers.len()
        );
        assert!(
            !is_strict() || stale == 0,
            "F5: a far Redis is no stale one"
        );
        for wire in &self.wires {
            wire.delay(Duration::ZERO);
            wire.narrow(0);
        }
    }

    async fn lose_answers(&self) {
        for _ in 0..if is_strict() { 100 } else { 20 } {
            self.wires.iter().for_each(Wire::lose_next_answer);
            lasts(Duration::from_millis(100)).await;
        }
    }

    async fn break_again_and_again(&self) {
        let resyncs = || {
            self.run
                .fleet
                .sum("autolog_feed_resyncs_total{reason=\"reconnect\"}")
        };
        let before = resyncs().await;
        let (length, started) = (seconds(20, 3), Instant::now());
        while started.elapsed() < length {
            self.wires.iter().for_each(Wire::reset);
            lasts(Duration::from_millis(100)).await;
        }
        let each = (resyncs().await - before) / 3.0 / length.as_secs_f64();
        println!(
            "F7: each replica read everything anew {each:.1} times a second, with a reset every 100 ms"
        );
        assert!(each < 5.0, "F7: {each} times a second");
    }
}
