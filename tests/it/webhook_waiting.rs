//! Refused alerts wait, and alerts that outlive their session are told of.

use serde_json::{Value, json};

use crate::service::{SOON, Service, alert, eventually, message};

const THEN: &str = "2026-01-01T00:00:00Z";
const ONE_AUTOMATIC: [(&str, &str); 2] = [
    ("AUTOLOG_MAX_AUTOMATIC", "1"),
    ("AUTOLOG_MAX_AUTOMATIC_PER_APP", "1"),
];

async fn post(service: &Service, status: &str, app: &str) -> Value {
    let body = message(&[alert("f1", status, app, THEN)]);
    let (status, answer) = service.webhook("autolog", &body).await;
    assert_eq!(status, 200, "{answer}");
    answer["outcomes"][0].clone()
}

async fn apps(service: &Service) -> Vec<String> {
    let sessions = service.sessions().await;
    let app = |session: &Value| session["app"].as_str().unwrap().to_owned();
    sessions.iter().map(app).collect()
}

async fn disable(service: &Service, app: &str) {
    let body = json!({"app": app, "environment": "production", "cooldown_seconds": 0});
    assert_eq!(service.post("/api/autolog/disable", &body).await.0, 200);
}

#[tokio::test]
async fn a_refused_alert_opens_when_another_session_ends() {
    let service = Service::start(&ONE_AUTOMATIC);
    assert_eq!(post(&service, "firing", "shop").await["outcome"], "opened");
    let outcome = post(&service, "firing", "pay").await;
    assert_eq!(
        (&outcome["outcome"], &outcome["guardrail"]),
        (&json!("waiting"), &json!("automatic"))
    );
    assert_eq!(service.metric("autolog_waiting").await, 1.0);
    assert_eq!(
        service
            .metric("autolog_refused_total{guardrail=\"automatic\"}")
            .await,
        1.0
    );
    let line = service.wait_for_log("session refused");
    assert_eq!(
        (&line["app"], &line["waiting"]),
        (&json!("pay"), &json!(true))
    );
    disable(&service, "shop").await;
    eventually(SOON, async || apps(&service).await == ["pay"]).await;
    assert_eq!(service.metric("autolog_waiting").await, 0.0);
    let session = &service.sessions().await[0];
    assert_eq!(session["holders"][0]["alert"]["fingerprint"], "f1");
}

#[tokio::test]
async fn an_operator_opens_what_alerts_may_not_and_the_alert_joins() {
    let service = Service::start(&ONE_AUTOMATIC);
    post(&service, "firing", "shop").await;
    post(&service, "firing", "pay").await;
    let body = json!({"app": "pay", "environment": "production"});
    assert_eq!(service.post("/api/autolog/enable", &body).await.0, 200);
    eventually(SOON, async || {
        let sessions = service.sessions().await;
        sessions[0]["holders"].as_array().unwrap().len() == 2
    })
    .await;
}

#[tokio::test]
async fn a_resolved_alert_waits_no_longer() {
    let service = Service::start(&ONE_AUTOMATIC);
    post(&service, "firing", "shop").await;
    post(&service, "firing", "pay").await;
    assert_eq!(
        post(&service, "resolved", "pay").await["outcome"],
        "resolved"
    );
    assert_eq!(service.metric("autolog_waiting").await, 0.0);
    disable(&service, "shop").await;
    post(&service, "firing", "cart").await;
    assert_eq!(apps(&service).await, ["cart"]);
}

#[tokio::test]
async fn what_waits_outlives_a_restart() {
    let mut service = Service::start(&ONE_AUTOMATIC);
    post(&service, "firing", "shop").await;
    post(&service, "firing", "pay").await;
    service.restart();
    eventually(SOON, async || {
        service.metric("autolog_waiting").await == 1.0
    })
    .await;
    disable(&service, "shop").await;
    eventually(SOON, async || apps(&service).await == ["pay"]).await;
}

#[tokio::test]
async fn a_thaw_opens_what_waited() {
    let service = Service::start(&[]);
    let path = "/api/autolog/freeze";
    service.post(path, &json!({"frozen": true})).await;
    for app in ["shop", "pay"] {
        assert_eq!(post(&service, "firing", app).await["guardrail"], "frozen");
    }
    assert!(apps(&service).await.is_empty());
    service.post(path, &json!({"frozen": false})).await;
    eventually(SOON, async || apps(&service).await == ["pay", "shop"]).await;
}

#[tokio::test]
async fn an_alert_that_outlives_its_session_is_told_of_with_its_cure() {
    let service = Service::start(&[("AUTOLOG_TTL_MIN", "1s"), ("AUTOLOG_TTL", "1s")]);
    assert_eq!(post(&service, "firing", "shop").await["outcome"], "opened");
    let ended = "autolog_sessions_ended_total{cause=\"expired_firing\"}";
    eventually(SOON, async || service.metric(ended).await == 1.0).await;
    let line = service.wait_for_log("session ended");
    assert_eq!(line["cause"], "expired_firing");
    assert_eq!(service.metric("autolog_alert_gaps_total").await, 0.0);

    assert_eq!(post(&service, "firing", "shop").await["outcome"], "opened");
    assert_eq!(service.metric("autolog_alert_gaps_total").await, 1.0);
    let line = service.wait_for_log("an alert fired on while its session had expired");
    let text = line["message"].as_str().unwrap();
    assert!(
        text.contains("AUTOLOG_TTL is 1s: raise the TTL or lower repeat_interval"),
        "{text}"
    );
    assert_eq!(
        (&line["level"], &line["app"], &line["alert"]),
        (&json!("WARN"), &json!("shop"), &json!("Broken"))
    );
}
