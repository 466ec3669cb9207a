//! What replicas answer without their store, and that they answer the same with it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::backend::Server;
use crate::reply::Reply;
use crate::service::{APP_TOKEN, SOON, Service, alert, eventually, message};

const CHECK: &str = "/api/autolog/check?app=shop&environment=production";

async fn poll(service: &Service, known: &str) -> Reply {
    let request = service.request(Method::GET, CHECK);
    Reply::to(request.header("If-None-Match", known)).await
}

fn address(redis: &Server) -> String {
    format!("redis+unix://{}?db=0", redis.socket().display())
}

#[tokio::test]
async fn a_replica_that_never_saw_its_store_says_so_and_stays_up() {
    // Nothing ever listens on port 1.
    let service = Service::start(&[("AUTOLOG_STORE", "redis://127.0.0.1:1/0")]);
    for known in ["", "\"0123456789abcdef\"", "*"] {
        let reply = poll(&service, known).await;
        reply.refuses(503, "not_synced");
        assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0);
        assert_eq!(reply.json()["retryable"], true);
    }
    let not_synced = "autolog_check_requests_total{result=\"not_synced\"}";
    assert_eq!(service.metric(not_synced).await, 3.0);
    for path in ["list", "explain?app=shop&environment=production", "freeze"] {
        let (status, problem) = service.get(&format!("/api/autolog/{path}")).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (503, &json!("not_synced")),
            "{path}"
        );
    }
    let target = json!({"app": "shop", "environment": "production"});
    let events = json!({"events": [target]});
    for (path, body) in [
        ("enable", &target),
        ("disable", &target),
        ("freeze", &json!({"frozen": true})),
        ("errors", &events),
    ] {
        let begun = Instant::now();
        let (status, problem) = service.post(&format!("/api/autolog/{path}"), body).await;
        assert_eq!(status, 503, "{path}: {problem}");
        assert_eq!(problem["code"], "store_unavailable", "{path}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{path}");
    }
    let body = message(&[alert("f1", "firing", "shop", "2026-01-01T00:00:00Z")]);
    let (status, problem) = service.webhook("autolog", &body).await;
    assert_eq!(status, 503, "{problem}");
    assert_eq!(service.admin("/livez").await.0, 200);
    assert_eq!(service.admin("/readyz").await.0, 503);
    assert_eq!(service.admin("/healthz").await.0, 503);
}

#[tokio::test]
async fn replicas_of_one_store_answer_the_same_revision() {
    let redis = Server::start(&[]);
    let store = address(&redis);
    let one = Service::start(&[("AUTOLOG_STORE", &store)]);
    let two = Service::start(&[("AUTOLOG_STORE", &store)]);
    let body = json!({"app": "shop", "environment": "production", "level": "trace"});
    eventually(SOON, async || {
        one.post("/api/autolog/enable", &body).await.0 == 200
    })
    .await;
    let body = json!({"app": "shop", "environment": "production", "endpoint": "/a"});
    assert_eq!(two.post("/api/autolog/enable", &body).await.0, 200);
    eventually(SOON, async || {
        let (first, second) = (poll(&one, "").await, poll(&two, "").await);
        let both = first.status == 200 && second.status == 200;
        both && first.json()["endpoints"][0].is_object()
            && first.header("etag") == second.header("etag")
            && first.json()["expires_at"] == second.json()["expires_at"]
    })
    .await;
}

#[tokio::test]
async fn a_replica_that_lost_its_store_answers_from_memory_and_says_that_it_is_stale() {
    let mut redis = Server::start(&[]);
    let service = Service::start(&[("AUTOLOG_STORE", &address(&redis))]);
    let body = json!({"app": "shop", "environment": "production"});
    eventually(SOON, async || {
        service.post("/api/autolog/enable", &body).await.0 == 200
    })
    .await;
    let first = poll(&service, "").await;
    assert_eq!(first.json()["stale"], false);
    redis.kill();
    let lost = Instant::now();
    eventually(SOON, async || {
        poll(&service, "").await.json()["stale"] == true
    })
    .await;
    assert!(
        lost.elapsed() < Duration::from_secs(8),
        "{:?}",
        lost.elapsed()
    );
    let stale = poll(&service, "").await;
    assert_eq!(stale.header("autolog-stale"), "true");
    assert_eq!(stale.header("etag"), first.header("etag"));
    assert_eq!(stale.json()["enabled"], true);
    let unchanged = poll(&service, first.header("etag")).await;
    assert_eq!(unchanged.status, 304);
    assert_eq!(unchanged.header("autolog-stale"), "true");
    assert_eq!(service.admin("/readyz").await.0, 200);
    assert_eq!(service.admin("/healthz").await.0, 503);
    let (_, listed) = service.get("/api/autolog/list").await;
    assert_eq!(
        (&listed["stale"], &listed["count"]),
        (&json!(true), &json!(1))
    );

    redis.restart();
    eventually(SOON, async || {
        poll(&service, "").await.json()["stale"] == false
    })
    .await;
    assert_eq!(poll(&service, "").await.header("autolog-stale"), "");
}

#[tokio::test]
async fn a_closed_check_asks_for_a_token_and_takes_an_application_s() {
    let service = Service::start(&[("AUTOLOG_OPEN_CHECK", "false")]);
    poll(&service, "").await.refuses(401, "unauthorized");
    let request = service.request(Method::GET, CHECK).bearer_auth(APP_TOKEN);
    assert_eq!(Reply::to(request).await.status, 200);
}
