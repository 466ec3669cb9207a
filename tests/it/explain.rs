//! Why an application logs as it does.

use serde_json::{Value, json};

use crate::service::{SOON, Service, alert, eventually, message};

const THEN: &str = "2026-01-01T00:00:00Z";

async fn explain(service: &Service) -> Value {
    let path = "/api/autolog/explain?app=shop&environment=production";
    let (status, answer) = service.get(path).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn fire(service: &Service, alert: Value) -> Value {
    let (status, answer) = service.webhook("autolog", &message(&[alert])).await;
    assert_eq!(status, 200, "{answer}");
    answer["outcomes"][0].clone()
}

#[tokio::test]
async fn where_nothing_happened_there_is_nothing_to_explain_but_the_limits() {
    let service = Service::start(&[]);
    let expected = json!({
        "app": "shop", "environment": "production", "sessions": [], "waiting": [], "barred": [],
        "cooldown_until": null, "freeze": null,
        "guardrails": {
            "allowed": true, "sessions": {"live": 0, "limit": 1_000}, "sessions_per_app": {"live": 0, "limit": 50},
            "automatic_limit": 100, "automatic_per_app_limit": 10,
        },
        "refused": [], "last_checked_at": null, "stale": false,
    });
    assert_eq!(explain(&service).await, expected);
}

#[tokio::test]
async fn live_sessions_and_polls_are_shown() {
    let service = Service::start(&[]);
    let endpoint = json!({"app": "shop", "environment": "production", "endpoint": "/a"});
    service.post("/api/autolog/enable", &endpoint).await;
    fire(&service, alert("f1", "firing", "shop", THEN)).await;
    service.check("shop", "production").await;
    let explained = explain(&service).await;
    let sessions = explained["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["holders"][0]["alert"]["fingerprint"], "f1");
    assert_eq!(sessions[1]["endpoint"], "/a");
    assert_eq!(explained["guardrails"]["sessions_per_app"]["live"], 2);
    assert!(explained["last_checked_at"].is_string(), "{explained}");
}

#[tokio::test]
async fn a_cooldown_and_what_it_keeps_waiting_are_shown() {
    let service = Service::start(&[]);
    let body = json!({"app": "shop", "environment": "production"});
    let (_, disabled) = service.post("/api/autolog/disable", &body).await;
    fire(&service, alert("f1", "firing", "shop", THEN)).await;
    let explained = explain(&service).await;
    assert_eq!(explained["cooldown_until"], disabled["cooldown_until"]);
    let waiting = &explained["waiting"][0];
    let expected = json!([{
        "alert": {"fingerprint": "f1", "starts_at": THEN}, "guardrail": "cooldown",
        "since": waiting["since"], "until": waiting["until"], "reason": "Broken",
    }]);
    assert_eq!(explained["waiting"], expected);
    let refused = &explained["refused"][0];
    assert_eq!(
        (&refused["why"], &refused["source"], &refused["reason"]),
        (&json!("cooldown"), &json!("alert"), &json!("Broken"))
    );
    assert!(
        refused["explanation"]
            .as_str()
            .unwrap()
            .contains("operator"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_freeze_is_shown() {
    let service = Service::start(&[]);
    let body = json!({"frozen": true, "reason": "a storm"});
    let (_, frozen) = service.post("/api/autolog/freeze", &body).await;
    let expected = json!({
        "by": "alice", "since": frozen["since"], "until": frozen["until"], "reason": "a storm",
    });
    assert_eq!(explain(&service).await["freeze"], expected);
}

#[tokio::test]
async fn an_alert_that_has_held_as_long_as_one_may_is_shown_as_barred() {
    let service = Service::start(&[
        ("AUTOLOG_TTL_MIN", "1s"),
        ("AUTOLOG_TTL", "1s"),
        ("AUTOLOG_TTL_MAX", "1s"),
        ("AUTOLOG_MAX_SESSION", "1s"),
        ("AUTOLOG_LINGER", "0s"),
    ]);
    fire(&service, alert("f1", "firing", "shop", THEN)).await;
    eventually(SOON, async || {
        explain(&service).await["barred"][0].is_object()
    })
    .await;
    let explained = explain(&service).await;
    let expected = json!([{
        "alert": {"fingerprint": "f1", "starts_at": THEN}, "until": explained["barred"][0]["until"],
    }]);
    assert_eq!(explained["barred"], expected);
    assert_eq!(explained["sessions"], json!([]));
    // The very alert is kept out, and a new fault is not.
    let outcome = fire(&service, alert("f2", "firing", "shop", THEN)).await;
    assert_eq!(outcome["outcome"], "opened");
}

#[tokio::test]
async fn the_last_refused_and_unmapped_alerts_are_shown_the_newest_first() {
    let service = Service::start(&[("AUTOLOG_DENY", "shop/*")]);
    for number in 0..25 {
        let mut refused = alert(&format!("f{number}"), "firing", "shop", THEN);
        refused["labels"]["alertname"] = json!(format!("Refused{number}"));
        let outcome = fire(&service, refused).await;
        assert_eq!(
            (&outcome["outcome"], &outcome["guardrail"]),
            (&json!("refused"), &json!("target"))
        );
    }
    let mut unmapped = alert("u1", "firing", "shop", THEN);
    unmapped["labels"] = json!({"alertname": "Lost", "autolog": "true", "app": "shop"});
    assert_eq!(
        fire(&service, unmapped.clone()).await["outcome"],
        "unmapped"
    );
    // An alert of another application is none of this one's business.
    unmapped["labels"]["app"] = json!("pay");
    unmapped["labels"]["alertname"] = json!("Elsewhere");
    assert_eq!(fire(&service, unmapped).await["outcome"], "unmapped");

    let explained = explain(&service).await;
    assert_eq!(explained["guardrails"]["allowed"], false);
    let refused = explained["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 20);
    assert_eq!(
        (&refused[0]["why"], &refused[0]["reason"]),
        (&json!("unmapped"), &json!("Lost"))
    );
    assert_eq!(
        (&refused[1]["why"], &refused[1]["reason"]),
        (&json!("target"), &json!("Refused24"))
    );
    assert_eq!(refused[19]["reason"], "Refused6");
}

#[tokio::test]
async fn an_alert_whose_names_are_none_is_shown_and_not_lost_silently() {
    let service = Service::start(&[]);
    let mut odd = alert("f1", "firing", "shop", THEN);
    odd["labels"]["environment"] = json!("eu/production");
    assert_eq!(fire(&service, odd).await["outcome"], "invalid");
    let refused = explain(&service).await["refused"].clone();
    assert_eq!(
        (&refused[0]["why"], &refused[0]["reason"]),
        (&json!("invalid"), &json!("Broken"))
    );
    let line = service.wait_for_log("an alert has no labels");
    assert_eq!(
        (&line["level"], &line["alert"]),
        (&json!("WARN"), &json!("Broken"))
    );
}
