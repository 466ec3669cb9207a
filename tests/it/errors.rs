//! Errors that applications report open sessions.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::service::{APP_TOKEN, OPERATOR_TOKEN, Service, WEBHOOK_SECRET};

const PATH: &str = "/api/autolog/errors";

async fn report(service: &Service, events: Value) -> Reply {
    let request = service.request(Method::POST, PATH).bearer_auth(APP_TOKEN);
    Reply::to(request.json(&json!({"events": events}))).await
}

async fn accepted(service: &Service, events: Value) -> Value {
    let reply = report(service, events).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

fn shop() -> Value {
    json!({"app": "shop", "environment": "production"})
}

fn shop_with(fields: &Value) -> Value {
    let mut event = shop();
    let fields = fields.as_object().unwrap().clone();
    event.as_object_mut().unwrap().extend(fields);
    event
}

#[tokio::test]
async fn a_session_opens_at_exactly_the_threshold() {
    let service = Service::start(&[]);
    for count in 1..10 {
        let answer = accepted(&service, json!([shop()])).await;
        assert_eq!(answer, json!({"accepted": 1, "rejected": []}));
        assert_eq!(
            service.check("shop", "production").await["enabled"],
            false,
            "{count}"
        );
    }
    accepted(&service, json!([shop()])).await;
    let session = &service.sessions().await[0];
    assert_eq!(
        (&session["source"], &session["endpoint"]),
        (&json!("errors"), &Value::Null)
    );
    assert_eq!(session["holders"][0]["reason"], "10 errors within 5m");
    assert_eq!(
        service
            .metric("autolog_sessions_opened_total{source=\"errors\"}")
            .await,
        1.0
    );
    assert_eq!(service.metric("autolog_errors_counted_total").await, 10.0);
}

#[tokio::test]
async fn one_event_may_tell_of_many_errors_and_all_of_a_request_count_together() {
    let service = Service::start(&[]);
    accepted(
        &service,
        json!([
            shop_with(&json!({"count": 4})),
            shop_with(&json!({"count": 5}))
        ]),
    )
    .await;
    assert!(service.sessions().await.is_empty());
    let last = shop_with(&json!({"endpoint": "/a", "error_type": "Timeout", "count": 1}));
    accepted(&service, json!([last])).await;
    assert_eq!(service.check("shop", "production").await["enabled"], true);
    assert_eq!(service.metric("autolog_errors_counted_total").await, 10.0);
}

#[tokio::test]
async fn many_reporters_at_once_lose_no_error() {
    let service = Service::start(&[("AUTOLOG_ERROR_THRESHOLD", "100")]);
    let reports = |count: usize| {
        let reports = (0..count).map(|_| accepted(&service, json!([shop()])));
        futures_util::future::join_all(reports)
    };
    reports(99).await;
    assert!(service.sessions().await.is_empty());
    reports(1).await;
    assert_eq!(service.sessions().await.len(), 1);
}

#[tokio::test]
async fn an_endpoint_goes_verbose_alone_if_the_event_says_so() {
    let service = Service::start(&[("AUTOLOG_ERROR_THRESHOLD", "3")]);
    let event = |endpoint: &str| shop_with(&json!({"endpoint": endpoint, "scope": "endpoint"}));
    accepted(&service, json!([event("/a"), event("/b"), event("/a")])).await;
    assert!(service.sessions().await.is_empty());
    accepted(&service, json!([event("/a")])).await;
    let sessions = service.sessions().await;
    assert_eq!(
        (sessions.len(), &sessions[0]["endpoint"]),
        (1, &json!("/a"))
    );
    let app_wide = shop_with(&json!({"endpoint": "/c", "scope": "app"}));
    accepted(&service, json!([app_wide])).await;
    let sessions = service.sessions().await;
    assert_eq!(
        (sessions.len(), &sessions[0]["endpoint"]),
        (2, &Value::Null)
    );
}

#[tokio::test]
async fn errors_slide_out_of_the_window() {
    let window = Duration::from_secs(1);
    let service = Service::start(&[
        ("AUTOLOG_ERROR_WINDOW", "1s"),
        ("AUTOLOG_ERROR_THRESHOLD", "4"),
    ]);
    for _ in 0..2 {
        accepted(&service, json!([shop_with(&json!({"count": 3}))])).await;
        assert!(service.sessions().await.is_empty());
        tokio::time::sleep(window).await; // it is the passing of this time that is tested
    }
    accepted(&service, json!([shop_with(&json!({"count": 4}))])).await;
    assert_eq!(service.sessions().await.len(), 1);
}

#[tokio::test]
async fn an_event_that_is_not_as_it_must_be_is_rejected_alone() {
    let service = Service::start(&[]);
    let events = json!([
        shop_with(&json!({"app": "a b"})),
        shop(),
        shop_with(&json!({"environment": "a/b"})),
        shop_with(&json!({"endpoint": ""})),
        shop_with(&json!({"count": 0})),
        shop_with(&json!({"count": 1_000_001})),
        shop_with(&json!({"count": u64::MAX})),
        shop_with(&json!({"scope": "endpoint"})),
    ]);
    let rejected = |index: usize, code: &str, field: &str| json!({"index": index, "code": code, "field": field});
    let expected = json!({"accepted": 1, "rejected": [
        rejected(0, "invalid_name", "app"),
        rejected(2, "invalid_name", "environment"),
        rejected(3, "invalid_name", "endpoint"),
        rejected(4, "out_of_range", "count"),
        rejected(5, "out_of_range", "count"),
        rejected(6, "out_of_range", "count"),
        rejected(7, "missing_field", "endpoint"),
    ]});
    assert_eq!(accepted(&service, events).await, expected);
    assert_eq!(service.metric("autolog_errors_counted_total").await, 1.0);
    assert_eq!(
        accepted(&service, json!([])).await,
        json!({"accepted": 0, "rejected": []})
    );
}

#[tokio::test]
async fn a_request_that_is_not_as_it_must_be_is_refused_whole() {
    let service = Service::start(&[]);
    let many: Vec<Value> = (0..1_001).map(|_| shop()).collect();
    for (events, code, field) in [
        (json!(many), "out_of_range", "events"),
        (json!(null), "invalid_type", "events"),
        (json!({}), "invalid_type", "events"),
        (
            json!([shop(), {"app": "shop"}]),
            "missing_field",
            "events[1].environment",
        ),
        (
            json!([{"environment": "e"}]),
            "missing_field",
            "events[0].app",
        ),
        (
            json!([shop_with(&json!({"app": 1}))]),
            "invalid_type",
            "events[0].app",
        ),
        (
            json!([shop_with(&json!({"count": -1}))]),
            "invalid_type",
            "events[0].count",
        ),
        (
            json!([shop_with(&json!({"count": 1.5}))]),
            "invalid_type",
            "events[0].count",
        ),
        (
            json!([shop_with(&json!({"scope": "all"}))]),
            "invalid_value",
            "events[0].scope",
        ),
        (
            json!([shop_with(&json!({"scope": 1}))]),
            "invalid_type",
            "events[0].scope",
        ),
        (
            json!([shop_with(&json!({"level": "debug"}))]),
            "unknown_field",
            "events[0].level",
        ),
        (json!(["shop"]), "invalid_type", "events[0]"),
        (json!([["shop", "production"]]), "invalid_type", "events[0]"),
    ] {
        let reply = report(&service, events).await;
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (422, code),
            "{field}"
        );
        assert_eq!(reply.json()["field"], field, "{code}");
    }
    assert_eq!(service.metric("autolog_errors_counted_total").await, 0.0);
}

#[tokio::test]
async fn an_application_cannot_fill_the_memory_with_names() {
    let service = Service::start(&[
        ("AUTOLOG_MAX_ERROR_KEYS", "5"),
        ("AUTOLOG_MAX_ERROR_KEYS_PER_APP", "3"),
    ]);
    let of_endpoint =
        |endpoint: &str| shop_with(&json!({"endpoint": endpoint, "scope": "endpoint"}));
    // The application's own window and those of two endpoints.
    let answer = accepted(&service, json!([of_endpoint("/a"), of_endpoint("/b")])).await;
    assert_eq!(answer["accepted"], 2);
    let answer = accepted(
        &service,
        json!([of_endpoint("/c"), of_endpoint("/a"), shop()]),
    )
    .await;
    let full = json!([{"index": 0, "code": "cardinality_limit"}]);
    assert_eq!(answer, json!({"accepted": 2, "rejected": full}));
    // Other applications have their own, up to the limit of all.
    let events: Vec<Value> = ["b", "c", "d"]
        .map(|app| json!({"app": app, "environment": "production"}))
        .to_vec();
    let answer = accepted(&service, json!(events)).await;
    assert_eq!(answer["accepted"], 2, "{answer}");
    assert_eq!(service.metric("autolog_errors_rejected_total").await, 2.0);
}

#[tokio::test]
async fn errors_are_taken_with_a_token_only_even_where_check_is_open() {
    let service = Service::start(&[("AUTOLOG_OPEN_CHECK", "true")]);
    let body = json!({"events": [shop()]});
    let request = || service.request(Method::POST, PATH).json(&body);
    Reply::to(request()).await.refuses(401, "unauthorized");
    for wrong in ["wrong", WEBHOOK_SECRET] {
        let reply = Reply::to(request().bearer_auth(wrong)).await;
        reply.refuses(401, "unauthorized");
    }
    for right in [APP_TOKEN, OPERATOR_TOKEN] {
        assert_eq!(Reply::to(request().bearer_auth(right)).await.status, 202);
        assert_eq!(
            Reply::to(request().header("X-API-Key", right)).await.status,
            202
        );
    }
}
