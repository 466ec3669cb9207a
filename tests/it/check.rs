//! What `check` answers, and when it answers that nothing is new.

use reqwest::Method;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::service::Service;

const SHOP: &str = "/api/autolog/check?app=shop&environment=production";

async fn poll(service: &Service, path: &str, known: &[&str]) -> Reply {
    let mut request = service.request(Method::GET, path);
    for tag in known {
        request = request.header("If-None-Match", *tag);
    }
    Reply::to(request).await
}

async fn enable(service: &Service, body: Value) -> Value {
    let (status, answer) = service.post("/api/autolog/enable", &body).await;
    assert_eq!(status, 200, "{answer}");
    answer["session"].clone()
}

fn names(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn is_revision(text: &Value) -> bool {
    let text = text.as_str().unwrap();
    text.len() == 16
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[tokio::test]
async fn an_application_that_nobody_knows_is_quiet() {
    let service = Service::start(&[("AUTOLOG_POLL_INTERVAL", "7s")]);
    let answer = poll(&service, SHOP, &[]).await.json();
    assert!(is_revision(&answer["revision"]), "{answer}");
    let expected = json!({
        "enabled": false, "app": "shop", "environment": "production", "revision": answer["revision"],
        "poll_interval_seconds": 7, "stale": false, "endpoints": [],
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn an_application_with_a_session_is_told_how_verbose_and_how_long() {
    let service = Service::start(&[]);
    let session = enable(
        &service,
        json!({"app": "shop", "environment": "production", "ttl_seconds": 600}),
    )
    .await;
    let answer = poll(&service, SHOP, &[]).await.json();
    let left = answer["expires_in_seconds"].as_u64().unwrap();
    assert!((590..=600).contains(&left), "{answer}");
    assert!(is_revision(&answer["revision"]), "{answer}");
    let expected = json!({
        "enabled": true, "app": "shop", "environment": "production", "level": "debug", "session_id": session["id"],
        "revision": answer["revision"], "expires_at": session["expires_at"], "expires_in_seconds": left,
        "poll_interval_seconds": 15, "stale": false, "endpoints": [],
    });
    assert_eq!(answer, expected);
    let elsewhere = "/api/autolog/check?app=shop&environment=staging";
    assert_eq!(
        poll(&service, elsewhere, &[]).await.json()["enabled"],
        false
    );
}

#[tokio::test]
async fn a_poll_with_a_body_and_one_for_the_head_alone_are_answered_as_any_other() {
    let service = Service::start(&[]);
    let session = json!({"app": "shop", "environment": "production"});
    enable(&service, session).await;
    let plain = poll(&service, SHOP, &[]).await;
    let with_body = service.request(Method::GET, SHOP).body("nobody reads this");
    let with_body = Reply::to(with_body).await;
    assert_eq!(with_body.json()["revision"], plain.json()["revision"]);
    let head = Reply::to(service.request(Method::HEAD, SHOP)).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    for name in ["etag", "cache-control", "content-type", "content-length"] {
        assert_eq!(with_body.header(name), plain.header(name), "{name}");
        assert_eq!(head.header(name), plain.header(name), "{name}");
    }
}

#[tokio::test]
async fn a_session_of_one_endpoint_shows_to_polls_of_that_endpoint_and_is_listed_for_others() {
    let service = Service::start(&[]);
    let body = json!({
        "app": "shop", "environment": "production", "endpoint": "/api/orders/{id}", "level": "trace",
    });
    let session = enable(&service, body).await;

    let answer = poll(&service, SHOP, &[]).await.json();
    assert_eq!(answer["enabled"], false);
    assert_eq!(answer["level"], Value::Null);
    assert_eq!(answer["endpoints"].as_array().unwrap().len(), 1);
    let listed = &answer["endpoints"][0];
    assert_eq!(
        names(listed),
        ["endpoint", "expires_in_seconds", "level", "session_id"]
    );
    assert_eq!(listed["endpoint"], "/api/orders/{id}");
    assert_eq!(listed["level"], "trace");
    assert_eq!(listed["session_id"], session["id"]);

    let of_endpoint = format!("{SHOP}&endpoint=/api/orders/%7Bid%7D");
    let answer = poll(&service, &of_endpoint, &[]).await.json();
    assert_eq!(
        (&answer["enabled"], &answer["level"], &answer["session_id"]),
        (&json!(true), &json!("trace"), &session["id"])
    );
    let of_another = format!("{SHOP}&endpoint=/api/carts");
    assert_eq!(
        poll(&service, &of_another, &[]).await.json()["enabled"],
        false
    );
}

#[tokio::test]
async fn an_endpoint_is_as_verbose_as_the_more_verbose_of_its_session_and_the_application_s() {
    let service = Service::start(&[]);
    let whole = json!({"app": "shop", "environment": "production"});
    enable(&service, whole).await;
    let endpoint = json!({
        "app": "shop", "environment": "production", "endpoint": "/api/orders", "level": "trace", "ttl_seconds": 60,
    });
    enable(&service, endpoint).await;
    let of_endpoint = format!("{SHOP}&endpoint=/api/orders");
    assert_eq!(
        poll(&service, &of_endpoint, &[]).await.json()["level"],
        "trace"
    );
    assert_eq!(poll(&service, SHOP, &[]).await.json()["level"], "debug");
}

#[tokio::test]
async fn a_poller_that_knows_the_answer_is_told_that_nothing_is_new() {
    let service = Service::start(&[]);
    enable(
        &service,
        json!({"app": "shop", "environment": "production"}),
    )
    .await;
    let first = poll(&service, SHOP, &[]).await;
    let revision = first.json()["revision"].as_str().unwrap().to_owned();
    let tag = format!("W/\"{revision}\"");
    assert_eq!(first.header("etag"), tag);
    assert_eq!(first.header("cache-control"), "private, no-cache");
    assert_eq!(first.header("autolog-stale"), "");

    let strong = format!("\"{revision}\"");
    let (list, spaced) = (format!("\"a\",{tag}"), format!("W/\"b\" , {tag} ,\"c\""));
    let several = ["\"other\"", tag.as_str()];
    for known in [
        [tag.as_str()].as_slice(),
        &[strong.as_str()],
        &[list.as_str()],
        &[spaced.as_str()],
        &["*"],
        &several,
    ] {
        let reply = poll(&service, SHOP, known).await;
        assert_eq!(reply.status, 304, "{known:?}");
        assert_eq!(reply.text, "");
        assert_eq!(reply.header("etag"), tag);
        assert_eq!(reply.header("cache-control"), "private, no-cache");
    }
    let bare = revision.as_str();
    for unknown in [
        "\"other\"",
        "W/\"0123456789abcdef\"",
        bare,
        "",
        "W/",
        "\"\"",
    ] {
        let reply = poll(&service, SHOP, &[unknown]).await;
        assert_eq!(reply.status, 200, "{unknown:?}");
    }
    let result = |result: &str| format!("autolog_check_requests_total{{result=\"{result}\"}}");
    assert_eq!(service.metric(&result("not_modified")).await, 6.0);
    assert_eq!(service.metric(&result("enabled")).await, 7.0);
}

#[tokio::test]
async fn every_change_of_what_is_granted_changes_the_revision_and_nothing_else_does() {
    let service = Service::start(&[]);
    let revision = async || poll(&service, SHOP, &[]).await.json()["revision"].clone();
    let mut seen = vec![revision().await];
    assert_eq!(revision().await, seen[0]);
    for body in [
        json!({"app": "shop", "environment": "production", "ttl_seconds": 600}),
        json!({"app": "shop", "environment": "production", "ttl_seconds": 900}),
        json!({"app": "shop", "environment": "production", "ttl_seconds": 900, "level": "trace"}),
        json!({"app": "shop", "environment": "production", "endpoint": "/a"}),
    ] {
        enable(&service, body).await;
        let new = revision().await;
        assert!(!seen.contains(&new), "{seen:?}");
        assert_eq!(revision().await, new);
        seen.push(new);
    }
    enable(&service, json!({"app": "pay", "environment": "production"})).await;
    assert_eq!(revision().await, seen[4]);
    let everything = json!({"all": true});
    service.post("/api/autolog/disable", &everything).await;
    assert_eq!(revision().await, seen[0]);
}

#[tokio::test]
async fn a_restart_changes_neither_the_answer_nor_its_revision() {
    let mut service = Service::start(&[]);
    enable(
        &service,
        json!({"app": "shop", "environment": "production"}),
    )
    .await;
    let before = poll(&service, SHOP, &[]).await;
    service.restart();
    let after = poll(&service, SHOP, &[before.header("etag")]).await;
    assert_eq!(after.status, 304, "{after:?}");
}

#[tokio::test]
async fn what_is_missing_or_no_name_is_refused_by_its_parameter() {
    let service = Service::start(&[]);
    for (query, code, field) in [
        ("", "missing_field", "app"),
        ("app=&environment=production", "missing_field", "app"),
        ("app=shop", "missing_field", "environment"),
        (
            "app=shop&environment=eu/production",
            "invalid_name",
            "environment",
        ),
        ("app=a%20b&environment=production", "invalid_name", "app"),
        (
            "app=shop&environment=production&endpoint=a%22b",
            "invalid_name",
            "endpoint",
        ),
        (
            "app=shop&app=pay&environment=production",
            "repeated_field",
            "app",
        ),
    ] {
        let path = format!("/api/autolog/check?{query}");
        let reply = poll(&service, &path, &[]).await;
        reply.refuses(400, code);
        assert_eq!(reply.json()["field"], field, "{query}");
    }
    let rejected = "autolog_check_requests_total{result=\"rejected\"}";
    assert_eq!(service.metric(rejected).await, 7.0);
}
