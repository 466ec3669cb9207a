//! What the log tells, and what it does not.

use reqwest::Method;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::service::{
    APP_TOKEN, OPERATOR_TOKEN, SOON, Service, WEBHOOK_SECRET, alert, eventually, message,
};

const THEN: &str = "2026-01-01T00:00:00Z";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The lines whose message begins with `message`.
fn lines(service: &Service, message: &str) -> Vec<Value> {
    let begins = |line: &Value| {
        line["message"]
            .as_str()
            .is_some_and(|text| text.starts_with(message))
    };
    service.log().into_iter().filter(begins).collect()
}

#[tokio::test]
async fn every_change_of_a_session_is_one_line_with_who_what_why_and_until_when() {
    let service = Service::start(&[]);
    let body = json!({
        "app": "shop", "environment": "production", "endpoint": "/a", "level": "trace", "reason": "checkout is slow",
    });
    let request = service
        .request(Method::POST, "/api/autolog/enable")
        .bearer_auth(OPERATOR_TOKEN)
        .header("X-Request-Id", "my-request")
        .json(&body);
    let session = Reply::to(request).await.json()["session"].clone();
    let opened = service.wait_for_log("session opened");
    for (field, value) in [
        ("level", json!("INFO")),
        ("app", json!("shop")),
        ("environment", json!("production")),
        ("endpoint", json!("/a")),
        ("session.id", session["id"].clone()),
        ("source", json!("operator")),
        ("by", json!("alice")),
        ("reason", json!("checkout is slow")),
        ("session.level", json!("trace")),
        ("until", session["expires_at"].clone()),
    ] {
        assert_eq!(opened[field], value, "{field}: {opened}");
    }
    assert_eq!(opened["span"]["request_id"], "my-request", "{opened}");
}

#[tokio::test]
async fn what_a_stop_did_is_told_with_its_request() {
    let service = Service::start(&[]);
    let enabled = json!({"app": "shop", "environment": "production"});
    let frozen = json!({"frozen": true});
    for (path, body, line) in [
        ("/api/autolog/enable", &enabled, "session opened"),
        ("/api/autolog/disable", &enabled, "session ended"),
        ("/api/autolog/freeze", &frozen, "automatic sources frozen"),
    ] {
        let request = service.request(Method::POST, path);
        let request = request.bearer_auth(OPERATOR_TOKEN).json(body);
        let reply = Reply::to(request.header("X-Request-Id", line.replace(' ', "-"))).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let told = service.wait_for_log(line);
        assert_eq!(told["span"]["request_id"], line.replace(' ', "-"), "{told}");
    }
}

#[tokio::test]
async fn the_lines_of_alerts_tell_of_changes_only() {
    let service = Service::start(&[]);
    let body = json!({"app": "shop", "environment": "production", "endpoint": "/a"});
    service.post("/api/autolog/enable", &body).await;
    service
        .webhook("autolog", &message(&[alert("f1", "firing", "shop", THEN)]))
        .await;
    let of_alert = lines(&service, "session opened")[1].clone();
    assert_eq!(
        (&of_alert["source"], &of_alert["by"], &of_alert["reason"]),
        (&json!("alert"), &json!("f1"), &json!("Broken"))
    );
    service
        .webhook("autolog", &message(&[alert("f2", "firing", "shop", THEN)]))
        .await;
    assert_eq!(service.wait_for_log("session extended")["by"], "f2");
    service
        .webhook("autolog", &message(&[alert("f2", "firing", "shop", THEN)]))
        .await;

    let body = json!({"app": "shop", "environment": "production", "reason": "enough"});
    let (_, disabled) = service.post("/api/autolog/disable", &body).await;
    let cooldown = service.wait_for_log("disabled");
    assert_eq!(
        (&cooldown["by"], &cooldown["reason"], &cooldown["until"]),
        (
            &json!("alice"),
            &json!("enough"),
            &disabled["cooldown_until"]
        )
    );
    for line in lines(&service, "session ended") {
        assert_eq!(
            (&line["cause"], &line["by"]),
            (&json!("disabled"), &json!("alice")),
            "{line}"
        );
    }
    let count = |message: &str| lines(&service, message).len();
    assert_eq!(
        (
            count("session opened"),
            count("session extended"),
            count("session ended"),
            count("disabled")
        ),
        (2, 1, 2, 1)
    );
}

#[tokio::test]
async fn a_freeze_and_its_end_are_told_of() {
    let service = Service::start(&[]);
    let body = json!({"frozen": true, "reason": "a storm"});
    let (_, frozen) = service.post("/api/autolog/freeze", &body).await;
    let line = service.wait_for_log("automatic sources frozen");
    assert_eq!(
        (&line["by"], &line["reason"], &line["until"]),
        (&json!("alice"), &json!("a storm"), &frozen["until"])
    );
    service
        .post("/api/autolog/freeze", &json!({"frozen": false}))
        .await;
    assert_eq!(
        service.wait_for_log("automatic sources released")["by"],
        "alice"
    );
}

#[tokio::test]
async fn polls_and_scrapes_leave_no_line() {
    let service = Service::start(&[("AUTOLOG_OPEN_CHECK", "false")]);
    let body = json!({"app": "shop", "environment": "production"});
    service.post("/api/autolog/enable", &body).await;
    eventually(SOON, async || service.admin("/healthz").await.0 == 200).await;
    let before = service.log();
    for _ in 0..50 {
        service.check("shop", "production").await;
        let unauthorized = service.request(
            Method::GET,
            "/api/autolog/check?app=shop&environment=production",
        );
        Reply::to(unauthorized).await.refuses(401, "unauthorized");
        service.get("/api/autolog/check").await;
        service.admin("/metrics").await;
        service.admin("/readyz").await;
    }
    // A line of our own, so that those before it would have been read.
    let body = json!({"app": "last", "environment": "production"});
    service.post("/api/autolog/enable", &body).await;
    eventually(SOON, async || service.log().len() > before.len()).await;
    assert_eq!(
        service.log().len(),
        before.len() + 1,
        "{:#?}",
        service.log()
    );
}

#[tokio::test]
async fn a_request_s_identity_is_given_back() {
    let service = Service::start(&[]);
    let id = async |given: Option<&str>, path: &str| {
        let mut request = service.request(Method::GET, path);
        if let Some(given) = given {
            request = request.header("X-Request-Id", given);
        }
        Reply::to(request).await.header("x-request-id").to_owned()
    };
    let check = "/api/autolog/check?app=shop&environment=production";
    for path in [check, "/api/autolog/list", "/api/openapi.json", "/nowhere"] {
        assert_eq!(id(Some("abc-1.2_3"), path).await, "abc-1.2_3", "{path}");
        let (one, two) = (id(None, path).await, id(None, path).await);
        assert!(one.len() == 16 && one != two, "{one} {two}");
        let long = "a".repeat(65);
        for odd in ["a b", "<script>", "", &long] {
            assert_ne!(id(Some(odd), path).await, odd);
        }
    }
}

#[tokio::test]
async fn the_caller_s_trace_is_in_the_line_of_an_error() {
    // Nothing ever listens on port 1.
    let service = Service::start(&[("AUTOLOG_STORE", "redis://127.0.0.1:1/0")]);
    let request = service
        .request(Method::POST, "/webhook/critical")
        .bearer_auth(WEBHOOK_SECRET)
        .header("traceparent", TRACE)
        .header("X-Request-Id", "my-request")
        .json(&message(&[alert("f1", "firing", "shop", THEN)]));
    let reply = Reply::to(request).await;
    reply.refuses(503, "store_unavailable");
    let line = service.wait_for_log("request not served");
    assert_eq!(line["level"], "WARN");
    assert_eq!(
        (&line["status"], &line["code"]),
        (&json!(503), &json!("store_unavailable"))
    );
    let span = &line["span"];
    for (field, value) in [
        ("request_id", "my-request"),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("span_id", "00f067aa0ba902b7"),
        ("method", "POST"),
        ("route", "/webhook/{type}"),
    ] {
        assert_eq!(span[field], value, "{line}");
    }
    assert_eq!(lines(&service, "request not served").len(), 1);
    assert!(!reply.text.contains("127.0.0.1"), "{reply:?}");
}

#[tokio::test]
async fn no_secret_is_ever_logged() {
    let service = Service::start(&[("AUTOLOG_LOG", "trace")]);
    let body = json!({"app": "shop", "environment": "production"});
    service.post("/api/autolog/enable", &body).await;
    service
        .webhook("autolog", &message(&[alert("f1", "firing", "shop", THEN)]))
        .await;
    let wrong = "a-wrong-secret-that-was-presented";
    for path in [
        "/api/autolog/list",
        "/api/autolog/check?app=a&environment=e&token=in-the-query",
    ] {
        let request = service.request(Method::GET, path);
        Reply::to(request.bearer_auth(wrong).header("X-API-Key", APP_TOKEN)).await;
    }
    for line in service.log() {
        let line = line.to_string();
        for secret in [
            OPERATOR_TOKEN,
            APP_TOKEN,
            WEBHOOK_SECRET,
            wrong,
            "in-the-query",
        ] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
