//! An operator's stop while Redis is away: obeyed at once here, and everywhere when Redis is back.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::replica::{durable, replica};
use crate::service::{OPERATOR_TOKEN, SOON, Service, alert, eventually, message};

async fn enable(service: &Service, app: &str) {
    let body = json!({"app": app, "environment": "production", "ttl_seconds": 600});
    let (status, body) = service.post("/api/autolog/enable", &body).await;
    assert_eq!(status, 200, "{body}");
}

async fn is_live(service: &Service, app: &str) -> bool {
    service.check(app, "production").await["enabled"] == true
}

/// The store does not take the stop, which is said within a second and a bit.
async fn applied_locally(service: &Service, path: &str, body: &Value) {
    let started = Instant::now();
    let (status, body) = service.post(path, body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["code"], "applied_locally", "{body}");
    let took = started.elapsed();
    assert!(took < Duration::from_millis(1_250), "{took:?}");
}

#[tokio::test]
async fn a_disable_is_obeyed_at_once_and_stored_when_redis_is_back() {
    let server = durable();
    let first = replica(&server, &[]).await;
    let second = replica(&server, &[]).await;
    for app in ["shop", "cart"] {
        enable(&first, app).await;
        eventually(SOON, async || is_live(&second, app).await).await;
    }
    server.pause();
    let shop = json!({"app": "shop", "environment": "production"});
    applied_locally(&first, "/api/autolog/disable", &shop).await;
    assert!(!is_live(&first, "shop").await);
    assert!(is_live(&first, "cart").await);
    assert!(is_live(&second, "shop").await);
    server.resume();
    eventually(SOON, async || !is_live(&second, "shop").await).await;
    assert!(is_live(&second, "cart").await);
    assert!(!is_live(&first, "shop").await);
    // Its cooldown holds everywhere.
    let body = message(&[alert("f1", "firing", "shop", "2026-01-01T00:00:00Z")]);
    let (status, answer) = second.webhook("autolog", &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["outcomes"][0]["guardrail"], "cooldown", "{answer}");
    first.wait_for_log("the store has taken a stop");
}

#[tokio::test]
async fn a_freeze_is_obeyed_at_once_and_stored_when_redis_is_back() {
    let mut server = durable();
    let first = replica(&server, &[]).await;
    let second = replica(&server, &[]).await;
    enable(&first, "shop").await;
    eventually(SOON, async || is_live(&second, "shop").await).await;
    server.kill();
    let freeze = json!({"frozen": true, "end_sessions": true, "reason": "too much"});
    applied_locally(&first, "/api/autolog/freeze", &freeze).await;
    assert!(!is_live(&first, "shop").await);
    let frozen = async |service: &Service| service.get("/api/autolog/freeze").await.1;
    assert_eq!(frozen(&first).await["frozen"], true);
    assert_eq!(frozen(&second).await["frozen"], false);
    server.restart();
    eventually(SOON, async || frozen(&second).await["frozen"] == true).await;
    assert_eq!(frozen(&second).await["reason"], "too much");
    eventually(SOON, async || !is_live(&second, "shop").await).await;
    assert!(!is_live(&first, "shop").await);
    let third = replica(&server, &[]).await;
    assert_eq!(frozen(&third).await["frozen"], true);
    assert!(!is_live(&third, "shop").await);
}

#[tokio::test]
async fn a_stop_that_is_stored_late_spares_what_was_opened_after_it() {
    let server = durable();
    server.run::<String>("ACL SETUSER cut on >pass ~* &* +@all");
    let user = [
        ("AUTOLOG_STORE_USERNAME", "cut"),
        ("AUTOLOG_STORE_PASSWORD", "pass"),
    ];
    let cut = replica(&server, &user).await;
    let other = replica(&server, &[]).await;
    enable(&cut, "before").await;
    eventually(SOON, async || is_live(&other, "before").await).await;
    server.run::<String>("ACL SETUSER cut off");
    server.run::<u64>("CLIENT KILL USER cut");
    applied_locally(&cut, "/api/autolog/disable", &json!({"all": true})).await;
    assert!(!is_live(&cut, "before").await);
    enable(&other, "after").await;
    enable(&other, "before").await;
    server.run::<String>("ACL SETUSER cut on");
    cut.wait_for_log("the store has taken a stop");
    eventually(SOON, async || is_live(&cut, "after").await).await;
    assert!(is_live(&other, "after").await);
    // The operator asked again after the stop: that holder is newer.
    eventually(SOON, async || is_live(&cut, "before").await).await;
    assert!(is_live(&other, "before").await);
}

#[tokio::test]
async fn a_stop_is_obeyed_although_its_sender_has_left() {
    let server = durable();
    let service = replica(&server, &[]).await;
    enable(&service, "shop").await;
    server.pause();
    let body = r#"{"app":"shop","environment":"production"}"#;
    let head = format!(
        "POST /api/autolog/disable HTTP/1.1\r\nhost: autolog\r\nauthorization: Bearer {OPERATOR_TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let address = service.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await; // leaves while the store is waited for
    drop(stream);
    eventually(SOON, async || !is_live(&service, "shop").await).await;
}
