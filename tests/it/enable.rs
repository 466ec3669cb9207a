//! Operators open sessions, within limits.

use reqwest::Method;
use serde_json::{Value, json};

use crate::reply::Reply;
use crate::service::{APP_TOKEN, OPERATOR_TOKEN, Service};

async fn enable_as(service: &Service, token: &str, body: &Value) -> Reply {
    let request = service.request(Method::POST, "/api/autolog/enable");
    Reply::to(request.bearer_auth(token).json(body)).await
}

async fn enable(service: &Service, body: &Value) -> Reply {
    enable_as(service, OPERATOR_TOKEN, body).await
}

fn shop() -> Value {
    json!({"app": "shop", "environment": "production"})
}

/// The request for `shop`, with one field more or another.
fn shop_with(field: &str, value: Value) -> Value {
    let mut body = shop();
    body[field] = value;
    body
}

/// How many seconds lie between two instants of an answer.
fn seconds(from: &Value, to: &Value) -> i64 {
    let instant = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    instant(to).as_second() - instant(from).as_second()
}

#[tokio::test]
async fn the_answer_has_the_whole_session() {
    let service = Service::start(&[]);
    let body = json!({
        "app": "shop", "environment": "production", "endpoint": "/a", "level": "trace", "ttl_seconds": 600,
        "reason": "checkout is slow",
    });
    let reply = enable(&service, &body).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "application/json")
    );
    let answer = reply.json();
    let session = &answer["session"];
    let (opened, expires) = (&session["opened_at"], &session["expires_at"]);
    assert_eq!(seconds(opened, expires), 600);
    assert_eq!(session["id"].as_str().unwrap().len(), 26);
    let expected = json!({
        "status": "enabled",
        "applied": true,
        "session": {
            "id": session["id"], "app": "shop", "environment": "production", "endpoint": "/a", "level": "trace",
            "source": "operator", "opened_at": opened, "expires_at": expires,
            "expires_in_seconds": session["expires_in_seconds"],
            "holders": [{
                "source": "operator", "level": "trace", "started_at": opened, "expires_at": expires,
                "expires_in_seconds": session["expires_in_seconds"], "reason": "checkout is slow",
                "operator": "alice",
            }],
        },
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn an_operator_s_new_enable_replaces_that_operator_s_holder() {
    let service = Service::start(&[]);
    let first = enable(&service, &shop_with("ttl_seconds", json!(3_600)))
        .await
        .json();
    let second = enable(&service, &shop_with("ttl_minutes", json!(2)))
        .await
        .json();
    assert_eq!(second["session"]["id"], first["session"]["id"]);
    let holders = second["session"]["holders"].as_array().unwrap();
    assert_eq!(holders.len(), 1);
    assert_eq!(
        seconds(&holders[0]["started_at"], &holders[0]["expires_at"]),
        120
    );
    assert_eq!(holders[0]["expires_at"], second["session"]["expires_at"]);
}

#[tokio::test]
async fn fields_of_an_older_service_are_ignored() {
    let service = Service::start(&[]);
    for value in [json!("shop-api"), json!(null), json!({"any": ["thing"]})] {
        assert_eq!(
            enable(&service, &shop_with("service", value)).await.status,
            200
        );
    }
    let mut disable = shop();
    disable["service"] = json!("shop-api");
    assert_eq!(service.post("/api/autolog/disable", &disable).await.0, 200);
}

#[tokio::test]
async fn every_field_that_is_not_as_it_must_be_is_named() {
    let service = Service::start(&[]);
    let long = |length| json!("a".repeat(length));
    for (field, value, code) in [
        ("app", json!(null), "invalid_type"),
        ("app", json!(7), "invalid_type"),
        ("app", json!(""), "invalid_name"),
        ("app", json!("a b"), "invalid_name"),
        ("app", long(101), "invalid_name"),
        ("environment", json!(["production"]), "invalid_type"),
        ("environment", json!("eu/production"), "invalid_name"),
        ("environment", long(51), "invalid_name"),
        ("endpoint", json!("/a b"), "invalid_name"),
        ("endpoint", json!("/a\u{0}"), "invalid_name"),
        ("endpoint", long(201), "invalid_name"),
        ("endpoint", json!({}), "invalid_type"),
        ("level", json!("info"), "invalid_value"),
        ("level", json!(1), "invalid_type"),
        ("ttl_seconds", json!(0), "out_of_range"),
        ("ttl_seconds", json!(59), "out_of_range"),
        ("ttl_seconds", json!(14_401), "out_of_range"),
        ("ttl_seconds", json!(u64::MAX), "out_of_range"),
        ("ttl_seconds", json!(-1), "invalid_type"),
        ("ttl_seconds", json!(60.5), "invalid_type"),
        ("ttl_seconds", json!("600"), "invalid_type"),
        ("ttl_seconds", json!(1e300), "invalid_type"),
        ("ttl_minutes", json!(0), "out_of_range"),
        ("ttl_minutes", json!(241), "out_of_range"),
        ("ttl_minutes", json!(u64::MAX), "out_of_range"),
        ("ttl_minutes", json!(true), "invalid_type"),
        ("reason", long(501), "invalid_name"),
        ("reason", json!("two\nlines"), "invalid_name"),
        ("reason", json!(false), "invalid_type"),
        ("ttl", json!(60), "unknown_field"),
        ("applied", json!(true), "unknown_field"),
    ] {
        let reply = enable(&service, &shop_with(field, value.clone())).await;
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (422, code),
            "{field}: {value}"
        );
        assert_eq!(reply.json()["field"], field, "{value}");
    }
    for field in ["app", "environment"] {
        let mut body = shop();
        body.as_object_mut().unwrap().remove(field);
        let reply = enable(&service, &body).await;
        assert_eq!(reply.refuses(422, "missing_field").json()["field"], field);
    }
    assert!(service.sessions().await.is_empty());
}

#[tokio::test]
async fn a_ttl_is_given_in_seconds_or_in_minutes() {
    let service = Service::start(&[]);
    let both =
        json!({"app": "shop", "environment": "production", "ttl_seconds": 60, "ttl_minutes": 1});
    let reply = enable(&service, &both).await;
    assert_eq!(
        reply.refuses(422, "conflicting_fields").json()["field"],
        "ttl_seconds"
    );
    for (body, length) in [
        (shop(), 1_800),
        (shop_with("ttl_seconds", json!(60)), 60),
        (shop_with("ttl_seconds", json!(14_400)), 14_400),
        (shop_with("ttl_minutes", json!(1)), 60),
        (shop_with("ttl_minutes", json!(240)), 14_400),
        (shop_with("ttl_minutes", json!(null)), 1_800),
    ] {
        let answer = enable(&service, &body).await.json();
        let holder = &answer["session"]["holders"][0];
        assert_eq!(
            seconds(&holder["started_at"], &holder["expires_at"]),
            length,
            "{body}"
        );
    }
}

#[tokio::test]
async fn every_guardrail_says_no_by_its_name() {
    let refusal = async |variables: &[(&str, &str)], before: &[Value], guardrail: &str| {
        let service = Service::start(variables);
        for body in before {
            assert_eq!(enable(&service, body).await.status, 200, "{guardrail}");
        }
        let body = json!({"app": "shop", "environment": "production", "endpoint": "/last"});
        let reply = enable(&service, &body).await;
        reply.refuses(409, "refused");
        let problem = reply.json();
        assert_eq!(problem["guardrail"], guardrail);
        assert_eq!(problem["retryable"], false);
        let refused = format!("autolog_refused_total{{guardrail=\"{guardrail}\"}}");
        assert_eq!(service.metric(&refused).await, 1.0);
        let line = service.wait_for_log("session refused");
        assert_eq!(line["guardrail"], guardrail, "{line}");
        // What is open already may be held on to.
        for body in before {
            assert_eq!(enable(&service, body).await.status, 200, "{guardrail}");
        }
    };
    let pay = json!({"app": "pay", "environment": "production"});
    refusal(
        &[("AUTOLOG_DENY", "sh*/prod*")],
        std::slice::from_ref(&pay),
        "target",
    )
    .await;
    refusal(
        &[("AUTOLOG_ALLOW", "pay/*,other/x")],
        std::slice::from_ref(&pay),
        "target",
    )
    .await;
    let one = [
        ("AUTOLOG_MAX_SESSIONS", "1"),
        ("AUTOLOG_MAX_SESSIONS_PER_APP", "1"),
        ("AUTOLOG_MAX_AUTOMATIC", "1"),
        ("AUTOLOG_MAX_AUTOMATIC_PER_APP", "1"),
    ];
    refusal(&one, std::slice::from_ref(&pay), "sessions").await;
    refusal(&[one[1], one[3]], &[shop(), pay], "sessions_per_app").await;
}

#[tokio::test]
async fn a_session_has_room_for_so_many_operators_and_no_more() {
    let token = |number: usize| format!("operator-{number:02}-3f1c9a0be7d24c55");
    let tokens: Vec<String> = (0..33)
        .map(|number| format!("op{number}:{}", token(number)))
        .collect();
    let service = Service::start(&[("AUTOLOG_OPERATOR_TOKENS", &tokens.join(","))]);
    for number in 0..32 {
        let reply = enable_as(&service, &token(number), &shop()).await;
        assert_eq!(reply.status, 200, "{number}: {reply:?}");
    }
    let reply = enable_as(&service, &token(32), &shop()).await;
    assert_eq!(reply.refuses(409, "refused").json()["guardrail"], "holders");
}

#[tokio::test]
async fn an_application_s_token_does_not_open_a_session() {
    let service = Service::start(&[]);
    enable_as(&service, APP_TOKEN, &shop())
        .await
        .refuses(403, "forbidden");
    assert!(service.sessions().await.is_empty());
}
