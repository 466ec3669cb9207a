//! What real Alertmanagers sent, byte for byte.

use std::path::Path;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::service::{Service, WEBHOOK_SECRET};

/// Posts a recorded body as it was sent, and returns the answer.
async fn post(service: &Service, kind: &str, version: &str, file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/alertmanager");
    let body = std::fs::read(path.join(version).join(file)).unwrap();
    let request = service
        .request(Method::POST, &format!("/webhook/{kind}"))
        .header("Content-Type", "application/json")
        .bearer_auth(WEBHOOK_SECRET)
        .body(body);
    let reply = Reply::to(request).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn outcomes(answer: &Value) -> Vec<&str> {
    let outcomes = answer["outcomes"].as_array().unwrap();
    outcomes
        .iter()
        .map(|outcome| outcome["outcome"].as_str().unwrap())
        .collect()
}

#[rstest]
#[tokio::test]
async fn an_alert_fires_again_and_is_resolved(#[values("0.25", "0.33")] version: &str) {
    let service = Service::start(&[]);
    let answer = post(&service, "critical", version, "firing.json").await;
    let outcome = json!({
        "fingerprint": "e28c31f90f06f4a6", "app": "shop", "environment": "production", "outcome": "opened",
    });
    assert_eq!(
        answer,
        json!({"outcomes": [outcome], "over_limit": 0, "truncated": 0})
    );
    let alert = |sessions: &[Value]| sessions[0]["holders"][0]["alert"].clone();
    let holder = alert(&service.sessions().await);
    assert_eq!(holder["endpoint"], "/api/orders/{id}");
    assert_eq!(holder["starts_at"], "2026-11-22T03:12:45.123Z");
    assert_eq!(holder["resolved"], false);

    for _ in 0..2 {
        let again = post(&service, "critical", version, "repeated.json").await;
        assert_eq!(outcomes(&again), ["unchanged"]);
    }
    let resolved = post(&service, "critical", version, "resolved.json").await;
    assert_eq!(outcomes(&resolved), ["resolved"]);
    let resolved = post(&service, "critical", version, "resolved.json").await;
    assert_eq!(outcomes(&resolved), ["unchanged"]);
    assert_eq!(service.check("shop", "production").await["enabled"], true);
    assert_eq!(alert(&service.sessions().await)["resolved"], true);
}

#[rstest]
#[tokio::test]
async fn each_alert_of_a_message_counts_by_its_own_status(#[values("0.25", "0.33")] version: &str) {
    let service = Service::start(&[]);
    let answer = post(&service, "application", version, "mixed.json").await;
    assert_eq!(outcomes(&answer), ["unchanged", "opened"]);
    let sessions = service.sessions().await;
    assert_eq!(
        (
            sessions.len(),
            sessions[0]["holders"].as_array().unwrap().len()
        ),
        (1, 1)
    );
    assert_eq!(
        sessions[0]["holders"][0]["alert"]["fingerprint"],
        "a7c3321448efeedf"
    );
}

#[rstest]
#[tokio::test]
async fn one_message_is_about_several_targets(#[values("0.25", "0.33")] version: &str) {
    let service = Service::start(&[]);
    let answer = post(&service, "autolog", version, "several-targets.json").await;
    assert_eq!(
        outcomes(&answer),
        ["opened", "opened", "opened", "extended"]
    );
    let sessions = service.sessions().await;
    let of = |session: &Value| format!("{} {}", session["app"], session["environment"]);
    assert_eq!(
        sessions.iter().map(of).collect::<Vec<_>>(),
        [
            r#""payments" "production""#,
            r#""shop" "production""#,
            r#""shop" "staging""#
        ]
    );
}

#[rstest]
#[tokio::test]
async fn what_a_sender_left_out_is_counted_and_warned_of(#[values("0.25", "0.33")] version: &str) {
    let service = Service::start(&[]);
    let answer = post(&service, "autolog", version, "truncated.json").await;
    assert_eq!(outcomes(&answer), ["opened", "extended"]);
    assert_eq!(answer["truncated"], 3);
    let truncated = "autolog_alerts_total{outcome=\"truncated\"}";
    assert_eq!(service.metric(truncated).await, 3.0);
    let line = service.wait_for_log("Alertmanager left alerts out");
    assert_eq!(
        (&line["level"], &line["truncated"]),
        (&json!("WARN"), &json!(3))
    );
}

#[rstest]
#[tokio::test]
async fn the_watchdog_is_seen_and_opens_nothing(#[values("0.25", "0.33")] version: &str) {
    let service = Service::start(&[]);
    let seen = "autolog_watchdog_last_seen_timestamp_seconds";
    assert_eq!(service.metric(seen).await, 0.0);
    let answer = post(&service, "watchdog", version, "watchdog.json").await;
    assert_eq!(outcomes(&answer), ["ignored"]);
    #[expect(clippy::cast_precision_loss, reason = "seconds are exact in a double")]
    let now = jiff::Timestamp::now().as_second() as f64;
    let last = service.metric(seen).await;
    assert!((last - now).abs() < 60.0, "{last}");
    assert!(service.sessions().await.is_empty());
}
