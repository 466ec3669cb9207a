//! One run: a fleet, those who use it, and the judgement in the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use autolog::domain::book::Book;
use autolog::domain::policy::Policy;
use autolog::store::redis::{Endpoint, Redis, RedisAddress};
use autolog::store::{Position, Store};
use serde_json::Value;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use crate::backend::{Server, within};
use crate::fleet::{Fleet, Live};
use crate::history::{Answer, History};
use crate::observer::observe;
use crate::service::Service;
use crate::topology::{address, free_port, local};
use crate::writer::{Board, Writer, poll};
use crate::{figure, is_strict, lasts, until, validators};

/// How long a session of a writer lasts, unless a scenario says otherwise: to the end.
pub(crate) const LONG: u64 = 3_600;
/// Within this time all replicas say the same once the store takes writes again.
pub(crate) const CONVERGED: Duration = Duration::from_secs(5);
/// No write may take longer to be refused.
const REFUSED: Duration = Duration::from_millis(1_250);

/// What may be lost of what was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Losses {
    /// Nothing.
    None,
    /// What a failover loses, and then it is told: by metric and log.
    Told,
}

/// A fleet in use.
pub(crate) struct Run {
    pub(crate) fleet: Fleet,
    pub(crate) history: Arc<History>,
    address: RedisAddress,
    writers: JoinSet<()>,
    watchers: JoinSet<()>,
    gate: Arc<RwLock<()>>,
    may_fail: Vec<usize>,
}

/// What came of a run.
pub(crate) struct Verdict {
    /// How many acknowledged writes there were.
    pub(crate) acknowledged: usize,
    /// How many of them are gone.
    pub(crate) lost: usize,
    /// The slowest refusal.
    pub(crate) refused: Duration,
}

impl Run {
    /// A fleet on one Redis that is started with these arguments, in use.
    pub(crate) async fn on_one_redis(arguments: &[&str]) -> (Server, Self) {
        let port = free_port();
        let server = Server::on_port(port, arguments);
        within(Duration::from_secs(20), || server.answers());
        let store = format!("redis://127.0.0.1:{port}");
        let fleet = Fleet::start(&[store.clone(), store.clone(), store]).await;
        let run = Self::of(fleet, address(Endpoint::Tcp(local(port))));
        run.warm_up().await;
        (server, run)
    }

    /// Uses a fleet, whose store is at `address` for the follower.
    pub(crate) fn of(fleet: Fleet, address: RedisAddress) -> Self {
        Self::with_sessions_of(LONG, fleet, address)
    }

    /// Uses a fleet; sessions last this many seconds.
    pub(crate) fn with_sessions_of(length: u64, fleet: Fleet, address: RedisAddress) -> Self {
        Self::with(length, true, fleet, address)
    }

    /// Uses a fleet whose configuration lets sessions of alerts last as briefly as others: this many seconds.
    pub(crate) fn with_brief_sessions_of(length: u64, fleet: Fleet, address: RedisAddress) -> Self {
        Self::with(length, false, fleet, address)
    }

    fn with(length: u64, alerts_last: bool, fleet: Fleet, address: RedisAddress) -> Self {
        let (history, board) = (Arc::new(History::default()), Arc::new(Board::default()));
        let gate = Arc::new(RwLock::new(()));
        let (mut writers, mut watchers) = (JoinSet::new(), JoinSet::new());
        for (number, door) in fleet.doors().into_iter().enumerate() {
            let writer = Writer {
                number,
                door: door.clone(),
                history: Arc::clone(&history),
                board: Arc::clone(&board),
                length,
                alerts_last,
                gate: Arc::clone(&gate),
            };
            writers.spawn(writer.write());
            watchers.spawn(poll(number, door, Arc::clone(&history), Arc::clone(&board)));
        }
        watchers.spawn(observe(address.clone(), Arc::clone(&history)));
        Self {
            fleet,
            history,
            address,
            writers,
            watchers,
            gate,
            may_fail: Vec::new(),
        }
    }

    /// Lets the replica fail polls and be slow: it is the one with the fault.
    pub(crate) fn excuse(&mut self, replica: usize) {
        self.may_fail.push(replica);
    }

    /// Waits until something new is acknowledged, and tells how long that took.
    pub(crate) async fn writes_again(&self) -> Duration {
        let before = self.history.acknowledged();
        until("a write", async || self.history.acknowledged() > before).await
    }

    /// The answers since the given number of them, and how many there are by now.
    pub(crate) fn answers_since(&self, number: usize) -> (Vec<Answer>, usize) {
        let answers = self.history.answers();
        (answers[number..].to_vec(), answers.len())
    }

    /// Lets nobody write until all replicas say the same; tells what is lost by then, and how long it took.
    pub(crate) async fn agree(&self) -> (Vec<String>, Duration) {
        let started = Instant::now();
        let _closed = self.gate.write().await;
        let (live, _) = self.fleet.agreed().await;
        let took = started.elapsed();
        (validators::lost(&self.history.promises(), &live), took)
    }

    /// Waits until all replicas say the same, and until no stop is lost and, where nothing may be, nothing else either:
    /// they may all be behind the store, and what is lost is made again.
    async fn converged(&self, losses: Losses) -> (Live, Duration) {
        let started = Instant::now();
        loop {
            let (live, _) = self.fleet.agreed().await;
            let took = started.elapsed();
            let promises = self.history.promises();
            let is_whole = losses == Losses::Told || validators::lost(&promises, &live).is_empty();
            let is_quiet = validators::no_lost_disable(&promises, &live).is_ok();
            if (is_whole && is_quiet) || took > CONVERGED {
                return (live, took);
            }
            tokio::time::sleep(Duration::from_millis(20)).await; // polls until the deadline
        }
    }

    /// Ends the writing, waits until all agree, and judges.
    pub(crate) async fn judge(mut self, row: &str, losses: Losses) -> (Verdict, Fleet) {
        self.writes_again().await;
        self.writers.shutdown().await;
        let (live, converged) = self.converged(losses).await;
        figure(row, "all replicas say the same after", converged, CONVERGED);
        let store = Redis::new(self.address.clone(), Arc::new(Policy::default())).unwrap();
        let mut end = Position::default();
        until("the follower is where the store is", async || {
            // Sessions end meanwhile, so that the store goes on.
            end = store.list(&Book::default()).await.unwrap().position;
            validators::resumable_and_reliable(&self.history.seen(), &end).is_ok()
        })
        .await;
        self.watchers.shutdown().await;
        let (seen, promises) = (self.history.seen(), self.history.promises());
        let mut answers = self.history.answers();
        answers.retain(|answer| !self.may_fail.contains(&answer.replica));
        for (what, verdict) in [
            ("ordered", validators::ordered(&seen)),
            ("unique", validators::unique(&seen)),
            ("atomic", validators::atomic(&seen, &promises)),
            ("bookmarkable", validators::bookmarkable(&seen)),
            ("no zombie", validators::no_zombie(&self.history.answers())),
            ("always answered", validators::always_answered(&answers)),
            (
                "no lost disable",
                validators::no_lost_disable(&promises, &live),
            ),
        ] {
            assert!(
                verdict.is_ok(),
                "{row}: not {what}: {}",
                verdict.unwrap_err()
            );
        }
        let lost = validators::lost(&promises, &live);
        self.judge_losses(row, losses, &lost).await;
        let mut refusals = self.history.refusals();
        refusals.retain(|(replica, _)| !self.may_fail.contains(replica));
        let verdict = Verdict {
            acknowledged: self.history.acknowledged(),
            lost: lost.len(),
            refused: refusals
                .into_iter()
                .map(|(_, took)| took)
                .max()
                .unwrap_or_default(),
        };
        figure(row, "the slowest refusal", verdict.refused, REFUSED);
        println!(
            "{row}: {} acknowledged, {} lost, {} answers to polls, {} changes seen",
            verdict.acknowledged,
            verdict.lost,
            answers.len(),
            seen.len()
        );
        (verdict, self.fleet)
    }

    /// Fails unless what is lost may be lost and is told of.
    pub(crate) async fn judge_losses(&self, row: &str, losses: Losses, lost: &[String]) {
        if lost.is_empty() {
            return;
        }
        assert_eq!(
            losses,
            Losses::Told,
            "{row}: acknowledged and lost: {lost:?}"
        );
        if !is_strict() {
            println!(
                "NOT CHECKED: {row}: whether this loss is told, which make chaos judges: {lost:?}"
            );
            return;
        }
        let told = self.fleet.sum("autolog_store_rollbacks_total").await;
        assert!(
            told > 0.0,
            "{row}: nobody tells that these are lost: {lost:?}"
        );
        let logs: Vec<Value> = self.fleet.replicas.iter().flat_map(Service::log).collect();
        let named = |app: &str| {
            logs.iter().any(|line| {
                let message = line["message"].as_str().unwrap_or_default();
                line["app"] == app
                    && message.starts_with("the store has lost an acknowledged write")
            })
        };
        let more = "the store has lost more acknowledged writes than are named";
        let unnamed: Vec<_> = lost.iter().filter(|app| !named(app)).collect();
        assert!(
            unnamed.is_empty() || logs.iter().any(|line| line["message"] == more),
            "{row}: lost, and no log names it: {unnamed:?}"
        );
    }

    /// Lets everybody work for a while without any fault.
    pub(crate) async fn warm_up(&self) {
        self.writes_again().await;
        lasts(Duration::from_secs(1)).await;
    }
}

/// The 99th percentile of how long answers took.
pub(crate) fn p99(answers: &[Answer]) -> Duration {
    let mut took: Vec<Duration> = answers.iter().map(|answer| answer.took).collect();
    took.sort();
    let index = took.len() * 99 / 100;
    took.get(index).copied().unwrap_or_default()
}
