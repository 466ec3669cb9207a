//! Names that somebody invents: F24.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::siege::{Allowed, STATUS, Siege, USUAL, connect, poll_of};
use crate::is_strict;
use crate::service::{APP_TOKEN, answer};

/// How many polls are on their way at once on a connection.
const PIPELINED: usize = 128;
/// The most time that is spent on each kind of name.
const LONGEST: Duration = Duration::from_secs(30);

/// Asks for applications that nobody has heard of, on one connection, until `most` are reached or time is up.
async fn invent(url: String, who: usize, most: usize) -> usize {
    let mut stream = connect(&url).await.unwrap();
    let began = Instant::now();
    let mut asked = 0;
    let mut buffer = vec![0; 256 << 10];
    while asked < most && began.elapsed() < LONGEST {
        let polls: String = (asked..asked + PIPELINED)
            .map(|number| poll_of(&format!("invented-{who}-{number}")))
            .collect();
        stream.write_all(polls.as_bytes()).await.unwrap();
        let mut answers = String::new();
        // every answer ends its body with this, and no other part of it has one
        while answers.matches('}').count() < PIPELINED {
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "closed");
            answers.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        let good = answers.matches("HTTP/1.1 200 ").count();
        assert_eq!(good, PIPELINED, "{answers}");
        asked += PIPELINED;
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f24_polls_for_ever_new_names() {
    const CONNECTIONS: usize = 4;
    let siege = Siege::begin("F24 polls", &[]).await;
    let began = Instant::now();
    let url = siege.service.url();
    let inventors = (0..CONNECTIONS).map(|who| {
        let most = 1_000_000 / CONNECTIONS;
        tokio::spawn(invent(url.to_owned(), who, most))
    });
    let names: usize = join_all(inventors)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    println!("F24 polls: {names} names in {:.1?}", began.elapsed());
    let service = siege.end(Allowed::of(USUAL, 0)).await;
    let metrics = service.admin("/metrics").await.1;
    assert!(!metrics.contains("invented"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f24_errors_of_ever_new_names() {
    const A_REQUEST: u64 = 500;
    let siege = Siege::begin("F24 errors", &[]).await;
    let (began, length) = (
        Instant::now(),
        if is_strict() { LONGEST } else { LONGEST / 10 },
    );
    let (mut sent, mut accepted) = (0, 0);
    while sent < 1_000_000 && began.elapsed() < length {
        let event =
            |number: u64| json!({"app": format!("invented-{number}"), "environment": "production"});
        let events: Vec<Value> = (sent..sent + A_REQUEST).map(event).collect();
        let request = siege.service.request(Method::POST, "/api/autolog/errors");
        let request = request.bearer_auth(APP_TOKEN);
        let (status, body) = answer(request.json(&json!({"events": events}))).await;
        assert_eq!(status, 202, "{body}");
        accepted += body["accepted"].as_u64().unwrap();
        let rejected = body["rejected"].as_array().unwrap();
        assert!(
            rejected
                .iter()
                .all(|event| event["code"] == "cardinality_limit")
        );
        sent += A_REQUEST;
    }
    println!(
        "F24 errors: {sent} names in {:.1?}, {accepted} of them are counted",
        began.elapsed()
    );
    assert!(accepted <= 50_000, "{accepted}");
    let rejected = siege.service.metric("autolog_errors_rejected_total").await;
    println!("F24 errors: {rejected} rejected");
    // What 50,000 windows take, the most that are kept.
    let service = siege.end(Allowed::of(USUAL + (64 << 20), STATUS)).await;
    let metrics = service.admin("/metrics").await.1;
    assert!(!metrics.contains("invented"));
}
