//! A wire between a store and its Redis that can be cut in the ways that wires are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use autolog::domain::outcome::Outcome;
use autolog::domain::policy::Policy;
use autolog::store::Store;
use autolog::store::redis::{Endpoint, Redis};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::{assert_unavailable, at_once, enable, id, list, outcome};
use crate::backend::Server;

/// A wire from a TCP port to the socket of a Redis.
struct Wire {
    port: u16,
    faults: Arc<Faults>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Faults {
    /// Connections made before the last cut carry nothing any more, and stay open.
    cuts: AtomicU16,
    /// The next answer is lost, and its connection with it.
    loses_answer: AtomicBool,
}

impl Wire {
    async fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let faults = Arc::new(Faults::default());
        let (socket, shared) = (server.socket(), Arc::clone(&faults));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let redis = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(carry(client, redis, Arc::clone(&shared)));
            }
        });
        Self {
            port,
            faults,
            accepting,
        }
    }

    fn store(&self, server: &Server) -> Redis {
        let mut address = server.address();
        address.endpoint = Endpoint::Tcp {
            host: "127.0.0.1".to_owned(),
            port: self.port,
        };
        Redis::new(address, Arc::new(Policy::default())).unwrap()
    }

    fn cut(&self) {
        self.faults.cuts.fetch_add(1, Ordering::SeqCst);
    }

    fn lose_next_answer(&self) {
        self.faults.loses_answer.store(true, Ordering::SeqCst);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(mut client: TcpStream, mut redis: UnixStream, faults: Arc<Faults>) {
    let made = faults.cuts.load(Ordering::SeqCst);
    let (mut question, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        let (length, is_answer) = tokio::select! {
            read = client.read(&mut question) => (read.unwrap_or(0), false),
            read = redis.read(&mut answer) => (read.unwrap_or(0), true),
        };
        if length == 0 {
            return;
        }
        if made != faults.cuts.load(Ordering::SeqCst) {
            continue;
        }
        let carried = if is_answer {
            if faults.loses_answer.swap(false, Ordering::SeqCst) {
                return;
            }
            client.write_all(&answer[..length]).await
        } else {
            redis.write_all(&question[..length]).await
        };
        if carried.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn connections_that_fell_silent_are_replaced_within_a_second_and_a_half() {
    let server = Server::start(&[]);
    let wire = Wire::to(&server).await;
    let store = wire.store(&server);
    let position = list(&store).await.position;
    assert_eq!(outcome(&store, &enable("before")).await, Outcome::Opened);
    wire.cut();
    let started = Instant::now();
    assert_unavailable(&store.changes(&position).await);
    assert_eq!(store.changes(&position).await.unwrap().len(), 1);
    assert_eq!(at_once(&store, &enable("after")).await, Outcome::Opened);
    assert!(started.elapsed() < Duration::from_millis(1_500));
}

#[tokio::test]
async fn one_write_on_a_connection_that_fell_silent_gets_through_all_the_same() {
    let server = Server::start(&[]);
    let wire = Wire::to(&server).await;
    let store = wire.store(&server);
    list(&store).await;
    assert_eq!(outcome(&store, &enable("before")).await, Outcome::Opened);
    wire.cut();
    let started = Instant::now();
    assert_eq!(at_once(&store, &enable("after")).await, Outcome::Opened);
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_commit_is_asked_for_again() {
    let server = Server::start(&[]);
    let wire = Wire::to(&server).await;
    let store = wire.store(&server);
    list(&store).await;
    let mut seq = 0;
    for index in 0..20 {
        wire.lose_next_answer();
        let applied = store
            .apply(id(), &enable(&format!("app-{index}")))
            .await
            .unwrap();
        assert_eq!(applied.decision.outcomes, [Outcome::Opened]);
        seq += 1;
        assert_eq!(applied.seq, seq);
    }
    assert_eq!(list(&store).await.position.seq, 20);
}

#[tokio::test]
async fn errors_are_counted_once_though_the_answer_was_lost() {
    use autolog::domain::window::WindowRule;
    use autolog::store::{Counted, Tally};
    let server = Server::start(&[]);
    let wire = Wire::to(&server).await;
    let store = wire.store(&server);
    list(&store).await;
    let tallies = [Tally {
        target: super::target("shop"),
        errors: 1,
    }];
    let rule = WindowRule::default();
    for count in 1..=20 {
        wire.lose_next_answer();
        let counted = store.count(id(), &tallies, rule).await.unwrap();
        assert_eq!(counted, [Counted::Count(count)]);
    }
}
