//! Secrets that somebody guesses: F23.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{MissedTickBehavior, interval};

use super::siege::{Allowed, STATUS, Siege, USUAL, connect, post_of};
use crate::is_strict;
use crate::service::message;

/// How many guess.
const GUESSERS: u32 = 10;
/// How often each of them does.
const PACE: Duration = Duration::from_millis(10);

/// Guesses until the time is up; tells how often it was refused, and how often it was slowed down.
async fn guess(url: String, length: Duration) -> (u32, u32) {
    let mut stream = connect(&url).await.unwrap();
    let (began, mut ticks) = (Instant::now(), interval(PACE));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut refused, mut slowed) = (0, 0);
    let mut buffer = [0; 4_096];
    while began.elapsed() < length {
        ticks.tick().await;
        let guess = format!("{}{{}}", post_of("/webhook/autolog", "a-guess", 2));
        stream.write_all(guess.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(
                read > 0,
                "closed after {:?}",
                String::from_utf8_lossy(&answer)
            );
            answer.extend_from_slice(&buffer[..read]);
        }
        let text = String::from_utf8_lossy(&answer);
        if text.starts_with("HTTP/1.1 429 ") {
            assert!(text.contains("retry-after: 1\r\n"), "{text}");
            slowed += 1;
        } else {
            assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
            refused += 1;
        }
    }
    (refused, slowed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f23_a_thousand_wrong_secrets_a_second_and_every_right_one_works() {
    let siege = Siege::begin("F23 guesses", &[]).await;
    let length = Duration::from_secs(if is_strict() { 10 } else { 2 });
    let (began, url) = (Instant::now(), siege.service.url());
    let guessers = (0..GUESSERS).map(|_| tokio::spawn(guess(url.to_owned(), length)));
    let right = async {
        let (began, mut right) = (Instant::now(), 0_u32);
        while began.elapsed() < length {
            let alerts = siege.service.webhook("autolog", &message(&[])).await;
            assert_eq!(alerts.0, 200, "{}", alerts.1);
            let listed = siege.service.get("/api/autolog/list").await;
            assert_eq!(listed.0, 200, "{}", listed.1);
            right += 2;
            tokio::time::sleep(Duration::from_millis(5)).await; // the pace of those who know
        }
        right
    };
    let (guessed, right) = tokio::join!(join_all(guessers), right);
    let (mut refused, mut slowed) = (0, 0);
    for guesser in guessed {
        let (of_one, slow) = guesser.unwrap();
        refused += of_one;
        slowed += slow;
    }
    println!(
        "F23 guesses: {} in {length:?}, {refused} answered 401, {slowed} answered 429; {right} of {right} right ones worked",
        refused + slowed
    );
    // An address may be wrong a hundred times, and then ten times a second.
    let allowed = 110 + 10 * u32::try_from(began.elapsed().as_secs() + 1).unwrap();
    assert!(refused <= allowed, "{refused} of {allowed}");
    assert!(slowed > 0, "nobody is slowed down");
    assert!((siege.refused("wrong_secrets").await - f64::from(slowed)).abs() < 0.5);
    siege.end(Allowed::of(USUAL, 4 * STATUS)).await;
}
