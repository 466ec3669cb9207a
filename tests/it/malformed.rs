//! Whatever comes in, it is refused in our own form, and the service goes on.

use futures_util::StreamExt;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::service::{OPERATOR_TOKEN, Service, WEBHOOK_SECRET, alert, message};

mod bodies;
mod fields;
mod raw;

const ENABLE: &str = "/api/autolog/enable";
const DISABLE: &str = "/api/autolog/disable";
const FREEZE: &str = "/api/autolog/freeze";
const ERRORS: &str = "/api/autolog/errors";
const CRITICAL: &str = "/webhook/critical";
const WITH_BODY: [&str; 5] = [ENABLE, DISABLE, FREEZE, ERRORS, CRITICAL];
const WITH_QUERY: [&str; 3] = [
    "/api/autolog/check",
    "/api/autolog/list",
    "/api/autolog/explain",
];
/// How many requests are under way at once.
const AT_ONCE: usize = 16;

/// A request with everything right but what a test then gets wrong.
fn request(service: &Service, method: Method, path: &str) -> RequestBuilder {
    let secret = if path.starts_with("/webhook/") {
        WEBHOOK_SECRET
    } else {
        OPERATOR_TOKEN
    };
    service.request(method, path).bearer_auth(secret)
}

fn post(service: &Service, path: &str, body: Vec<u8>) -> RequestBuilder {
    request(service, Method::POST, path)
        .header("Content-Type", "application/json")
        .body(body)
}

/// Sends them all and checks each answer: a success, or a refusal in our own form that is no fault of ours.
async fn send(requests: Vec<(String, RequestBuilder)>) -> Vec<(String, Reply)> {
    let replies = futures_util::stream::iter(requests).map(async |(name, request)| {
        let reply = Reply::to(request).await;
        assert!(reply.status < 500, "{name}: {reply:?}");
        if reply.status >= 400 {
            reply.problem();
        }
        (name, reply)
    });
    replies.buffer_unordered(AT_ONCE).collect().await
}

/// Sends them all; none may succeed.
async fn refuse(requests: Vec<(String, RequestBuilder)>) {
    for (name, reply) in send(requests).await {
        assert!(reply.status >= 400, "{name}: {reply:?}");
    }
}

/// Checks that the service serves on as if nothing had been.
async fn is_well(service: &Service) {
    assert_eq!(service.metric("autolog_http_panics_total").await, 0.0);
    let (_, metrics) = service.admin("/metrics").await;
    let failed = metrics.lines().find(|line| line.contains("status=\"500\""));
    assert_eq!(failed, None);
    assert_eq!(service.admin("/healthz").await.0, 200);
    let body = message(&[alert("f1", "firing", "well", "2026-01-01T00:00:00Z")]);
    assert_eq!(service.webhook("autolog", &body).await.0, 200);
    assert_eq!(service.check("well", "production").await["enabled"], true);
    let errors: Vec<Value> = service
        .log()
        .into_iter()
        .filter(|line| line["level"] == "ERROR")
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(
        service
            .log()
            .iter()
            .all(|line| !line.to_string().contains("panicked"))
    );
}

#[tokio::test]
async fn a_body_that_is_no_json_object_of_ours_is_refused_everywhere() {
    let service = Service::start(&[]);
    let mut requests = Vec::new();
    for path in WITH_BODY {
        for body in bodies::broken() {
            let name = format!(
                "{path} {:?}",
                String::from_utf8_lossy(&body[..body.len().min(60)])
            );
            requests.push((name, post(&service, path, body)));
        }
    }
    assert!(requests.len() > 200, "{}", requests.len());
    refuse(requests).await;
    assert!(service.sessions().await.is_empty());
    is_well(&service).await;
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_refused_everywhere() {
    let service = Service::start(&[]);
    let long = "a".repeat(8_000);
    let mut requests = Vec::new();
    for path in WITH_QUERY {
        for query in [
            "app=%",
            "app=%2",
            "app=%zz",
            "app=%ff&environment=e",
            "app=%00&environment=e",
            "app=%c3%28&environment=e",
            "app=a&environment=%ed%a0%80",
            "app=a+b&environment=e",
            "app=a&app=a&environment=e",
            "%ff=1&app=a",
            "app=a&environment=e%0a",
            "app=a&environment=e/e",
            "app=%F0%9F%98%80&environment=e",
            "app=..%20&environment=e",
            "app=a&environment=%22",
            "app=a&environment=e&environment=e",
            "app=a%3Cscript%3E&environment=e",
        ] {
            requests.push((
                format!("{path}?{query}"),
                request(&service, Method::GET, &format!("{path}?{query}")),
            ));
        }
        let query = format!("{path}?app={long}&environment=e");
        requests.push((path.to_owned(), request(&service, Method::GET, &query)));
    }
    refuse(requests).await;
    is_well(&service).await;
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_refused() {
    let service = Service::start(&[]);
    let mut requests = Vec::new();
    for path in WITH_BODY {
        for declared in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/xml",
            "application/jsonp",
            "json",
            "application/json/x",
            "text/json",
            ";",
            "application/octet-stream",
        ] {
            let body = json!({"app": "shop", "environment": "production"}).to_string();
            let request = request(&service, Method::POST, path)
                .header("Content-Type", declared)
                .body(body);
            requests.push((format!("{path} {declared}"), request));
        }
        requests.push((path.to_owned(), request(&service, Method::POST, path)));
    }
    for (name, reply) in send(requests).await {
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (415, "unsupported_media_type"),
            "{name}"
        );
    }
    for declared in [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.alerts+json",
    ] {
        let body = json!({"app": "shop", "environment": "production"}).to_string();
        let request = request(&service, Method::POST, ENABLE)
            .header("Content-Type", declared)
            .body(body);
        assert_eq!(Reply::to(request).await.status, 200, "{declared}");
    }
    is_well(&service).await;
}

#[tokio::test]
async fn large_bodies_are_refused_and_answered() {
    let service = Service::start(&[]);
    let filled = |length: usize| format!("{{\"app\":\"{}\"}}", "a".repeat(length)).into_bytes();
    for path in [ENABLE, DISABLE, FREEZE, ERRORS] {
        for length in [65_537, 1_000_000, 10_000_000] {
            let reply = Reply::to(post(&service, path, filled(length))).await;
            reply.refuses(413, "body_too_large");
        }
    }
    Reply::to(post(&service, CRITICAL, filled(10_000_000)))
        .await
        .refuses(400, "invalid_message");
    Reply::to(post(&service, CRITICAL, filled(17_000_000)))
        .await
        .refuses(413, "body_too_large");
    let alerts = format!("{{\"alerts\":[{}1]}}", "1,".repeat(4_000_000));
    let reply = Reply::to(post(&service, CRITICAL, alerts.into_bytes())).await;
    assert_eq!(
        (reply.status, &reply.json()["over_limit"]),
        (200, &json!(3_995_001))
    );
    let refused = "autolog_http_refused_total{reason=\"body_too_large\"}";
    assert_eq!(service.metric(refused).await, 13.0);
    is_well(&service).await;
}
