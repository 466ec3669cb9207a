//! A wire between programs, on which anything can happen that happens on wires.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// Where a wire leads.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// A port of the loopback interface.
    Port(u16),
    /// A Unix socket.
    Socket(PathBuf),
}

/// A wire from a port of its own to another program; cut when dropped.
pub(crate) struct Wire {
    port: u16,
    faults: Arc<Faults>,
    accepting: tokio::task::JoinHandle<()>,
}

/// What is wrong with a wire.
struct Faults {
    /// Connections up to this number carry nothing any more, and stay open.
    silent: AtomicU64,
    /// Connections up to this number are reset.
    reset: watch::Sender<u64>,
    /// How many connections there have been.
    made: AtomicU64,
    /// Nobody gets through.
    cut: AtomicBool,
    /// The next answer is lost, and its connection with it.
    loses_answer: AtomicBool,
    /// How long everything takes in each direction, in µs, give or take a quarter.
    latency: AtomicU64,
    /// How many bytes a second each direction of a connection carries; 0 is as many as there are.
    bandwidth: AtomicU64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            silent: AtomicU64::default(),
            reset: watch::Sender::new(0),
            made: AtomicU64::default(),
            cut: AtomicBool::default(),
            loses_answer: AtomicBool::default(),
            latency: AtomicU64::default(),
            bandwidth: AtomicU64::default(),
        }
    }
}

impl Wire {
    /// Lays a wire from a port that the system chooses.
    pub(crate) async fn to(end: End) -> Self {
        Self::from(TcpListener::bind("127.0.0.1:0").await.unwrap(), end)
    }

    /// Lays a wire from the port of `listener`.
    pub(crate) fn from(listener: TcpListener, end: End) -> Self {
        let port = listener.local_addr().unwrap().port();
        let faults = Arc::new(Faults::default());
        let shared = Arc::clone(&faults);
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = shared.made.fetch_add(1, Ordering::SeqCst) + 1;
                if shared.cut.load(Ordering::SeqCst) {
                    let _gone_already = near.set_zero_linger();
                    continue;
                }
                tokio::spawn(carry(near, end.clone(), number, Arc::clone(&shared)));
            }
        });
        Self {
            port,
            faults,
            accepting,
        }
    }

    /// The port that it begins at.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Swallows what the connections of now carry, without closing them; new ones work.
    pub(crate) fn swallow(&self) {
        let made = self.faults.made.load(Ordering::SeqCst);
        self.faults.silent.store(made, Ordering::SeqCst);
    }

    /// Resets the connections of now.
    pub(crate) fn reset(&self) {
        let made = self.faults.made.load(Ordering::SeqCst);
        self.faults.reset.send_replace(made);
    }

    /// Resets everything, and new connections too, until it is mended.
    pub(crate) fn cut(&self) {
        self.faults.cut.store(true, Ordering::SeqCst);
        self.reset();
    }

    /// Ends a cut.
    pub(crate) fn mend(&self) {
        self.faults.cut.store(false, Ordering::SeqCst);
    }

    /// Delivers the next question, and loses its answer and the connection.
    pub(crate) fn lose_next_answer(&self) {
        self.faults.loses_answer.store(true, Ordering::SeqCst);
    }

    /// Makes everything take this long in each direction, give or take a quarter.
    pub(crate) fn delay(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap();
        self.faults.latency.store(micros, Ordering::SeqCst);
    }

    /// Carries this many bytes a second in each direction of a connection, or as many as there are with 0.
    pub(crate) fn narrow(&self, bytes_per_second: u64) {
        let bandwidth = &self.faults.bandwidth;
        bandwidth.store(bytes_per_second, Ordering::SeqCst);
    }

    /// How many connections there have been.
    pub(crate) fn made(&self) -> u64 {
        self.faults.made.load(Ordering::SeqCst)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
        self.faults.reset.send_replace(u64::MAX);
    }
}

impl Faults {
    /// How long a piece of this length takes.
    fn takes(&self, length: usize, spread: u64) -> Duration {
        let latency = self.latency.load(Ordering::SeqCst);
        let latency = latency - latency / 4 + spread % (latency / 2 + 1);
        let length = u64::try_from(length).unwrap();
        let bandwidth = self.bandwidth.load(Ordering::SeqCst);
        let width = (length * 1_000_000).checked_div(bandwidth).unwrap_or(0);
        Duration::from_micros(latency + width)
    }
}

async fn carry(mut near: TcpStream, end: End, number: u64, faults: Arc<Faults>) {
    let mut resets = faults.reset.subscribe();
    let is_reset = tokio::select! {
        _ended = connect(&mut near, &end, number, &faults) => false,
        _told = resets.wait_for(|reset| *reset >= number) => true,
    };
    if is_reset {
        let _gone_already = near.set_zero_linger();
    }
}

async fn connect(
    near: &mut TcpStream,
    end: &End,
    number: u64,
    faults: &Faults,
) -> std::io::Result<()> {
    near.set_nodelay(true)?;
    let (asking, answered) = near.split();
    match end {
        End::Port(port) => {
            let mut far = TcpStream::connect(("127.0.0.1", *port)).await?;
            far.set_nodelay(true)?;
            let (answers, asked) = far.split();
            tokio::select! {
                ended = one_way(asking, asked, number, faults, false) => ended,
                ended = one_way(answers, answered, number, faults, true) => ended,
            }
        }
        End::Socket(path) => {
            let mut far = UnixStream::connect(path).await?;
            let (answers, asked) = far.split();
            tokio::select! {
                ended = one_way(asking, asked, number, faults, false) => ended,
                ended = one_way(answers, answered, number, faults, true) => ended,
            }
        }
    }
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    number: u64,
    faults: &Faults,
    is_answer: bool,
) -> std::io::Result<()> {
    let mut piece = vec![0; 65_536];
    let mut spread = number;
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        spread = spread
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let takes = faults.takes(length, spread >> 33);
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        if number <= faults.silent.load(Ordering::SeqCst) {
            continue;
        }
        if is_answer && faults.loses_answer.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        to.write_all(&piece[..length]).await?;
    }
}
