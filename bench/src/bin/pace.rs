//! Polls at a fixed rate, whatever the answers take. `pace ADDRESS RATE SECONDS CONNECTIONS TOKEN`
//!
//! Prints how many were answered 200, how many were not, and the median, 99th percentile and longest time in
//! microseconds. Each counts from the instant at which the poll was due, so that a stall shows in all that it delays.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

async fn poll(
    address: String,
    token: String,
    (first, every, end): (Instant, Duration, Instant),
    number: usize,
) -> std::io::Result<Vec<(bool, u128)>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /api/autolog/check?app=app-{number}&environment=production HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let mut buffer = [0_u8; 4096];
    let mut times = Vec::new();
    let mut due = first;
    while due < end {
        sleep_until(due).await;
        stream.write_all(request.as_bytes()).await?;
        let length = stream.read(&mut buffer).await?;
        let answer = buffer.get(..length).unwrap_or_default();
        times.push((
            answer.starts_with(b"HTTP/1.1 200"),
            due.elapsed().as_micros(),
        ));
        due += every;
    }
    Ok(times)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().unwrap_or_default();
    let (address, rate, seconds) = (next(), next().parse::<u32>()?, next().parse()?);
    let (connections, token) = (next().parse::<u32>()?, next());
    let every = Duration::from_secs(1) * connections / rate;
    let begun = Instant::now() + Duration::from_millis(100);
    let end = begun + Duration::from_secs(seconds);
    let polls: Vec<_> = (0..connections)
        .map(|number| {
            let first = begun + every * number / connections;
            let poll = poll(
                address.clone(),
                token.clone(),
                (first, every, end),
                number as usize,
            );
            tokio::spawn(poll)
        })
        .collect();
    let mut times = Vec::new();
    for poll in polls {
        times.extend(poll.await??);
    }
    let good = times.iter().filter(|(good, _)| *good).count();
    let mut times: Vec<u128> = times.into_iter().map(|(_, time)| time).collect();
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get((times.len() * share / 1000).min(times.len() - 1))
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{good} {} {} {} {}",
        times.len() - good,
        at(500),
        at(990),
        at(1000)
    );
    Ok(())
}
