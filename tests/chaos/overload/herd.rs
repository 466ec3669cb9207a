//! Pollers that all come back at once: F25.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::connections::as_many_as_may_be;
use super::siege::{Allowed, Siege, USUAL, connect, poll_of};
use crate::figure;

/// How long a poller waits for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon all but one of a hundred are answered; the system's queue of connections holds 1,024, and the others come
/// again a second later, and then two.
const SOON: Duration = Duration::from_secs(4);

/// Polls as a process that has just started does, once everybody may; tells how long that took.
async fn poll(url: String, mut start: watch::Receiver<bool>) -> Result<Duration, String> {
    start.wait_for(|started| *started).await.unwrap();
    let began = Instant::now();
    let polling = async {
        let mut stream = connect(&url).await?;
        stream.write_all(poll_of("shop").as_bytes()).await?;
        let mut buffer = [0; 4_096];
        let read = stream.read(&mut buffer).await?;
        Ok::<_, std::io::Error>((stream, buffer[..read].starts_with(b"HTTP/1.1 200 ")))
    };
    match timeout(PATIENCE, polling).await {
        Ok(Ok((_, true))) => Ok(began.elapsed()),
        Ok(Ok((_, false))) => Err("another answer".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f25_a_herd_of_pollers_that_start_at_once_is_answered() {
    let siege = Siege::begin("F25", &[]).await;
    let many = as_many_as_may_be();
    let (start, started) = watch::channel(false);
    let url = siege.service.url();
    let herd: Vec<_> = (0..many)
        .map(|_| tokio::spawn(poll(url.to_owned(), started.clone())))
        .collect();
    let began = Instant::now();
    start.send(true).unwrap();
    let polled: Vec<_> = join_all(herd)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let all = began.elapsed();
    let errors: Vec<_> = polled
        .iter()
        .filter_map(|poll| poll.as_ref().err())
        .collect();
    let mut took: Vec<_> = polled
        .iter()
        .filter_map(|poll| poll.as_ref().ok())
        .collect();
    took.sort();
    println!(
        "F25: {many} pollers at once: {} answered within {all:.1?}, {} errors; half of them within {:.2?}",
        took.len(),
        errors.len(),
        took[took.len() / 2]
    );
    assert!(
        errors.is_empty(),
        "F25: {:?}",
        &errors[..errors.len().min(5)]
    );
    figure("F25", "p99 of a poll", *took[took.len() * 99 / 100], SOON);
    siege
        .end(Allowed::of(USUAL + (many as u64) * (24 << 10), 0).within(SOON))
        .await;
}
