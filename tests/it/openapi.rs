//! The served description of the API is true: real answers are what it says.

use std::collections::BTreeSet;

use autolog::http::route::{API, Role};
use reqwest::Method;
use serde_json::{Value, json};

use crate::backend::Server;
use crate::service::{APP_TOKEN, SOON, alert, eventually, message};

mod described;
mod pattern;
mod schema;

use described::Described;

/// When the alerts of these tests began.
const THEN: &str = "2026-01-01T00:00:00Z";
const TARGET: &str = "app=shop&environment=production";

#[tokio::test]
async fn successes_are_as_described() {
    let mut api = Described::start(&[
        ("AUTOLOG_ERROR_THRESHOLD", "2"),
        ("AUTOLOG_DENY", "secret/*"),
    ])
    .await;
    let check = format!("/api/autolog/check?{TARGET}");
    let explain = format!("/api/autolog/explain?{TARGET}");
    let quiet = api.get(&check).await;
    let known = api
        .request(&Method::GET, &check)
        .header("If-None-Match", quiet.header("etag"));
    assert_eq!(api.compare(Method::GET, &check, known).await.status, 304);
    for path in [
        explain.as_str(),
        "/api/autolog/list",
        "/api/autolog/freeze",
        "/api/openapi.json",
    ] {
        api.get(path).await;
    }

    let whole = json!({
        "app": "shop", "environment": "production", "ttl_seconds": 600, "reason": "why not", "service": "old",
        "level": "trace", "endpoint": null,
    });
    api.post("/api/autolog/enable", whole).await;
    let endpoint =
        json!({"app": "shop", "environment": "production", "endpoint": "/a", "ttl_minutes": 5});
    api.post("/api/autolog/enable", endpoint).await;
    let errors = json!({"events": [
        {"app": "cart", "environment": "production", "endpoint": "/c", "scope": "app", "count": 2, "error_type": "E"},
        {"app": "cart", "environment": "production", "endpoint": "/c", "scope": "endpoint", "count": 2},
        {"app": "a b", "environment": "production"},
    ]});
    api.post("/api/autolog/errors", errors).await;
    let alerts: Vec<Value> = (0..40)
        .map(|index| alert(&format!("f{index}"), "firing", "shop", THEN))
        .collect();
    api.post("/webhook/critical", message(&alerts)).await;
    let mut odd = alert("u1", "firing", "shop", THEN);
    odd["labels"].as_object_mut().unwrap().remove("environment");
    let several = [
        alert("f1", "resolved", "shop", THEN),
        alert("f2", "firing", "secret", THEN),
        alert("f3", "firing", "a b", THEN),
        odd,
        json!({"labels": {"alertname": "Other"}}),
    ];
    api.post("/webhook/application", message(&several)).await;
    for path in [&check, &format!("{check}&endpoint=/a"), &explain] {
        api.get(path).await;
    }
    api.get("/api/autolog/list").await;
    api.get("/api/autolog/list?limit=1").await;

    api.post(
        "/api/autolog/freeze",
        json!({"frozen": true, "ttl_seconds": 60, "reason": "storm"}),
    )
    .await;
    api.post(
        "/webhook/critical",
        message(&[alert("w", "firing", "pay", THEN)]),
    )
    .await;
    api.get("/api/autolog/explain?app=pay&environment=production")
        .await;
    api.get("/api/autolog/freeze").await;
    let cooldown = json!({"app": "shop", "environment": "production", "cooldown_seconds": 60, "reason": "enough"});
    api.post("/api/autolog/disable", cooldown).await;
    api.get(&explain).await;
    api.post("/api/autolog/disable", json!({"all": true})).await;
    api.post(
        "/api/autolog/disable",
        json!({"all": true, "cooldown_seconds": 0}),
    )
    .await;
    api.get("/api/autolog/freeze").await;
    api.post("/api/autolog/freeze", json!({"frozen": false}))
        .await;

    let seen: BTreeSet<(String, String)> = api
        .seen
        .iter()
        .filter(|(.., status)| *status < 300)
        .map(|(route, verb, _)| (route.clone(), verb.clone()))
        .collect();
    let mut described = api.document.operations();
    // a stream has no end at which it could be compared
    described.remove(&("/api/autolog/watch".to_owned(), "get".to_owned()));
    assert_eq!(seen, described, "every operation succeeded");
}

#[tokio::test]
async fn barred_alerts_are_as_described() {
    let mut api = Described::start(&[
        ("AUTOLOG_TTL_MIN", "1s"),
        ("AUTOLOG_TTL", "1s"),
        ("AUTOLOG_TTL_MAX", "1s"),
        ("AUTOLOG_MAX_SESSION", "1s"),
        ("AUTOLOG_LINGER", "0s"),
        ("AUTOLOG_ERROR_THRESHOLD", "1"),
    ])
    .await;
    let errors = json!({"events": [{"app": "shop", "environment": "production"}]});
    api.post(
        "/webhook/critical",
        message(&[alert("f1", "firing", "shop", THEN)]),
    )
    .await;
    api.post("/api/autolog/errors", errors).await;
    let explain = format!("/api/autolog/explain?{TARGET}");
    let path = explain.as_str();
    let service = &api.service;
    eventually(SOON, async || {
        service.get(path).await.1["barred"][1].is_object()
    })
    .await;
    api.get(&explain).await;
}

#[tokio::test]
async fn refusals_are_as_described() {
    let mut api =
        Described::start(&[("AUTOLOG_DENY", "shop/*"), ("AUTOLOG_OPEN_CHECK", "false")]).await;
    for operation in API {
        let path = operation.route.path().replace("{type}", "critical");
        let method = Method::from_bytes(operation.method.as_str().as_bytes()).unwrap();
        let described = api.document.operations();
        let verb = operation.method.as_str().to_lowercase();
        if !described.contains(&(operation.route.path().to_owned(), verb))
            || operation.role == Role::Anyone
        {
            continue;
        }
        let without = api.service.request(method.clone(), &path);
        assert_eq!(
            api.compare(method.clone(), &path, without).await.status,
            401
        );
        if operation.role == Role::Operator {
            let app = api
                .service
                .request(method.clone(), &path)
                .bearer_auth(APP_TOKEN);
            assert_eq!(api.compare(method.clone(), &path, app).await.status, 403);
        }
        if method == Method::GET {
            continue;
        }
        let undeclared = api.request(&method, &path).body("{}");
        assert_eq!(
            api.compare(method.clone(), &path, undeclared).await.status,
            415
        );
        let json = |body: Vec<u8>| {
            api.request(&method, &path)
                .header("Content-Type", "application/json")
                .body(body)
        };
        let (broken, large) = (json(b"{".to_vec()), json(vec![b' '; 17_000_000]));
        assert_eq!(api.compare(method.clone(), &path, broken).await.status, 400);
        assert_eq!(api.compare(method.clone(), &path, large).await.status, 413);
    }
    for path in [
        "/api/autolog/check",
        "/api/autolog/explain",
        "/api/autolog/list?limit=0",
    ] {
        assert_eq!(api.get(path).await.status, 400);
    }
    let target = json!({"app": "shop", "environment": "production"});
    assert_eq!(api.post("/api/autolog/enable", target).await.status, 409);
    for path in ["enable", "disable", "freeze", "errors"] {
        let reply = api
            .post(&format!("/api/autolog/{path}"), json!({"odd": 1}))
            .await;
        assert_eq!(reply.status, 422);
    }
    assert_eq!(api.post("/webhook/critical", json!({})).await.status, 400);
    for _ in 0..150 {
        let request = api
            .service
            .request(Method::GET, "/api/autolog/list")
            .bearer_auth("wrong");
        api.compare(Method::GET, "/api/autolog/list", request).await;
    }
    let flood = ("/api/autolog/list".to_owned(), "get".to_owned(), 429);
    assert!(api.seen.contains(&flood), "{:?}", api.seen);
}

#[tokio::test]
async fn what_a_service_answers_without_its_store_is_as_described() {
    // Nothing ever listens on port 1.
    let mut api = Described::start(&[("AUTOLOG_STORE", "redis://127.0.0.1:1/0")]).await;
    for path in ["check", "explain", "list", "freeze"] {
        let path = format!("/api/autolog/{path}?{TARGET}");
        assert_eq!(api.get(&path).await.status, 503);
    }
    let target = json!({"app": "shop", "environment": "production"});
    for (path, body) in [
        ("/api/autolog/enable", target.clone()),
        ("/api/autolog/disable", target.clone()),
        ("/api/autolog/freeze", json!({"frozen": true})),
        ("/api/autolog/errors", json!({"events": [target]})),
        (
            "/webhook/critical",
            message(&[alert("f1", "firing", "shop", THEN)]),
        ),
    ] {
        let request = api.request(&Method::POST, path).json(&body);
        assert_eq!(api.compare(Method::POST, path, request).await.status, 503);
    }

    let mut redis = Server::start(&[]);
    let store = format!("redis+unix://{}?db=0", redis.socket().display());
    let mut api = Described::start(&[("AUTOLOG_STORE", &store)]).await;
    let body = json!({"app": "shop", "environment": "production"});
    let service = &api.service;
    eventually(SOON, async || {
        service.post("/api/autolog/enable", &body).await.0 == 200
    })
    .await;
    redis.kill();
    let path = "/api/autolog/disable";
    let request = api.request(&Method::POST, path).json(&body);
    api.compare(Method::POST, path, request)
        .await
        .refuses(503, "applied_locally");
    api.get(&format!("/api/autolog/check?{TARGET}")).await;
}
