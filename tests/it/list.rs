//! The live sessions, page by page.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::service::{OPERATOR_TOKEN, Service, alert, message};

async fn list(service: &Service, query: &[(&str, &str)]) -> Reply {
    let request = service.request(Method::GET, "/api/autolog/list");
    Reply::to(request.bearer_auth(OPERATOR_TOKEN).query(query)).await
}

async fn enable(service: &Service, body: Value) -> Value {
    let (status, answer) = service.post("/api/autolog/enable", &body).await;
    assert_eq!(status, 200, "{answer}");
    answer["session"].clone()
}

#[tokio::test]
async fn nothing_is_listed_where_nothing_is_open() {
    let service = Service::start(&[]);
    let empty = json!({"count": 0, "sessions": [], "stale": false});
    assert_eq!(list(&service, &[]).await.json(), empty);
}

#[tokio::test]
async fn a_session_is_listed_with_its_holders_and_when_it_was_last_polled() {
    let service = Service::start(&[]);
    let body = json!({"app": "shop", "environment": "production", "ttl_seconds": 600, "reason": "why not"});
    enable(&service, body).await;
    let mut firing = alert("f1", "firing", "shop", "2026-01-01T00:00:00Z");
    firing["labels"]["endpoint"] = json!("/api/orders");
    service.webhook("autolog", &message(&[firing])).await;
    let listed = list(&service, &[]).await.json()["sessions"][0].clone();
    assert_eq!(listed["last_checked_at"], Value::Null);
    assert_eq!(
        (&listed["source"], &listed["level"]),
        (&json!("operator"), &json!("debug"))
    );
    assert_eq!(listed["endpoint"], Value::Null);
    let holders = listed["holders"].as_array().unwrap();
    assert_eq!(
        (&holders[0]["operator"], &holders[0]["reason"]),
        (&json!("alice"), &json!("why not"))
    );
    assert_eq!(
        (&holders[1]["source"], &holders[1]["reason"]),
        (&json!("alert"), &json!("Broken"))
    );
    let alert = json!({
        "fingerprint": "f1", "starts_at": "2026-01-01T00:00:00Z", "resolved": false, "endpoint": "/api/orders",
    });
    assert_eq!(holders[1]["alert"], alert);
    assert_eq!(listed["expires_at"], holders[1]["expires_at"]);

    service.check("shop", "production").await;
    let listed = list(&service, &[]).await.json()["sessions"][0].clone();
    assert!(listed["last_checked_at"].is_string(), "{listed}");
}

#[tokio::test]
async fn many_sessions_are_listed_page_by_page_each_once_and_in_order() {
    let service = Service::start(&[("AUTOLOG_MAX_SESSIONS", "2000")]);
    let bodies = (0..250).map(|number| {
        let (app, endpoint) = (
            format!("app-{:03}", number / 2),
            (number % 2 == 1).then_some("/a?b=c&d+e%20"),
        );
        json!({"app": app, "environment": "production", "endpoint": endpoint})
    });
    futures_util::future::join_all(bodies.map(|body| enable(&service, body))).await;
    for (limit, pages) in [
        (None, vec![100, 100, 50]),
        (Some("7"), [vec![7; 35], vec![5]].concat()),
    ] {
        let (mut seen, mut sizes) = (Vec::new(), Vec::new());
        let mut cursor: Option<String> = None;
        loop {
            let mut query = Vec::new();
            query.extend(limit.map(|limit| ("limit", limit)));
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = list(&service, &query).await.json();
            assert_eq!(page["count"], 250);
            let sessions = page["sessions"].as_array().unwrap();
            sizes.push(sessions.len());
            let target =
                |session: &Value| (session["app"].to_string(), session["endpoint"].to_string());
            seen.extend(sessions.iter().map(target));
            match page.get("next_cursor") {
                Some(next) => cursor = Some(next.as_str().unwrap().to_owned()),
                None => break,
            }
        }
        assert_eq!(sizes, pages);
        let apps: Vec<&String> = seen.iter().map(|(app, _)| app).collect();
        assert!(apps.is_sorted(), "{apps:?}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 250);
    }
    let all = list(&service, &[("limit", "1000")]).await.json();
    assert_eq!(
        (
            all["sessions"].as_array().unwrap().len(),
            &all["next_cursor"]
        ),
        (250, &Value::Null)
    );
}

#[tokio::test]
async fn sessions_are_listed_of_one_application_or_environment() {
    let service = Service::start(&[]);
    for (app, environment) in [
        ("shop", "production"),
        ("shop", "staging"),
        ("pay", "staging"),
    ] {
        enable(&service, json!({"app": app, "environment": environment})).await;
    }
    let count = async |query: &[(&str, &str)]| list(&service, query).await.json()["count"].clone();
    assert_eq!(count(&[("app", "shop")]).await, 2);
    assert_eq!(count(&[("environment", "staging")]).await, 2);
    assert_eq!(
        count(&[("app", "shop"), ("environment", "staging")]).await,
        1
    );
    assert_eq!(count(&[("app", "nobody")]).await, 0);
    let query = [("app", "shop"), ("limit", "1")];
    let page = list(&service, &query).await.json();
    let next = page["next_cursor"].as_str().unwrap();
    let page = list(&service, &[query[0], query[1], ("cursor", next)])
        .await
        .json();
    assert_eq!(page["sessions"][0]["environment"], "staging");
    assert_eq!(page["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_cursor_lives_on_when_its_session_has_ended() {
    let service = Service::start(&[]);
    for app in ["a", "b", "c"] {
        enable(&service, json!({"app": app, "environment": "production"})).await;
    }
    let page = list(&service, &[("limit", "2")]).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let body = json!({"app": "b", "environment": "production"});
    service.post("/api/autolog/disable", &body).await;
    let page = list(&service, &[("cursor", cursor)]).await.json();
    assert_eq!(
        (&page["count"], &page["sessions"][0]["app"]),
        (&json!(2), &json!("c"))
    );
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_named() {
    let service = Service::start(&[]);
    for (parameter, value, code) in [
        ("limit", "0", "out_of_range"),
        ("limit", "1001", "out_of_range"),
        ("limit", "-1", "out_of_range"),
        ("limit", "ten", "out_of_range"),
        ("limit", "99999999999999999999", "out_of_range"),
        ("cursor", "shop", "invalid_value"),
        ("cursor", "%", "invalid_value"),
        ("cursor", "\u{0}", "invalid_value"),
        ("app", "a b", "invalid_name"),
        ("environment", "a/b", "invalid_name"),
    ] {
        let reply = list(&service, &[(parameter, value)]).await;
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (400, code),
            "{parameter}={value}"
        );
        assert_eq!(reply.json()["field"], parameter, "{value}");
    }
}
