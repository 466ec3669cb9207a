//! Many who hold a connection: idle ones, or watchers that tell when a change has reached them.
//!
//! `watchers ADDRESS COUNT TOKEN idle|watch APP` connects, prints `ready`, and goes on until standard input ends. For each
//! line that it reads (an instant in microseconds of the Unix epoch) it waits until every watcher has got an event, and
//! prints the microseconds from that instant to the first, the median and the last.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

type Failure = Box<dyn std::error::Error>;

fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros())
}

/// Reads events for ever, and reports when each came.
async fn watch(
    mut stream: TcpStream,
    ready: Arc<AtomicUsize>,
    report: mpsc::UnboundedSender<u128>,
) {
    let mut buffer = [0_u8; 2048];
    let mut is_first = true;
    while let Ok(length) = stream.read(&mut buffer).await {
        if length == 0 {
            return;
        }
        let came = now();
        let text = buffer.get(..length).unwrap_or_default();
        let events = text.windows(6).filter(|part| *part == b"data: ").count();
        for _ in 0..events {
            if is_first {
                is_first = false;
                ready.fetch_add(1, Ordering::Relaxed);
            } else if report.send(came).is_err() {
                return;
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().unwrap_or_default();
    let (address, count, token, kind, app) =
        (next(), next().parse::<usize>()?, next(), next(), next());
    let path = if kind == "watch" { "watch" } else { "check" };
    let request = format!(
        "GET /api/autolog/{path}?app={app}&environment=production HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let ready = Arc::new(AtomicUsize::new(0));
    let (report, mut reports) = mpsc::unbounded_channel();
    let mut idle = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(&address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(request.as_bytes()).await?;
        if kind == "watch" {
            tokio::spawn(watch(stream, Arc::clone(&ready), report.clone()));
            tokio::task::yield_now().await;
        } else {
            let mut buffer = [0_u8; 2048];
            let _answer = stream.read(&mut buffer).await?;
            idle.push(stream);
            ready.fetch_add(1, Ordering::Relaxed);
        }
    }
    while ready.load(Ordering::Relaxed) < count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("ready");
    std::io::stdout().flush()?;
    let (asked, mut lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if asked.send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = lines.recv().await {
        let begun: u128 = line.trim().parse()?;
        let mut came = Vec::with_capacity(count);
        while came.len() < count {
            let Some(at) = reports.recv().await else {
                return Ok(());
            };
            came.push(at.saturating_sub(begun));
        }
        came.sort_unstable();
        let at = |index: usize| came.get(index).copied().unwrap_or_default();
        println!("{} {} {}", at(0), at(count / 2), at(count - 1));
        std::io::stdout().flush()?;
    }
    Ok(())
}
