//! What becomes of each alert of a message.

use serde_json::{Value, json};

use crate::service::{SOON, Service, alert, eventually, message};

const THEN: &str = "2026-01-01T00:00:00Z";
const LATER: &str = "2026-01-01T01:00:00Z";

async fn post(service: &Service, alerts: &[Value]) -> Vec<Value> {
    let (status, answer) = service.webhook("critical", &message(alerts)).await;
    assert_eq!(status, 200, "{answer}");
    answer["outcomes"].as_array().unwrap().clone()
}

async fn outcome(service: &Service, alert: Value) -> String {
    let outcomes = post(service, &[alert]).await;
    outcomes[0]["outcome"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn one_bad_alert_costs_the_others_nothing() {
    let service = Service::start(&[("AUTOLOG_DENY", "secret/*")]);
    let mut untagged = alert("f4", "firing", "shop", THEN);
    untagged["labels"]["autolog"] = json!("false");
    let mut unmapped = alert("f5", "firing", "shop", THEN);
    unmapped["labels"] = json!({"autolog": "true", "alertname": "Lost"});
    let mut no_fingerprint = alert("f6", "firing", "pay", THEN);
    no_fingerprint["fingerprint"] = json!(null);
    let outcomes = post(
        &service,
        &[
            alert("f1", "firing", "shop", THEN),
            alert("f2", "firing", "shop", THEN),
            alert("f1", "firing", "shop", THEN),
            alert("f3", "firing", "secret", THEN),
            untagged,
            unmapped,
            json!(null),
            json!("alert"),
            json!({"labels": []}),
            alert("f7", "firing", "a b", THEN),
            no_fingerprint,
            alert("f2", "resolved", "shop", THEN),
        ],
    )
    .await;
    let names: Vec<&str> = outcomes
        .iter()
        .map(|outcome| outcome["outcome"].as_str().unwrap())
        .collect();
    let expected = [
        "opened",
        "extended",
        "unchanged",
        "refused",
        "ignored",
        "unmapped",
        "invalid",
        "invalid",
        "invalid",
        "invalid",
        "opened",
        "resolved",
    ];
    assert_eq!(names, expected);
    assert_eq!(outcomes[3]["guardrail"], "target");
    assert_eq!(outcomes[10]["fingerprint"].as_str().unwrap().len(), 16);
    for (name, count) in [
        ("opened", 2.0),
        ("invalid", 4.0),
        ("unmapped", 1.0),
        ("refused", 1.0),
    ] {
        let counted = format!("autolog_alerts_total{{outcome=\"{name}\"}}");
        assert_eq!(service.metric(&counted).await, count, "{name}");
    }
    let line = service.wait_for_log("an alert asks for a session, and no label");
    assert_eq!(
        (&line["level"], &line["alert"]),
        (&json!("WARN"), &json!("Lost"))
    );
}

#[tokio::test]
async fn the_end_of_one_alert_leaves_the_other_s_holder_and_the_operator_s() {
    let service = Service::start(&[("AUTOLOG_ON_RESOLVED", "linger"), ("AUTOLOG_LINGER", "0s")]);
    let body = json!({"app": "shop", "environment": "production"});
    service.post("/api/autolog/enable", &body).await;
    let two = ["f1", "f2"].map(|fingerprint| alert(fingerprint, "firing", "shop", THEN));
    post(&service, &two).await;
    let holders = async || {
        let sessions = service.sessions().await;
        sessions[0]["holders"].as_array().unwrap().len()
    };
    assert_eq!(holders().await, 3);
    assert_eq!(
        outcome(&service, alert("f1", "resolved", "shop", THEN)).await,
        "resolved"
    );
    assert_eq!(holders().await, 2);
    assert_eq!(
        outcome(&service, alert("f2", "resolved", "shop", THEN)).await,
        "resolved"
    );
    let session = &service.sessions().await[0];
    assert_eq!(session["holders"].as_array().unwrap().len(), 1);
    assert_eq!(session["holders"][0]["operator"], "alice");
}

#[tokio::test]
async fn a_session_ends_after_the_linger_of_its_last_alert() {
    let service = Service::start(&[("AUTOLOG_ON_RESOLVED", "linger"), ("AUTOLOG_LINGER", "1s")]);
    post(&service, &[alert("f1", "firing", "shop", THEN)]).await;
    post(&service, &[alert("f1", "resolved", "shop", THEN)]).await;
    assert_eq!(service.check("shop", "production").await["enabled"], true);
    // An HA peer repeats late.
    assert_eq!(
        outcome(&service, alert("f1", "firing", "shop", THEN)).await,
        "stale"
    );
    eventually(SOON, async || {
        service.check("shop", "production").await["enabled"] == false
    })
    .await;
    let ended = "autolog_sessions_ended_total{cause=\"resolved\"}";
    eventually(SOON, async || service.metric(ended).await == 1.0).await;
}

#[tokio::test]
async fn messages_out_of_order_never_end_what_fires() {
    let service = Service::start(&[("AUTOLOG_ON_RESOLVED", "linger"), ("AUTOLOG_LINGER", "0s")]);
    // The end of an episode that was never seen to begin.
    assert_eq!(
        outcome(&service, alert("f1", "resolved", "shop", THEN)).await,
        "unchanged"
    );
    assert_eq!(
        outcome(&service, alert("f1", "firing", "shop", LATER)).await,
        "opened"
    );
    assert_eq!(
        outcome(&service, alert("f1", "resolved", "shop", THEN)).await,
        "stale"
    );
    assert_eq!(service.check("shop", "production").await["enabled"], true);
    assert_eq!(
        outcome(&service, alert("f1", "resolved", "shop", LATER)).await,
        "resolved"
    );
    assert_eq!(service.check("shop", "production").await["enabled"], false);
}

#[tokio::test]
async fn two_senders_at_once_open_one_session() {
    let service = Service::start(&[]);
    let alerts = ["f1", "f2"].map(|fingerprint| alert(fingerprint, "firing", "shop", THEN));
    let posts = (0..40).map(|_| post(&service, &alerts));
    let outcomes = futures_util::future::join_all(posts).await.concat();
    let count = |name: &str| {
        outcomes
            .iter()
            .filter(|outcome| outcome["outcome"] == name)
            .count()
    };
    assert_eq!(
        (count("opened"), count("extended"), count("unchanged")),
        (1, 1, 78)
    );
    let sessions = service.sessions().await;
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["holders"].as_array().unwrap().len(), 2);
    let opened = "autolog_sessions_opened_total{source=\"alert\"}";
    assert_eq!(service.metric(opened).await, 1.0);
}
