//! What becomes of each alert of a message.

use reqwest::Method;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::service::{SOON, Service, WEBHOOK_SECRET, alert, eventually, message};

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

fn labelled(labels: &[(&str, &str)]) -> Value {
    let mut alert = alert("f1", "firing", "shop", THEN);
    for (name, value) in labels {
        alert["labels"][name] = json!(value);
    }
    alert
}

fn length(holder: &Value) -> i64 {
    let instant = |name: &str| {
        holder[name]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    instant("expires_at").as_second() - instant("started_at").as_second()
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

#[tokio::test]
async fn an_alert_asks_for_a_ttl_and_a_level_within_the_bounds() {
    let clamped = "autolog_alert_overrides_clamped_total";
    for (labels, seconds, remarks) in [
        (&[("autolog_ttl", "2m")][..], 120, 0.0),
        (&[("autolog_ttl", "90")], 90, 0.0),
        (&[("autolog_level", "debug")], 1_800, 0.0),
        (&[("autolog_ttl", "1s")], 60, 1.0),
        (&[("autolog_ttl", "9d")], 14_400, 1.0),
        (&[("autolog_ttl", "soon")], 1_800, 1.0),
        (&[("autolog_level", "trace")], 1_800, 1.0),
        (
            &[("autolog_level", "trace"), ("autolog_ttl", "9d")],
            14_400,
            1.0,
        ),
    ] {
        let service = Service::start(&[]);
        assert_eq!(outcome(&service, labelled(labels)).await, "opened");
        let holder = &service.sessions().await[0]["holders"][0];
        assert_eq!(
            (&holder["level"], length(holder)),
            (&json!("debug"), seconds),
            "{labels:?}"
        );
        assert_eq!(service.metric(clamped).await, remarks, "{labels:?}");
    }
    let service = Service::start(&[]);
    let mut annotated = alert("f1", "firing", "shop", THEN);
    annotated["annotations"]["autolog_ttl"] = json!("3m");
    post(&service, &[annotated]).await;
    assert_eq!(length(&service.sessions().await[0]["holders"][0]), 180);
}

#[tokio::test]
async fn an_alert_goes_to_the_target_that_its_labels_name() {
    let service = Service::start(&[
        ("AUTOLOG_APP_LABELS", "team,job"),
        ("AUTOLOG_ENVIRONMENT_LABELS", "stage"),
        ("AUTOLOG_DEFAULT_ENVIRONMENT", "live"),
    ]);
    let alerts = [
        labelled(&[("team", "tools"), ("stage", "test"), ("job", "x/y")]),
        labelled(&[
            ("job", "namespace/cart"),
            ("endpoint", "/a"),
            ("autolog_scope", "endpoint"),
        ]),
        labelled(&[
            ("job", "pay"),
            ("http_route", "no good"),
            ("autolog_scope", "endpoint"),
        ]),
    ];
    let targets: Vec<Value> = post(&service, &alerts)
        .await
        .iter()
        .map(|outcome| json!([outcome["app"], outcome["environment"], outcome["endpoint"]]))
        .collect();
    let expected = [
        json!(["tools", "test", null]),
        json!(["cart", "live", "/a"]),
        json!(["pay", "live", null]),
    ];
    assert_eq!(targets, expected);
    assert_eq!(
        service
            .metric("autolog_alert_endpoints_dropped_total")
            .await,
        1.0
    );
}

#[tokio::test]
async fn every_type_is_accepted_and_counted_and_only_autolog_asks_by_itself() {
    let service = Service::start(&[]);
    let mut untagged = alert("f1", "firing", "shop", THEN);
    untagged["labels"]
        .as_object_mut()
        .unwrap()
        .remove("autolog");
    for (kind, label) in [
        ("critical", "critical"),
        ("application", "application"),
        ("infrastructure", "infrastructure"),
        ("watchdog", "watchdog"),
        ("grafana", "grafana"),
        ("anything-else", "other"),
        ("a%2fb", "other"),
    ] {
        let (status, answer) = service.webhook(kind, &message(&[untagged.clone()])).await;
        assert_eq!(
            (status.as_u16(), &answer["outcomes"][0]["outcome"]),
            (200, &json!("ignored")),
            "{kind}"
        );
        let counted =
            format!("autolog_webhook_requests_total{{outcome=\"accepted\",type=\"{label}\"}}");
        assert!(service.metric(&counted).await >= 1.0, "{kind}");
    }
    let (_, answer) = service.webhook("autolog", &message(&[untagged])).await;
    assert_eq!(answer["outcomes"][0]["outcome"], "opened");
}

#[tokio::test]
async fn a_sender_presents_its_secret_in_the_way_it_knows() {
    let other = "second:webhook:secret:for:rotation";
    let service = Service::start(&[(
        "AUTOLOG_WEBHOOK_SECRET",
        &format!("{WEBHOOK_SECRET},{other}"),
    )]);
    let request = || {
        service
            .request(Method::POST, "/webhook/autolog")
            .json(&message(&[]))
    };
    for secret in [WEBHOOK_SECRET, other] {
        for request in [
            request().header("X-Webhook-Secret", secret),
            request().bearer_auth(secret),
            request().basic_auth("alertmanager", Some(secret)),
            request().basic_auth("", Some(secret)),
        ] {
            assert_eq!(Reply::to(request).await.status, 200);
        }
    }
    for request in [
        request(),
        request().header("X-Webhook-Secret", "wrong"),
        request().bearer_auth("wrong"),
        request().basic_auth(WEBHOOK_SECRET, Some("wrong")),
        request().query(&[("secret", WEBHOOK_SECRET)]),
    ] {
        let reply = Reply::to(request).await;
        reply.refuses(401, "unauthorized");
        assert!(
            reply.header("www-authenticate").starts_with("Bearer"),
            "{reply:?}"
        );
    }
}
