//! Bodies that are long, and many of them at once: F20.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::siege::{Allowed, STATUS, Siege, USUAL, connect, post_of};
use crate::service::{OPERATOR_TOKEN, WEBHOOK_SECRET, alert, message};
use crate::{is_strict, until};

/// The longest body that a webhook may have.
const LONGEST: usize = 16 << 20;
/// What there is room for at once: two of the longest bodies, once more while they grow, and what is read from them.
const ROOM: u64 = 4 * LONGEST as u64;

/// A message of Alertmanager's that is as long as this.
fn message_of(length: usize) -> Vec<u8> {
    let alerts: Vec<_> = (0..20)
        .map(|number| {
            alert(
                &format!("f{number}"),
                "firing",
                "shop",
                "2026-01-01T00:00:00Z",
            )
        })
        .collect();
    let mut message = message(&alerts);
    let bare = message.to_string().len();
    message["externalURL"] = "x"
        .repeat(length - bare + "http://alertmanager".len())
        .into();
    let text = message.to_string().into_bytes();
    assert_eq!(text.len(), length);
    text
}

/// Sends one body, as fast as it is taken, and returns the status of the answer; none if the connection broke.
async fn send(url: &str, body: &[u8]) -> Option<u16> {
    let head = post_of("/webhook/autolog", WEBHOOK_SECRET, body.len());
    exchange(url, &head, &[body]).await
}

/// Sends one body in pieces, so that nobody knows beforehand how long it is.
async fn send_in_pieces(url: &str, path: &str, secret: &str, body: &[u8]) -> Option<u16> {
    let head = post_of(path, secret, 0).replace("content-length: 0", "transfer-encoding: chunked");
    let size = format!("{:x}\r\n", 1 << 20);
    let pieces = body
        .chunks_exact(1 << 20)
        .flat_map(|piece| [size.as_bytes(), piece, b"\r\n"]);
    exchange(url, &head, &pieces.collect::<Vec<_>>()).await
}

async fn exchange(url: &str, head: &str, parts: &[&[u8]]) -> Option<u16> {
    let mut stream = connect(url).await.ok()?;
    stream.write_all(head.as_bytes()).await.ok()?;
    let (mut reader, mut writer) = stream.split();
    let sending = async {
        for part in parts {
            if writer.write_all(part).await.is_err() {
                break; // answered before the end
            }
        }
        std::future::pending::<()>().await;
    };
    let mut buffer = [0; 4_096];
    let read = tokio::select! {
        () = sending => return None,
        read = reader.read(&mut buffer) => read.ok()?,
    };
    let head = String::from_utf8_lossy(&buffer[..read]);
    head.split(' ').nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f20_a_storm_of_webhooks_as_long_as_they_may_be_and_longer() {
    let siege = Siege::begin("F20 webhooks", &[]).await;
    let length = Duration::from_secs(if is_strict() { 15 } else { 3 });
    let sizes = [LONGEST, LONGEST + 1, 1 << 20, 2_000];
    let bodies = sizes.map(|size| Arc::new(message_of(size.max(6_000))));
    let began = Instant::now();
    let senders = (0..40).map(|number| {
        let (url, body) = (
            siege.service.url().to_owned(),
            Arc::clone(&bodies[number % 4]),
        );
        tokio::spawn(async move {
            let mut statuses = BTreeMap::<Option<u16>, u32>::new();
            while began.elapsed() < length {
                let status = send(&url, &body).await;
                *statuses.entry(status).or_default() += 1;
                if status == Some(503) {
                    tokio::time::sleep(Duration::from_millis(100)).await; // as one who tries again later
                }
            }
            (number % 4, statuses)
        })
    });
    let mut all: [BTreeMap<Option<u16>, u32>; 4] = Default::default();
    for sender in join_all(senders).await {
        let (which, statuses) = sender.unwrap();
        for (status, times) in statuses {
            *all[which].entry(status).or_default() += times;
        }
    }
    for (size, statuses) in sizes.iter().zip(&all) {
        println!("F20 webhooks: of {size} bytes: {statuses:?}");
    }
    for (which, statuses) in all.iter().enumerate() {
        let allowed: &[u16] = match which {
            1 => &[413],
            3 => &[200],
            _ => &[200, 503],
        };
        for status in statuses.keys() {
            assert!(
                status.is_some_and(|status| allowed.contains(&status)),
                "{which}: {statuses:?}"
            );
        }
        let good = if which == 1 { 413 } else { 200 };
        assert!(statuses.contains_key(&Some(good)), "{which}: {statuses:?}");
    }
    siege.end(Allowed::of(USUAL + ROOM, 3 * STATUS)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_a_body_of_a_hundred_megabytes_is_refused_and_not_kept() {
    const LONG: usize = 100_000_000;
    let siege = Siege::begin("F20 100 MB", &[]).await;
    let junk = vec![b'x'; LONG];
    assert_eq!(send(siege.service.url(), &junk).await, Some(413));
    for (path, secret) in [
        ("/webhook/autolog", WEBHOOK_SECRET),
        ("/api/autolog/enable", OPERATOR_TOKEN),
    ] {
        let status = send_in_pieces(siege.service.url(), path, secret, &junk).await;
        assert_eq!(status, Some(413), "{path}");
    }
    until("each is counted", async || {
        siege.refused("body_too_large").await >= 3.0
    })
    .await;
    let compressed = siege.service.request(Method::POST, "/webhook/autolog");
    let compressed = compressed.bearer_auth(WEBHOOK_SECRET);
    let compressed = compressed
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(vec![0; 10_000]);
    assert_eq!(compressed.send().await.unwrap().status(), 415);
    // One body in pieces is kept until it is too long, and grows by doubling.
    siege
        .end(Allowed::of(USUAL + 3 * LONGEST as u64, 3 * STATUS))
        .await;
}
