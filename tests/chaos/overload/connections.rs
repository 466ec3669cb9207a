//! Connections that are slow, idle, or speak something else: F20.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use super::siege::{Allowed, STATUS, Siege, USUAL, connect, poll_of, post_of};
use crate::service::{OPERATOR_TOKEN, WEBHOOK_SECRET};
use crate::{figure, is_strict, lasts, until};

/// How long the head of a request, and a connection's first byte, may take.
const HEAD: Duration = Duration::from_secs(5);
/// How long a body may take.
const BODY: Duration = Duration::from_secs(10);
/// How much later than that a busy machine may cut a connection.
const BUSY: Duration = Duration::from_secs(2);
/// How often a slow client sends a byte.
const DRIP: Duration = Duration::from_millis(200);

/// Sends this, and then a byte now and then, until the other side has had enough; tells what it said, and when.
async fn drip(mut stream: TcpStream, first: String) -> (String, Duration) {
    let began = Instant::now();
    stream.write_all(first.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let dripping = async {
        let mut ticks = interval(DRIP);
        loop {
            ticks.tick().await;
            if writer.write_all(b"a").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut answer = Vec::new();
    let reading = async {
        let mut buffer = [0; 4_096];
        while let Ok(read @ 1..) = reader.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..read]);
        }
    };
    tokio::select! {
        () = dripping => {}
        () = reading => {}
    }
    (
        String::from_utf8_lossy(&answer).into_owned(),
        began.elapsed(),
    )
}

fn slowest(dripped: &[(String, Duration)]) -> Duration {
    dripped
        .iter()
        .map(|(_, took)| *took)
        .max()
        .unwrap_or_default()
}

fn answered(dripped: &[(String, Duration)], status: u16) -> usize {
    let line = format!("HTTP/1.1 {status} ");
    let answers = dripped.iter().map(|(answer, _)| answer);
    answers.filter(|answer| answer.starts_with(&line)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f20_five_hundred_heads_that_trickle() {
    let siege = Siege::begin("F20 slow heads", &[]).await;
    let dripping = (0..500).map(async |_| {
        let first = "GET /api/autolog/check?app=".to_owned();
        drip(siege.connect().await, first).await
    });
    let dripped = join_all(dripping).await;
    figure(
        "F20 slow heads",
        "cut after, at most",
        slowest(&dripped),
        HEAD + BUSY,
    );
    assert!(dripped.iter().all(|(answer, _)| answer.is_empty()));
    until("each is counted", async || {
        siege.refused("slow_head").await >= 500.0
    })
    .await;
    siege.end(Allowed::of(USUAL, 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f20_bodies_that_trickle_are_given_up_and_webhooks_among_them_find_no_room() {
    let siege = Siege::begin("F20 slow bodies", &[]).await;
    let of = async |path: &str, secret: &str, count: usize| {
        let head = post_of(path, secret, 60_000);
        let dripping = (0..count).map(async |_| drip(siege.connect().await, head.clone()).await);
        join_all(dripping).await
    };
    let (orders, webhooks, strangers) = tokio::join!(
        of("/api/autolog/enable", OPERATOR_TOKEN, 250),
        of("/webhook/autolog", WEBHOOK_SECRET, 250),
        of("/webhook/autolog", "who-knows-what-the-secret-is", 50)
    );
    for (whose, dripped) in [
        ("orders", &orders),
        ("webhooks", &webhooks),
        ("strangers", &strangers),
    ] {
        figure(
            "F20 slow bodies",
            &format!("{whose} are answered after, at most"),
            slowest(dripped),
            BODY + BUSY,
        );
    }
    assert_eq!(answered(&orders, 408), 250);
    assert_eq!(answered(&webhooks, 503), 250);
    assert_eq!(answered(&strangers, 401), 50);
    // There is room for 64 webhooks; the others are told at once.
    let (slow, no_room) = (
        siege.refused("slow_body").await,
        siege.refused("webhooks").await,
    );
    assert!(slow >= 250.0 + 64.0, "{slow}");
    assert!((slow + no_room - 500.0).abs() < 0.5, "{slow} {no_room}");
    siege.end(Allowed::of(USUAL, 3 * STATUS)).await;
}

/// Files that are no connections of a test.
const OTHERS: u64 = 500;

/// As many as the limits on open files allow this process and the service, of ten thousand.
pub(super) fn as_many_as_may_be() -> usize {
    let wanted = 10_000_u64;
    let allowed = rlimit::increase_nofile_limit(wanted + OTHERS).unwrap();
    let many = wanted.min(allowed.saturating_sub(OTHERS)).max(OTHERS);
    if many < wanted {
        println!("NOT CHECKED: more than {many} connections, since no more files may be open");
    }
    usize::try_from(many).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f20_ten_thousand_idle_connections() {
    let siege = Siege::begin("F20 idle", &[]).await;
    let half = as_many_as_may_be() / 2;
    let mut idle = Vec::new();
    for _ in 0..half {
        let mut stream = siege.connect().await;
        assert!(is_answered(&mut stream).await);
        idle.push(stream);
    }
    let began = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..half {
        let (mut stream, opened) = (siege.connect().await, Instant::now());
        // Those who have said nothing are cut; those who have asked once may come back.
        silent.push(tokio::spawn(async move {
            let end = timeout(HEAD + BUSY, stream.read_u8()).await;
            assert!(end.unwrap().is_err());
            opened.elapsed()
        }));
    }
    let open = siege.service.metric("autolog_http_connections").await;
    println!(
        "F20 idle: {open} connections are open {:.1?} after the first",
        began.elapsed()
    );
    let cut = join_all(silent).await.into_iter().map(Result::unwrap).max();
    figure(
        "F20 idle",
        "the silent ones are cut after, at most",
        cut.unwrap_or_default(),
        HEAD + BUSY,
    );
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let each = half as f64;
    assert!(siege.refused("no_request").await >= each);
    for stream in &mut idle {
        assert!(is_answered(stream).await);
    }
    // Two buffers for each.
    siege
        .end(Allowed::of(USUAL + (half as u64) * 2 * (24 << 10), 0))
        .await;
}

/// Polls on the connection, and tells whether there was a good answer.
async fn is_answered(stream: &mut TcpStream) -> bool {
    stream.write_all(poll_of("shop").as_bytes()).await.unwrap();
    let mut buffer = [0; 4_096];
    let read = timeout(BODY, stream.read(&mut buffer)).await;
    let read = read.unwrap().unwrap_or_default();
    buffer[..read].starts_with(b"HTTP/1.1 200 ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_a_flood_of_what_is_not_this_protocol() {
    const OTHERS: [&[u8]; 3] = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n",
        b"EHLO example.com\r\n\r\n",
    ];
    let siege = Siege::begin("F20 other protocols", &[]).await;
    let length = Duration::from_secs(if is_strict() { 10 } else { 2 });
    let (began, url) = (Instant::now(), siege.service.url().to_owned());
    let floods = (0..16).map(|number| {
        let url = url.clone();
        tokio::spawn(async move {
            let mut sent = 0_u32;
            while began.elapsed() < length {
                let mut stream = connect(&url).await.unwrap();
                stream.write_all(OTHERS[number % 3]).await.unwrap();
                let mut rest = Vec::new();
                let end = timeout(HEAD + BUSY, stream.read_to_end(&mut rest)).await;
                let _reset_after_the_answer = end.unwrap();
                let answer = String::from_utf8_lossy(&rest);
                assert!(
                    answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
                    "{answer}"
                );
                sent += 1;
            }
            sent
        })
    });
    let sent: u32 = join_all(floods).await.into_iter().map(Result::unwrap).sum();
    println!("F20 other protocols: {sent} connections in {length:?}");
    until("each is counted", async || {
        siege.refused("not_http").await >= f64::from(sent)
    })
    .await;
    lasts(Duration::from_millis(100)).await;
    siege.end(Allowed::of(USUAL, 0)).await;
}
