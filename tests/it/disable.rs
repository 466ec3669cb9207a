//! Operators end sessions, and keep automatic sources out for a while.

use serde_json::{Value, json};

use crate::service::{SOON, Service, alert, eventually, message};

const THEN: &str = "2026-01-01T00:00:00Z";

async fn enable(service: &Service, app: &str, endpoint: Option<&str>) {
    let body = json!({"app": app, "environment": "production", "endpoint": endpoint});
    let (status, answer) = service.post("/api/autolog/enable", &body).await;
    assert_eq!(status, 200, "{answer}");
}

async fn disable(service: &Service, body: Value) -> Value {
    let (status, answer) = service.post("/api/autolog/disable", &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        (&answer["status"], &answer["applied"]),
        (&json!("disabled"), &json!(true))
    );
    answer
}

/// What becomes of a firing alert for `app`.
async fn fire(service: &Service, app: &str) -> Value {
    let body = message(&[alert("f1", "firing", app, THEN)]);
    service.webhook("autolog", &body).await.1["outcomes"][0].clone()
}

fn seconds_from_now(instant: &Value) -> i64 {
    let instant: jiff::Timestamp = instant.as_str().unwrap().parse().unwrap();
    instant.as_second() - jiff::Timestamp::now().as_second()
}

async fn targets(service: &Service) -> Vec<String> {
    let sessions = service.sessions().await;
    let target = |session: &Value| {
        let endpoint = session["endpoint"].as_str().unwrap_or_default();
        format!("{}{endpoint}", session["app"].as_str().unwrap())
    };
    sessions.iter().map(target).collect()
}

async fn populated() -> Service {
    let service = Service::start(&[]);
    for (app, endpoint) in [
        ("shop", None),
        ("shop", Some("/a")),
        ("shop", Some("/b")),
        ("pay", None),
    ] {
        enable(&service, app, endpoint).await;
    }
    service
}

#[tokio::test]
async fn an_application_goes_quiet_with_all_its_endpoints() {
    let service = populated().await;
    let answer = disable(
        &service,
        json!({"app": "shop", "environment": "production"}),
    )
    .await;
    assert_eq!(answer["ended"], 3);
    assert!(
        (590..=600).contains(&seconds_from_now(&answer["cooldown_until"])),
        "{answer}"
    );
    assert_eq!(targets(&service).await, ["pay"]);
    assert_eq!(service.check("shop", "production").await["enabled"], false);
}

#[tokio::test]
async fn one_endpoint_goes_quiet_alone() {
    let service = populated().await;
    let body = json!({"app": "shop", "environment": "production", "endpoint": "/a"});
    assert_eq!(disable(&service, body).await["ended"], 1);
    assert_eq!(targets(&service).await, ["pay", "shop", "shop/b"]);
}

#[tokio::test]
async fn everything_goes_quiet_at_once() {
    let service = populated().await;
    let answer = disable(&service, json!({"all": true, "reason": "too much"})).await;
    assert_eq!(answer["ended"], 4);
    assert!(targets(&service).await.is_empty());
    assert_eq!(fire(&service, "new").await["guardrail"], "cooldown");
    let ended = "autolog_sessions_ended_total{cause=\"disabled\"}";
    assert_eq!(service.metric(ended).await, 4.0);
}

#[tokio::test]
async fn it_is_no_error_that_nothing_was_open() {
    let service = Service::start(&[]);
    let body = json!({"app": "shop", "environment": "production", "cooldown_seconds": 0});
    let answer = disable(&service, body).await;
    let expected =
        json!({"status": "disabled", "applied": true, "ended": 0, "cooldown_until": null});
    assert_eq!(answer, expected);
    assert_eq!(disable(&service, json!({"all": true})).await["ended"], 0);
}

#[tokio::test]
async fn alerts_stay_out_during_the_cooldown_until_an_operator_enables() {
    let service = Service::start(&[]);
    let body = json!({"app": "shop", "environment": "production", "cooldown_seconds": 3_600});
    let answer = disable(&service, body).await;
    assert!(
        (3_590..=3_600).contains(&seconds_from_now(&answer["cooldown_until"])),
        "{answer}"
    );

    let outcome = fire(&service, "shop").await;
    assert_eq!(
        (&outcome["outcome"], &outcome["guardrail"]),
        (&json!("waiting"), &json!("cooldown"))
    );
    let mut of_endpoint = alert("f2", "firing", "shop", THEN);
    of_endpoint["labels"]["autolog_scope"] = json!("endpoint");
    of_endpoint["labels"]["endpoint"] = json!("/a");
    let (_, answer) = service.webhook("autolog", &message(&[of_endpoint])).await;
    assert_eq!(answer["outcomes"][0]["guardrail"], "cooldown", "{answer}");
    assert_eq!(fire(&service, "pay").await["outcome"], "opened");

    enable(&service, "shop", None).await;
    // The waiting alerts join by themselves.
    eventually(SOON, async || {
        let sessions = service.sessions().await;
        let holders = |index: usize| sessions[index]["holders"].as_array().unwrap().len();
        sessions.len() == 3 && holders(1) == 2 && sessions[2]["endpoint"] == "/a"
    })
    .await;
    let (_, explained) = service
        .get("/api/autolog/explain?app=shop&environment=production")
        .await;
    assert_eq!(
        (&explained["cooldown_until"], &explained["waiting"]),
        (&json!(null), &json!([]))
    );
}

#[tokio::test]
async fn an_operator_is_never_kept_out_by_a_cooldown() {
    let service = Service::start(&[]);
    disable(&service, json!({"all": true})).await;
    enable(&service, "shop", Some("/a")).await;
    assert_eq!(targets(&service).await, ["shop/a"]);
    assert_eq!(fire(&service, "shop").await["guardrail"], "cooldown");
}

#[tokio::test]
async fn a_cooldown_ends_by_itself_and_what_waited_opens() {
    let service = Service::start(&[]);
    let body = json!({"app": "shop", "environment": "production", "cooldown_seconds": 1});
    disable(&service, body).await;
    assert_eq!(fire(&service, "shop").await["outcome"], "waiting");
    assert_eq!(service.metric("autolog_waiting").await, 1.0);
    eventually(SOON, async || !service.sessions().await.is_empty()).await;
    assert_eq!(service.metric("autolog_waiting").await, 0.0);
}

#[tokio::test]
async fn what_makes_no_sense_is_named_and_ends_nothing() {
    let service = populated().await;
    let week = 7 * 24 * 60 * 60;
    for (body, code, field) in [
        (json!({}), "missing_field", "app"),
        (json!({"all": false}), "missing_field", "app"),
        (json!({"app": "shop"}), "missing_field", "environment"),
        (
            json!({"all": true, "app": "shop"}),
            "conflicting_fields",
            "all",
        ),
        (
            json!({"all": true, "endpoint": "/a"}),
            "conflicting_fields",
            "all",
        ),
        (json!({"all": "true"}), "invalid_type", "all"),
        (
            json!({"all": true, "cooldown_seconds": week + 1}),
            "out_of_range",
            "cooldown_seconds",
        ),
        (
            json!({"all": true, "cooldown_seconds": -1}),
            "invalid_type",
            "cooldown_seconds",
        ),
        (
            json!({"all": true, "reason": "a\u{7}"}),
            "invalid_name",
            "reason",
        ),
        (
            json!({"all": true, "ttl_seconds": 60}),
            "unknown_field",
            "ttl_seconds",
        ),
        (
            json!({"app": "a b", "environment": "e"}),
            "invalid_name",
            "app",
        ),
    ] {
        let (status, problem) = service.post("/api/autolog/disable", &body).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (422, &json!(code)),
            "{body}"
        );
        assert_eq!(problem["field"], field, "{body}");
    }
    assert_eq!(targets(&service).await.len(), 4);
    let longest = json!({"all": true, "cooldown_seconds": week});
    disable(&service, longest).await;
}
