//! Accepts connections, bounded in number, and ends them in order at shutdown.
//!
//! Over the cap a connection is accepted, answered 503 and closed, so that a balancer or a client learns it at once
//! and does not wait in the kernel's queue. While even those answers are too many, connections are closed unanswered.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Routes;
use super::connection::{self, Admission};
use super::front::Front;
use super::limits::Limits;
use crate::metrics::Metrics;
use crate::metrics::labels::Refusal;

/// How long accepting pauses when the system cannot accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often the log tells of that while it lasts.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
/// How many refused connections are answered at once.
const REFUSED: usize = 128;
/// How long a refused connection is read, so that closing it does not destroy its answer on the way.
const LINGER: Duration = Duration::from_millis(500);
/// File descriptors for everything that is no API connection: the store, files, the admin listener.
const OTHER_FILES: u64 = 1_024;

/// Serves `routes` on `listener` until `shutdown`, and then until every connection has ended or the drain is over.
pub async fn serve(
    listener: TcpListener,
    routes: impl Into<Routes>,
    limits: Limits,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
) {
    let server = Server {
        slots: Arc::new(Semaphore::new(limits.connections)),
        refused: Arc::new(Semaphore::new(REFUSED)),
        front: Arc::new(Front::new(routes.into(), limits, metrics)),
        connections: TaskTracker::new(),
    };
    let mut complained = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => server.admit(stream, peer, &shutdown),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                complain(&error, &mut complained);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    server.connections.close();
    server.connections.wait().await;
}

/// Raises the limit on open files so that `connections` fit, and warns if it cannot be raised so far.
pub fn raise_open_files(connections: usize) {
    let wanted = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHER_FILES);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed < wanted => tracing::warn!(
            allowed,
            wanted,
            "fewer files may be open than connections are allowed: raise the hard limit (LimitNOFILE, ulimit -Hn)"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, wanted, "the limit on open files could not be raised"),
    }
}

/// What accepting needs.
struct Server {
    slots: Arc<Semaphore>,
    refused: Arc<Semaphore>,
    front: Arc<Front>,
    connections: TaskTracker,
}

impl Server {
    fn admit(&self, stream: TcpStream, peer: SocketAddr, shutdown: &CancellationToken) {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return self.refuse(stream);
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "answers to this connection may be delayed");
        }
        let admission = Admission {
            _slot: slot,
            _counted: self.front.metrics().requests.connected(),
        };
        self.connections.spawn(connection::serve(
            stream,
            peer.ip(),
            Arc::clone(&self.front),
            // A token of its own, so that connections do not share a lock each time they are woken.
            shutdown.child_token(),
            admission,
        ));
    }

    fn refuse(&self, stream: TcpStream) {
        self.front.metrics().requests.refused(Refusal::Connections);
        if let Ok(slot) = Arc::clone(&self.refused).try_acquire_owned() {
            self.connections.spawn(async move {
                if timeout(LINGER, turn_away(stream)).await.is_err() {
                    tracing::debug!("a refused connection was still sending");
                }
                drop(slot);
            });
        }
    }
}

/// Answers 503 and reads until the peer has closed.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    let body = super::error::too_many_connections();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\nretry-after: 5\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await?;
    let mut ignored = [0; 1_024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// Tells the log that nothing can be accepted, unless it was told a moment ago.
fn complain(error: &io::Error, complained: &mut Option<Instant>) {
    if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
        tracing::warn!(%error, "connections cannot be accepted");
        *complained = Some(Instant::now());
    }
}

/// Whether accepting failed for a peer that has left, and not for the system.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
