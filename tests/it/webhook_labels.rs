//! What an alert's labels ask for, and what the path and the headers of its message say.

use reqwest::Method;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::service::{Service, WEBHOOK_SECRET, alert, message};

const THEN: &str = "2026-01-01T00:00:00Z";

async fn post(service: &Service, alerts: &[Value]) -> Vec<Value> {
    let (status, answer) = service.webhook("critical", &message(alerts)).await;
    assert_eq!(status, 200, "{answer}");
    answer["outcomes"].as_array().unwrap().clone()
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
async fn an_alert_asks_for_a_ttl_and_a_level_within_the_bounds() {
    let clamped = "autolog_alerts_clamped_total";
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
        assert_eq!(
            post(&service, &[labelled(labels)]).await[0]["outcome"],
            "opened"
        );
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
