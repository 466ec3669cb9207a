//! How the service ends.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::replica::ready;
use crate::service::{APP_TOKEN, OPERATOR_TOKEN, SOON, Service, answer, eventually};

const CHECK: &str = "/api/autolog/check?app=shop&environment=production";

async fn connect(service: &Service) -> TcpStream {
    let address = service.url().strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

pub(crate) async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// Reads until the head and what came with it hold `end`, or the connection is closed.
pub(crate) async fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4_096];
    let reading = async {
        while !text.contains(end) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(read) => text.push_str(std::str::from_utf8(&buffer[..read]).unwrap()),
            }
        }
    };
    tokio::time::timeout(SOON, reading).await.unwrap();
    text
}

/// A connection that was used and waits for its next request.
async fn idle(service: &Service) -> TcpStream {
    let mut stream = connect(service).await;
    let request = format!(
        "GET {CHECK} HTTP/1.1\r\nhost: autolog\r\nauthorization: Bearer {APP_TOKEN}\r\n\r\n"
    );
    send(&mut stream, &request).await;
    let reply = read_to(&mut stream, "}").await;
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    stream
}

/// A connection on which an enable has begun whose last byte is missing: `}`.
pub(crate) async fn unfinished(service: &Service, app: &str) -> TcpStream {
    let mut stream = connect(service).await;
    let body = format!(r#"{{"app":"{app}","environment":"production"}}"#);
    let head = format!(
        "POST /api/autolog/enable HTTP/1.1\r\nhost: autolog\r\nauthorization: Bearer {OPERATOR_TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    send(&mut stream, &head).await;
    send(&mut stream, body.strip_suffix('}').unwrap()).await;
    stream
}

#[tokio::test]
async fn a_stop_is_announced_serves_on_for_a_while_and_ends_in_order() {
    let mut service = Service::start(&[]);
    ready(&service).await;
    let mut idle = idle(&service).await;
    let (mut finishing, mut endless) = (
        unfinished(&service, "shop").await,
        unfinished(&service, "shop").await,
    );
    let _silent = connect(&service).await;

    let stopped = Instant::now();
    service.signal("TERM");
    eventually(Duration::from_millis(500), async || {
        service.admin("/readyz").await.0 == 503
    })
    .await;
    assert_eq!(service.admin("/readyz").await.1, "stopping\n");
    assert_eq!(service.admin("/livez").await.0, 200);
    let mut served = Duration::ZERO;
    loop {
        let request = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = request
            .get(format!("{}{CHECK}", service.url()))
            .bearer_auth(APP_TOKEN);
        let Ok(response) = request.send().await else {
            break;
        };
        assert_eq!(response.status(), 200);
        served = stopped.elapsed();
        assert!(served < SOON, "it accepts connections for ever");
        tokio::time::sleep(Duration::from_millis(20)).await; // polls until it is refused
    }
    let seconds = served.as_secs_f64();
    assert!((1.5..2.7).contains(&seconds), "served on for {served:?}");
    // The connection without a request is closed, the request that was under way is answered.
    assert_eq!(read_to(&mut idle, "never").await, "");
    send(&mut finishing, "}").await;
    let reply = read_to(&mut finishing, "never").await;
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    assert!(
        reply.to_lowercase().contains("\r\nconnection: close\r\n"),
        "{reply}"
    );
    assert_eq!(service.wait_for_exit(Duration::from_secs(10)), Some(0));
    let took = stopped.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    println!("served on for {served:?}, gone after {took:?}");
    assert_eq!(read_to(&mut endless, "never").await, "");
    service.restart();
    ready(&service).await;
    assert_eq!(service.check("shop", "production").await["enabled"], true);
}

#[tokio::test]
async fn connections_that_wait_for_nothing_do_not_hold_up_the_end() {
    let mut service = Service::start(&[]);
    ready(&service).await;
    let _idle = [idle(&service).await, idle(&service).await];
    let stopped = Instant::now();
    service.signal("TERM");
    assert_eq!(service.wait_for_exit(SOON), Some(0));
    let took = stopped.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut service = Service::start(&[]);
    ready(&service).await;
    let _idle = idle(&service).await;
    let _endless = unfinished(&service, "shop").await;
    service.signal("TERM");
    service.wait_for_log("stopping");
    let stopped = Instant::now();
    service.signal("TERM");
    assert_eq!(service.wait_for_exit(SOON), Some(0));
    let took = stopped.elapsed();
    assert!(took < Duration::from_millis(1_500), "{took:?}");
}

#[tokio::test]
async fn errors_that_wait_to_be_counted_are_counted_before_the_end() {
    const REQUESTS: u64 = 40;
    let threshold = (REQUESTS + 1).to_string();
    let mut service = Service::start(&[("AUTOLOG_ERROR_THRESHOLD", &threshold)]);
    ready(&service).await;
    let report = async || {
        let body = json!({"events": [{"app": "shop", "environment": "production"}]});
        let request = service.request(Method::POST, "/api/autolog/errors");
        answer(request.bearer_auth(APP_TOKEN).json(&body)).await
    };
    let open = || service.metric("autolog_http_connections");
    let reports = futures_util::future::join_all((0..REQUESTS).map(|_| report()));
    let stop = async {
        // while some of them are just arriving and some wait for their flush
        eventually(SOON, async || open().await >= 20.0).await;
        service.signal("TERM");
        service.signal("TERM");
    };
    let (answers, ()) = tokio::join!(reports, stop);
    for (status, body) in answers {
        assert_eq!(status, 202, "{body}");
    }
    assert_eq!(service.wait_for_exit(SOON), Some(0));
    service.restart();
    ready(&service).await;
    assert_eq!(service.check("shop", "production").await["enabled"], false);
    let body = json!({"events": [{"app": "shop", "environment": "production"}]});
    let request = service.request(Method::POST, "/api/autolog/errors");
    assert_eq!(
        answer(request.bearer_auth(APP_TOKEN).json(&body)).await.0,
        202
    );
    assert_eq!(service.check("shop", "production").await["enabled"], true);
}

#[tokio::test]
async fn a_poller_that_comes_back_after_twenty_seconds_keeps_its_connection() {
    let service = Service::start(&[]);
    ready(&service).await;
    let mut stream = idle(&service).await;
    tokio::time::sleep(Duration::from_secs(20)).await; // the poll interval of a slow application
    let request = format!(
        "GET {CHECK} HTTP/1.1\r\nhost: autolog\r\nauthorization: Bearer {APP_TOKEN}\r\n\r\n"
    );
    send(&mut stream, &request).await;
    let reply = read_to(&mut stream, "}").await;
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    assert!(
        !reply.to_lowercase().contains("connection: close"),
        "{reply}"
    );
}
