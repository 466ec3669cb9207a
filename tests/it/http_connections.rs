//! What a connection may do, and when it is cut. Limits are shortened so that time can really pass.

use std::time::Duration;

use autolog::http::limits::Limits;
use tokio::time::{Instant, interval, sleep};

use crate::http_world::{CHECK, OPERATOR, World, get_with};

const SHORT: Duration = Duration::from_millis(200);

fn limits() -> Limits {
    Limits {
        first_byte: SHORT,
        head: SHORT,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_when_its_time_is_up() {
    let world = World::with(limits()).await;
    let mut wire = world.connect().await;
    wire.send("GET /api/autolog/check?app=").await;
    let begun = Instant::now();
    let (mut reader, mut writer) = wire.0.into_split();
    let trickle = tokio::spawn(async move {
        let mut pace = interval(Duration::from_millis(20));
        loop {
            pace.tick().await;
            if tokio::io::AsyncWriteExt::write_all(&mut writer, b"a")
                .await
                .is_err()
            {
                return;
            }
        }
    });
    let mut rest = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut rest).await;
    let took = begun.elapsed();
    assert!(took + Duration::from_millis(20) >= SHORT, "{took:?}");
    assert!(took < SHORT * 10, "{took:?}");
    assert!(rest.is_empty());
    world
        .sees("autolog_http_refused_total{reason=\"slow_head\"} 1")
        .await;
    world.sees("autolog_http_connections 0").await;
    trickle.abort();
}

#[tokio::test]
async fn a_second_head_has_its_own_time_and_is_cut_too() {
    let world = World::with(limits()).await;
    let mut wire = world.connect().await;
    wire.send(CHECK).await;
    assert_eq!(wire.reply().await.status, 200);
    sleep(SHORT * 2).await; // longer than a head may take: it is not counted from the first request
    wire.send("GET /").await;
    assert!(wire.closed().await.is_empty());
    world
        .sees("autolog_http_refused_total{reason=\"slow_head\"} 1")
        .await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_cut() {
    let world = World::with(limits()).await;
    assert!(world.connect().await.closed().await.is_empty());
    world
        .sees("autolog_http_refused_total{reason=\"no_request\"} 1")
        .await;
}

#[tokio::test]
async fn a_poller_that_comes_back_later_keeps_its_connection() {
    let world = World::with(limits()).await;
    let mut wire = world.connect().await;
    for _ in 0..3 {
        wire.send(CHECK).await;
        assert_eq!(wire.reply().await.body, "app shop");
        sleep(SHORT * 3).await; // the poll interval, for which nothing may cut the connection
    }
    assert!(world.metrics().contains("reason=\"slow_head\"} 0"));
}

#[tokio::test]
async fn a_connection_that_waits_too_long_is_closed_and_not_counted_as_refused() {
    let idle = Limits {
        idle: SHORT,
        ..Limits::default()
    };
    let world = World::with(idle).await;
    let mut wire = world.connect().await;
    wire.send(CHECK).await;
    assert_eq!(wire.reply().await.status, 200);
    let begun = Instant::now();
    assert!(wire.closed().await.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(5));
    world.sees("autolog_http_connections 0").await;
    let refused = world.metrics();
    let refused = refused
        .lines()
        .filter(|line| line.starts_with("autolog_http_refused_total"));
    assert!(
        refused.clone().all(|line| line.ends_with(" 0")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_slow_handler_is_no_slow_client() {
    let all_short = Limits {
        idle: SHORT,
        ..limits()
    };
    let world = World::with(all_short).await;
    let mut wire = world.connect().await;
    let list = get_with(
        "/api/autolog/list",
        &format!("authorization: Bearer {OPERATOR}"),
    );
    wire.send(list).await;
    sleep(SHORT * 4).await; // longer than any client may take, for which nothing may cut the connection
    world.gate.add_permits(1);
    assert_eq!(wire.reply().await.body, "listed");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut() {
    let impatient = Limits {
        write: SHORT,
        ..Limits::default()
    };
    let world = World::with(impatient).await;
    let mut wire = world.connect().await;
    wire.send(get_with("/api/autolog/watch", "accept: */*"))
        .await;
    world
        .sees("autolog_http_refused_total{reason=\"slow_reader\"} 1")
        .await;
    world.sees("autolog_http_connections 0").await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let world = World::start().await;
    let mut wire = world.connect().await;
    wire.send([CHECK, &CHECK.replace("shop", "pay"), CHECK].concat())
        .await;
    for expected in ["app shop", "app pay", "app shop"] {
        assert_eq!(wire.reply().await.body, expected);
    }
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_does_no_harm() {
    let few = Limits {
        connections: 2,
        ..Limits::default()
    };
    let world = World::with(few).await;
    let (mut one, mut two) = (world.connect().await, world.connect().await);
    for wire in [&mut one, &mut two] {
        wire.send(CHECK).await;
        assert_eq!(wire.reply().await.status, 200);
    }
    let mut three = world.connect().await;
    three.send(CHECK).await;
    let reply = three.reply().await;
    assert_eq!((reply.status, reply.code()), (503, "overloaded".to_owned()));
    assert_eq!(reply.header("retry-after"), Some("5"));
    assert!(three.closed().await.is_empty());
    world
        .sees("autolog_http_refused_total{reason=\"connections\"} 1")
        .await;
    drop(one);
    world.sees("autolog_http_connections 1").await;
    assert_eq!(world.ask(CHECK).await.status, 200);
    two.send(CHECK).await;
    assert_eq!(two.reply().await.status, 200);
}

#[tokio::test]
async fn bytes_that_are_not_http_are_refused_and_counted() {
    let world = World::start().await;
    let garbage: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n",
        b"hello there\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for bytes in garbage {
        let mut wire = world.connect().await;
        wire.send(bytes).await;
        let answer = wire.closed().await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
            "{answer}"
        );
    }
    world
        .sees("autolog_http_refused_total{reason=\"not_http\"} 5")
        .await;
    assert_eq!(world.ask(CHECK).await.status, 200);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_counted() {
    let world = World::start().await;
    let long = format!("x-filler: {}", "a".repeat(17_000));
    let many = vec!["x-filler: a"; 150].join("\r\n");
    for header in [long, many] {
        let mut wire = world.connect().await;
        wire.send(get_with("/api/autolog/check?app=shop", &header))
            .await;
        let answer = String::from_utf8(wire.closed().await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    world
        .sees("autolog_http_refused_total{reason=\"head_too_large\"} 2")
        .await;
    let fits = format!("x-filler: {}", "a".repeat(15_000));
    let request = get_with("/api/autolog/check?app=shop", &fits);
    assert_eq!(world.ask(&request).await.status, 200);
}

#[tokio::test]
async fn a_thousand_idle_connections_do_not_slow_a_poll() {
    let world = World::start().await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        let mut wire = world.connect().await;
        wire.send(CHECK).await;
        assert_eq!(wire.reply().await.status, 200);
        idle.push(wire);
    }
    world.sees("autolog_http_connections 1000").await;
    assert_eq!(world.ask(CHECK).await.status, 200);
}
