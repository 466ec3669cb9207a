//! The operators' kill switch.

use serde_json::{Value, json};

use crate::replica::ready;
use crate::service::{SOON, Service, alert, eventually, message};

const PATH: &str = "/api/autolog/freeze";
const THEN: &str = "2026-01-01T00:00:00Z";

async fn set(service: &Service, body: Value) -> Value {
    let (status, answer) = service.post(PATH, &body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn fire(service: &Service, app: &str) -> Value {
    let body = message(&[alert("f1", "firing", app, THEN)]);
    service.webhook("autolog", &body).await.1["outcomes"][0].clone()
}

fn seconds(from: &Value, to: &Value) -> i64 {
    let instant = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    instant(to).as_second() - instant(from).as_second()
}

#[tokio::test]
async fn nothing_is_frozen_at_first() {
    let service = Service::start(&[]);
    ready(&service).await;
    assert_eq!(service.get(PATH).await.1, json!({"frozen": false}));
    assert_eq!(service.metric("autolog_frozen").await, 0.0);
}

#[tokio::test]
async fn a_freeze_lasts_four_hours_unless_somebody_says_otherwise() {
    let service = Service::start(&[]);
    let answer = set(
        &service,
        json!({"frozen": true, "reason": "a storm of alerts"}),
    )
    .await;
    assert_eq!(seconds(&answer["since"], &answer["until"]), 14_400);
    let left = answer["expires_in_seconds"].as_u64().unwrap();
    assert!((14_390..=14_400).contains(&left), "{answer}");
    let expected = json!({
        "frozen": true, "by": "alice", "since": answer["since"], "until": answer["until"],
        "reason": "a storm of alerts", "expires_in_seconds": left, "ended": 0, "applied": true,
    });
    assert_eq!(answer, expected);
    let (_, state) = service.get(PATH).await;
    assert_eq!(
        (&state["frozen"], &state["until"]),
        (&json!(true), &answer["until"])
    );
    assert_eq!(service.metric("autolog_frozen").await, 1.0);

    let thawed = set(&service, json!({"frozen": false})).await;
    assert_eq!(
        thawed,
        json!({"frozen": false, "ended": 0, "applied": true})
    );
    assert_eq!(service.metric("autolog_frozen").await, 0.0);
}

#[tokio::test]
async fn a_frozen_service_opens_and_renews_nothing_by_itself_and_obeys_operators() {
    let service = Service::start(&[("AUTOLOG_ERROR_THRESHOLD", "1")]);
    assert_eq!(fire(&service, "shop").await["outcome"], "opened");
    set(&service, json!({"frozen": true})).await;
    for app in ["shop", "pay"] {
        let outcome = fire(&service, app).await;
        assert_eq!(
            (&outcome["outcome"], &outcome["guardrail"]),
            (&json!("waiting"), &json!("frozen")),
            "{app}"
        );
    }
    let events = json!({"events": [{"app": "cart", "environment": "production"}]});
    assert_eq!(service.post("/api/autolog/errors", &events).await.0, 202);
    assert_eq!(service.sessions().await.len(), 1);
    let body = json!({"app": "cart", "environment": "production"});
    assert_eq!(service.post("/api/autolog/enable", &body).await.0, 200);
    assert_eq!(service.sessions().await.len(), 2);

    set(&service, json!({"frozen": false})).await;
    eventually(SOON, async || service.sessions().await.len() == 3).await;
}

#[tokio::test]
async fn a_freeze_may_end_every_session() {
    let service = Service::start(&[]);
    fire(&service, "shop").await;
    let body = json!({"app": "pay", "environment": "production", "endpoint": "/a"});
    service.post("/api/autolog/enable", &body).await;
    let answer = set(&service, json!({"frozen": true, "end_sessions": true})).await;
    assert_eq!(answer["ended"], 2);
    assert!(service.sessions().await.is_empty());
    let ended = "autolog_sessions_ended_total{cause=\"frozen\"}";
    assert_eq!(service.metric(ended).await, 2.0);
}

#[tokio::test]
async fn a_freeze_ends_by_itself() {
    let service = Service::start(&[]);
    set(&service, json!({"frozen": true, "ttl_seconds": 1})).await;
    assert_eq!(fire(&service, "shop").await["outcome"], "waiting");
    eventually(SOON, async || {
        service.get(PATH).await.1 == json!({"frozen": false})
    })
    .await;
    eventually(SOON, async || service.sessions().await.len() == 1).await;
}

#[tokio::test]
async fn a_freeze_outlives_a_restart() {
    let mut service = Service::start(&[]);
    let answer = set(&service, json!({"frozen": true})).await;
    service.restart();
    eventually(SOON, async || service.get(PATH).await.0 == 200).await;
    assert_eq!(service.get(PATH).await.1["until"], answer["until"]);
}

#[tokio::test]
async fn what_makes_no_sense_is_named_and_freezes_nothing() {
    let service = Service::start(&[]);
    for (body, code, field) in [
        (json!({}), "missing_field", "frozen"),
        (json!({"frozen": null}), "invalid_type", "frozen"),
        (json!({"frozen": "yes"}), "invalid_type", "frozen"),
        (
            json!({"frozen": true, "ttl_seconds": 0}),
            "out_of_range",
            "ttl_seconds",
        ),
        (
            json!({"frozen": true, "ttl_seconds": 604_801}),
            "out_of_range",
            "ttl_seconds",
        ),
        (
            json!({"frozen": true, "ttl_seconds": -5}),
            "invalid_type",
            "ttl_seconds",
        ),
        (
            json!({"frozen": false, "end_sessions": true}),
            "conflicting_fields",
            "end_sessions",
        ),
        (
            json!({"frozen": true, "end_sessions": 1}),
            "invalid_type",
            "end_sessions",
        ),
        (
            json!({"frozen": true, "reason": "a".repeat(501)}),
            "invalid_name",
            "reason",
        ),
        (
            json!({"frozen": true, "until": THEN}),
            "unknown_field",
            "until",
        ),
    ] {
        let (status, problem) = service.post(PATH, &body).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (422, &json!(code)),
            "{body}"
        );
        assert_eq!(problem["field"], field, "{body}");
    }
    assert_eq!(service.get(PATH).await.1, json!({"frozen": false}));
    let longest = set(&service, json!({"frozen": true, "ttl_seconds": 604_800})).await;
    assert_eq!(seconds(&longest["since"], &longest["until"]), 604_800);
}
