//! Requests that are JSON, or nearly so, with a value in them that nobody expects.

use reqwest::RequestBuilder;
use serde_json::json;

use super::{CRITICAL, DISABLE, ENABLE, ERRORS, FREEZE, bodies, is_well, post, send};
use crate::service::{Service, alert};

/// Where odd values are put: the path, the fields, and the body with `@` for `"field":value`.
const PLACES: [(&str, &str, &str); 9] = [
    (
        ENABLE,
        "endpoint level ttl_seconds ttl_minutes reason service",
        r#"{"app":"shop","environment":"production",@}"#,
    ),
    (ENABLE, "app", r#"{"environment":"production",@}"#),
    (ENABLE, "environment", r#"{"app":"shop",@}"#),
    (
        DISABLE,
        "all app endpoint cooldown_seconds reason service",
        r#"{"environment":"production",@}"#,
    ),
    (DISABLE, "all cooldown_seconds", "{@}"),
    (
        FREEZE,
        "end_sessions ttl_seconds reason",
        r#"{"frozen":false,@}"#,
    ),
    (FREEZE, "frozen", "{@}"),
    (
        ERRORS,
        "endpoint scope count error_type",
        r#"{"events":[{"app":"shop","environment":"production",@}]}"#,
    ),
    (
        ERRORS,
        "app",
        r#"{"events":[{"environment":"production",@}]}"#,
    ),
];

/// The same in messages of Alertmanager's, with `#` for an alert that is as it should be.
const PLACES_OF_ALERTS: [(&str, &str, &str); 4] = [
    (
        CRITICAL,
        "status annotations startsAt endsAt fingerprint generatorURL new",
        r#"{"alerts":[{"labels":{"autolog":"true","app":"odd","environment":"production"},@},#]}"#,
    ),
    (
        CRITICAL,
        "labels",
        r#"{"alerts":[{"status":"firing",@},#]}"#,
    ),
    (
        "/webhook/autolog",
        "autolog app environment endpoint autolog_ttl autolog_level alertname",
        r#"{"alerts":[{"labels":{@}},#]}"#,
    ),
    (
        CRITICAL,
        "version groupKey truncatedAlerts status notification_reason commonLabels",
        r#"{"alerts":[{},#],@}"#,
    ),
];

fn requests(
    service: &Service,
    places: &[(&'static str, &str, &str)],
) -> Vec<(String, RequestBuilder)> {
    let good = alert("good", "firing", "shop", "2026-01-01T00:00:00Z").to_string();
    let mut requests = Vec::new();
    for (path, fields, body) in places {
        for field in fields.split(' ') {
            for value in bodies::ODD_VALUES {
                let body = body.replace('@', &format!("\"{field}\":{value}"));
                let body = body.replace('#', &good);
                requests.push((
                    format!("{path} {body}"),
                    post(service, path, body.into_bytes()),
                ));
            }
        }
    }
    requests
}

#[tokio::test]
async fn a_field_with_any_odd_value_is_refused_or_taken_and_never_breaks_anything() {
    let service = Service::start(&[]);
    let requests = requests(&service, &PLACES);
    assert!(requests.len() > 500, "{}", requests.len());
    send(requests).await;
    // Some of these were stops.
    let disable = json!({"all": true, "cooldown_seconds": 0});
    assert_eq!(service.post(DISABLE, &disable).await.0, 200);
    let thaw = json!({"frozen": false});
    assert_eq!(service.post(FREEZE, &thaw).await.0, 200);
    is_well(&service).await;
}

#[tokio::test]
async fn an_alert_with_any_odd_value_costs_neither_the_message_nor_the_service() {
    let service = Service::start(&[]);
    let requests = requests(&service, &PLACES_OF_ALERTS);
    assert!(requests.len() > 500, "{}", requests.len());
    let mut taken = 0;
    for (name, reply) in send(requests).await {
        // Only a value that is no JSON costs the whole message.
        if reply.status == 200 {
            taken += 1;
            let outcome = &reply.json()["outcomes"][1]["outcome"];
            let is_taken = matches!(outcome.as_str(), Some("opened" | "extended" | "unchanged"));
            assert!(is_taken, "{name}: {reply:?}");
        } else {
            reply.refuses(400, "invalid_message");
        }
    }
    assert!(taken > 500, "{taken}");
    is_well(&service).await;
}
