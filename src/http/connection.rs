//! One connection, from its first byte to its end.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::front::Front;
use super::limits::Limits;
use super::phase::{Guarded, Phase, Progress};
use crate::metrics::Held;
use crate::metrics::labels::Refusal;

/// The most that is read at once of a body, and kept of a head with what follows it.
const BUFFER: usize = 64 * 1_024;
/// How long at shutdown a request that has arrived may take to be noticed on a connection without one.
const ARRIVAL: Duration = Duration::from_millis(250);

/// What a connection holds while it is open: its slot, and its place in the count.
pub(super) struct Admission {
    pub(super) _slot: OwnedSemaphorePermit,
    pub(super) _counted: Held,
}

/// Serves one connection until it ends, is cut, or `shutdown` and the drain are over.
pub(super) async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    front: Arc<Front>,
    shutdown: CancellationToken,
    admission: Admission,
) {
    let limits = front.limits();
    let progress = Arc::new(Progress::new(Instant::now()));
    let io = TokioIo::new(Guarded::new(stream, Arc::clone(&progress)));
    let service = service_fn({
        let front = Arc::clone(&front);
        let progress = Arc::clone(&progress);
        move |request| {
            progress.begin_request();
            Arc::clone(&front).answer(request, peer, Arc::clone(&progress))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(BUFFER.max(limits.head_bytes))
            .max_header_size(limits.head_bytes)
            // One piece in one write: answers are short, and a list of pieces costs the system more than their copy.
            .writev(false)
            .serve_connection(io, service)
    );
    let mut watchdog = Watchdog {
        sleep: pin!(sleep(limits.first_byte.min(limits.idle))),
        progress,
        limits,
        drained: None,
    };
    let mut stop = pin!(shutdown.cancelled());
    let mut last = false;
    let end = poll_fn(|context| {
        if let Poll::Ready(result) = connection.as_mut().poll(context) {
            return Poll::Ready(End::of(&result));
        }
        if watchdog.drained.is_none() && stop.as_mut().poll(context).is_ready() {
            watchdog.drain();
        }
        // Told too early, the library would close a connection whose first request is just arriving.
        if watchdog.drained.is_some() && !last && watchdog.progress.phase() != Phase::New {
            last = true;
            connection.as_mut().graceful_shutdown();
            if let Poll::Ready(result) = connection.as_mut().poll(context) {
                return Poll::Ready(End::of(&result));
            }
        }
        watchdog.poll(context).map(End::Cut)
    })
    .await;
    match end {
        End::Done | End::Cut(None) => {}
        End::Refused(reason) | End::Cut(Some(reason)) => front.metrics().requests.refused(reason),
    }
    drop(admission);
}

/// How a connection ended.
enum End {
    /// By itself, or by its peer.
    Done,
    /// Its bytes were refused by the HTTP library, which answered.
    Refused(Refusal),
    /// Its time was up.
    Cut(Option<Refusal>),
}

impl End {
    fn of(result: &Result<(), hyper::Error>) -> Self {
        match result {
            Err(error) if error.is_parse_too_large() => Self::Refused(Refusal::HeadTooLarge),
            Err(error) if error.is_parse() => Self::Refused(Refusal::NotHttp),
            Err(_) | Ok(()) => Self::Done,
        }
    }
}

/// Cuts a connection whose time is up: one timer, moved at most once per wait and not per byte.
struct Watchdog<'a> {
    sleep: Pin<&'a mut Sleep>,
    progress: Arc<Progress>,
    limits: &'a Limits,
    /// When the drain is over, if the process is to stop.
    drained: Option<Instant>,
}

impl Watchdog<'_> {
    /// Gives what is in flight until the drain is over.
    fn drain(&mut self) {
        let now = Instant::now();
        self.drained = Some(now + self.limits.drain);
        self.sleep
            .as_mut()
            .reset(now + ARRIVAL.min(self.limits.drain));
    }

    /// Is ready when the connection must be cut, with what that is counted as.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Refusal>> {
        if self.progress.is_urgent() {
            let (deadline, _) = self.deadline();
            if deadline < self.sleep.deadline() {
                self.sleep.as_mut().reset(deadline);
            }
        }
        while self.sleep.as_mut().poll(context).is_ready() {
            let (deadline, reason) = self.deadline();
            if deadline <= Instant::now() {
                return Poll::Ready(reason);
            }
            self.sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn deadline(&self) -> (Instant, Option<Refusal>) {
        let own = self.progress.deadline(self.limits);
        match (self.drained, self.progress.phase()) {
            (Some(_), Phase::New) => (self.sleep.deadline(), None),
            (Some(drained), Phase::Head | Phase::Busy | Phase::Idle) if drained < own.0 => {
                (drained, Some(Refusal::Shutdown))
            }
            _ => own,
        }
    }
}
