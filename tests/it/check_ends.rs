//! Sessions end on time, for pollers who know the answer as well.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::service::{OPERATOR_TOKEN, SOON, Service};

const CHECK: &str = "/api/autolog/check?app=shop&environment=production";
const OTHER_OPERATOR: &str = "operator-token-for-tests-only-2";
/// How far the service's clock may be from ours, both being of one machine.
const APART: Duration = Duration::from_millis(5);

fn service() -> Service {
    let operators = format!("alice:{OPERATOR_TOKEN},bob:{OTHER_OPERATOR}");
    Service::start(&[
        ("AUTOLOG_TTL_MIN", "1s"),
        ("AUTOLOG_OPERATOR_TOKENS", &operators),
    ])
}

async fn enable(service: &Service, token: &str, body: Value) -> Value {
    let request = service.request(Method::POST, "/api/autolog/enable");
    let reply = Reply::to(request.bearer_auth(token).json(&body)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["session"].clone()
}

fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Polls with the tag of `first` until something is new; nothing may be called unchanged at or after `end`.
async fn poll_past(service: &Service, path: &str, first: &Reply, end: Timestamp) -> Reply {
    let deadline = Timestamp::now() + SOON;
    loop {
        let sent = Timestamp::now();
        let request = service.request(Method::GET, path);
        let reply = Reply::to(request.header("If-None-Match", first.header("etag"))).await;
        let received = Timestamp::now();
        if reply.status == 200 {
            assert!(
                received + APART >= end,
                "{received} is before {end}: {reply:?}"
            );
            return reply;
        }
        assert_eq!(reply.status, 304, "{reply:?}");
        assert!(sent < end + APART, "{sent} is after {end}");
        assert!(sent < deadline, "it never ended");
        tokio::time::sleep(Duration::from_millis(3)).await; // polls until the end
    }
}

async fn poll(service: &Service, path: &str) -> Reply {
    Reply::to(service.request(Method::GET, path)).await
}

#[tokio::test]
async fn nothing_new_is_never_said_past_a_session_s_end() {
    let service = service();
    let body = json!({"app": "shop", "environment": "production", "ttl_seconds": 1});
    let session = enable(&service, OPERATOR_TOKEN, body).await;
    let first = poll(&service, CHECK).await;
    assert_eq!(first.json()["enabled"], true);
    let last = poll_past(&service, CHECK, &first, instant(&session["expires_at"])).await;
    assert_eq!(last.json()["enabled"], false);
    assert_ne!(last.header("etag"), first.header("etag"));
}

#[tokio::test]
async fn nothing_new_is_never_said_past_the_end_of_an_endpoint_s_session() {
    let service = service();
    let body =
        json!({"app": "shop", "environment": "production", "endpoint": "/a", "ttl_seconds": 1});
    let session = enable(&service, OPERATOR_TOKEN, body).await;
    let of_endpoint = format!("{CHECK}&endpoint=/a");
    let end = instant(&session["expires_at"]);
    let (first, first_of_endpoint) = (
        poll(&service, CHECK).await,
        poll(&service, &of_endpoint).await,
    );
    assert_eq!(first_of_endpoint.json()["enabled"], true);
    let (last, last_of_endpoint) = tokio::join!(
        poll_past(&service, CHECK, &first, end),
        poll_past(&service, &of_endpoint, &first_of_endpoint, end),
    );
    assert_eq!(last.json()["endpoints"], json!([]));
    assert_eq!(last_of_endpoint.json()["enabled"], false);
}

#[tokio::test]
async fn the_level_drops_when_the_holder_of_trace_ends_before_the_holder_of_debug() {
    let service = service();
    let mut body = json!({"app": "shop", "environment": "production", "ttl_seconds": 60});
    let debug = enable(&service, OPERATOR_TOKEN, body.clone()).await;
    body["level"] = json!("trace");
    body["ttl_seconds"] = json!(1);
    let trace = enable(&service, OTHER_OPERATOR, body).await;
    assert_eq!(trace["id"], debug["id"]);
    assert_eq!(trace["expires_at"], debug["expires_at"]);

    let first = poll(&service, CHECK).await;
    let answer = first.json();
    assert_eq!(answer["level"], "trace");
    assert!(answer["expires_in_seconds"].as_u64().unwrap() <= 1);
    let end = instant(&answer["expires_at"]);
    assert!(end < instant(&debug["expires_at"]));

    let next = poll_past(&service, CHECK, &first, end).await.json();
    assert_eq!(
        (&next["level"], &next["session_id"], &next["expires_at"]),
        (&json!("debug"), &debug["id"], &debug["expires_at"])
    );
    assert!(next["expires_in_seconds"].as_u64().unwrap() > 50);
}

#[tokio::test]
async fn the_seconds_that_are_left_are_rounded_down() {
    let service = service();
    let body = json!({"app": "shop", "environment": "production", "ttl_seconds": 2});
    let end = instant(&enable(&service, OPERATOR_TOKEN, body).await["expires_at"]);
    let left = |at: Timestamp| u64::try_from(end.as_millisecond() - at.as_millisecond());
    loop {
        let sent = Timestamp::now();
        let answer = poll(&service, CHECK).await.json();
        let received = Timestamp::now();
        if answer["enabled"] == false {
            break;
        }
        let seconds = answer["expires_in_seconds"].as_u64().unwrap();
        let most = left(sent - APART).unwrap_or(0) / 1_000;
        let least = left(received + APART).unwrap_or(0) / 1_000;
        assert!(
            (least..=most).contains(&seconds),
            "{seconds} not in {least}..={most}"
        );
        tokio::time::sleep(Duration::from_millis(3)).await; // polls until the end
    }
}
