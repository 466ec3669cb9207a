//! What a connection is doing, seen from its bytes and its requests.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::limits::Limits;
use crate::metrics::labels::Refusal;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has sent nothing yet.
    New,
    /// A request's head has begun and is not complete.
    Head,
    /// A request is being answered.
    Busy,
    /// It waits for its next request.
    Idle,
}

/// The phase of one connection and since when, written by its I/O and its requests, read by its watchdog.
#[derive(Debug)]
pub(super) struct Progress {
    opened: Instant,
    /// Milliseconds from `opened`, shifted left by two, and the phase in the two lowest bits.
    phase: AtomicU64,
    /// Milliseconds from `opened` to the first write that the peer did not take, plus one; zero if it takes them.
    stalled: AtomicU64,
}

impl Progress {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            opened: now,
            phase: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) & 3 {
            0 => Phase::New,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Idle,
        }
    }

    /// A request's head is complete.
    pub(super) fn begin_request(&self) {
        self.phase.store(2, Ordering::Relaxed);
    }

    /// Whether the connection may have to be cut before its watchdog wakes by itself.
    pub(super) fn is_urgent(&self) -> bool {
        self.phase() == Phase::Head || self.stalled.load(Ordering::Relaxed) != 0
    }

    /// When the connection is cut unless it does something, and what for.
    pub(super) fn deadline(&self, limits: &Limits) -> (Instant, Option<Refusal>) {
        let since = Duration::from_millis(self.phase.load(Ordering::Relaxed) >> 2);
        let (after, reason) = match self.phase() {
            Phase::New => (limits.first_byte, Some(Refusal::NoRequest)),
            Phase::Head => (since + limits.head, Some(Refusal::SlowHead)),
            Phase::Busy => (self.opened.elapsed() + limits.idle, None),
            Phase::Idle => (since + limits.idle, None),
        };
        let stalled = self.stalled.load(Ordering::Relaxed);
        let unread = Duration::from_millis(stalled) + limits.write;
        if stalled != 0 && unread < after {
            (self.opened + unread, Some(Refusal::SlowReader))
        } else {
            (self.opened + after, reason)
        }
    }

    fn received(&self) {
        match self.phase() {
            Phase::New | Phase::Idle => self.enter(1),
            Phase::Head | Phase::Busy => {}
        }
    }

    /// The connection is done with an answer.
    pub(super) fn answered(&self) {
        self.enter(3);
    }

    fn enter(&self, phase: u64) {
        self.phase.store(self.now() << 2 | phase, Ordering::Relaxed);
    }

    fn wrote(&self, taken: bool) {
        if taken {
            if self.stalled.load(Ordering::Relaxed) != 0 {
                self.stalled.store(0, Ordering::Relaxed);
            }
        } else if self.stalled.load(Ordering::Relaxed) == 0 {
            self.stalled.store(self.now() + 1, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX >> 2)
    }
}

/// A connection's bytes, which tell its progress.
#[derive(Debug)]
pub(super) struct Guarded {
    stream: TcpStream,
    progress: Arc<Progress>,
}

impl Guarded {
    pub(super) const fn new(stream: TcpStream, progress: Arc<Progress>) -> Self {
        Self { stream, progress }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.progress.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.progress.wrote(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.progress.wrote(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
