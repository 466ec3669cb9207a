//! How requests are read and answered, and that every refusal has one shape.

use std::time::Duration;

use autolog::http::limits::{BodyLimits, Limits};
use tokio::time::Instant;

use crate::http_world::{APP, CHECK, OPERATOR, Reply, WEBHOOK, World, get_with, post_json};

const ENABLE: &str = "/api/autolog/enable";

fn impatient() -> Limits {
    Limits {
        body: BodyLimits {
            deadline: Duration::from_millis(200),
            ..BodyLimits::default()
        },
        ..Limits::default()
    }
}

async fn enable(world: &World, body: &str) -> Reply {
    world.ask(&post_json(ENABLE, OPERATOR, body)).await
}

#[tokio::test]
async fn what_is_asked_well_is_answered() {
    let world = World::start().await;
    let reply = enable(&world, "{\"app\":\"shop\",\"ttl_seconds\":60}").await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, "ada enabled shop for 60")
    );
    let reply = world
        .ask(&post_json("/webhook/critical", WEBHOOK, "{}"))
        .await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "critical 2"));
    world
        .sees("autolog_webhook_requests_total{outcome=\"accepted\",type=\"critical\"} 1")
        .await;
    world.sees("autolog_webhook_duration_seconds_count 1").await;
}

#[tokio::test]
async fn a_wrong_path_or_method_has_our_shape() {
    let world = World::start().await;
    for path in [
        "/",
        "/api",
        "/api/autolog/check/",
        "/webhook/",
        "/webhook/a/b",
        "/%ff",
        "/metrics",
    ] {
        let reply = world.ask(&get_with(path, "accept: */*")).await;
        assert_eq!(
            (reply.status, reply.code()),
            (404, "not_found".to_owned()),
            "{path}"
        );
    }
    for (method, path, allow) in [
        ("POST", "/api/autolog/check?app=shop", "GET,HEAD"),
        ("DELETE", "/api/autolog/list", "GET,HEAD"),
        ("GET", ENABLE, "POST"),
        ("BREW", "/webhook/autolog", "POST"),
    ] {
        let reply = world
            .ask(&format!("{method} {path} HTTP/1.1\r\nhost: a\r\n\r\n"))
            .await;
        assert_eq!(
            (reply.status, reply.code()),
            (405, "method_not_allowed".to_owned())
        );
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body_and_options_is_no_method_of_ours() {
    let world = World::start().await;
    let mut wire = world.connect().await;
    wire.send(CHECK.replace("GET", "HEAD")).await;
    let reply = wire.head().await;
    assert_eq!(
        (reply.status, reply.header("content-length")),
        (200, Some("8"))
    );
    wire.send("HEAD /nowhere HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(wire.head().await.status, 404);
    wire.send(CHECK).await;
    assert_eq!(wire.reply().await.body, "app shop");
    let reply = world
        .ask("OPTIONS /api/autolog/enable HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    let reply = world.ask("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn a_wrong_query_has_our_shape() {
    let world = World::start().await;
    for (query, code, field) in [
        ("", "missing_field", Some("app")),
        ("?app=", "missing_field", Some("app")),
        ("?app=a&app=b", "repeated_field", Some("app")),
        ("?app=hunter2%20x", "invalid_name", Some("app")),
        ("?app=%ff", "invalid_query", None),
        ("?app=%2", "invalid_query", None),
    ] {
        let reply = world
            .ask(&get_with(
                &format!("/api/autolog/check{query}"),
                "accept: */*",
            ))
            .await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, code.to_owned()),
            "{query}"
        );
        assert_eq!(reply.problem()["field"].as_str(), field, "{query}");
    }
    world
        .sees("autolog_check_requests_total{result=\"rejected\"} 6")
        .await;
}

#[tokio::test]
async fn a_wrong_body_has_our_shape() {
    let world = World::start().await;
    for (body, status, code) in [
        ("", 400, "invalid_json"),
        ("hunter2", 400, "invalid_json"),
        ("[]", 400, "invalid_json"),
        ("{}", 422, "missing_field"),
        ("{\"app\":\"hunter2 x\"}", 422, "invalid_name"),
        (
            "{\"app\":\"shop\",\"colour\":\"hunter2\"}",
            422,
            "unknown_field",
        ),
        ("{\"app\":\"shop\",\"ttl_seconds\":-1}", 422, "invalid_type"),
        (
            "{\"app\":\"shop\",\"ttl_seconds\":1e400}",
            400,
            "invalid_json",
        ),
    ] {
        let reply = enable(&world, body).await;
        assert_eq!(
            (reply.status, reply.code()),
            (status, code.to_owned()),
            "{body}"
        );
    }
    let reply = enable(&world, "{\"app\":\"shop\",\"colour\":\"hunter2\"}").await;
    assert_eq!(reply.problem()["field"], "colour");
    assert_eq!(reply.problem()["retryable"], false);
}

#[tokio::test]
async fn a_body_must_be_declared_to_be_json() {
    let world = World::start().await;
    let request = post_json(ENABLE, OPERATOR, "{\"app\":\"shop\"}");
    for (declared, status) in [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/vnd.api+json", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ] {
        let reply = world
            .ask(&request.replace("application/json", declared))
            .await;
        assert_eq!(reply.status, status, "{declared}");
    }
    let missing = request.replace("content-type: application/json\r\n", "");
    assert_eq!(world.ask(&missing).await.code(), "unsupported_media_type");
}

#[tokio::test]
async fn a_compressed_body_is_refused_for_what_it_is() {
    let world = World::start().await;
    let request = post_json(ENABLE, OPERATOR, "{\"app\":\"shop\"}");
    for (coding, status) in [("identity", 200), ("gzip", 415), ("br, gzip", 415)] {
        let coded = format!("content-type: application/json\r\ncontent-encoding: {coding}");
        let reply = world
            .ask(&request.replace("content-type: application/json", &coded))
            .await;
        assert_eq!(reply.status, status, "{coding}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_to_a_client_that_sends_it_all_first() {
    let world = World::start().await;
    let large = "x".repeat(10 * 1_024 * 1_024);
    let reply = enable(&world, &large).await;
    assert_eq!(
        (reply.status, reply.code()),
        (413, "body_too_large".to_owned())
    );
    // In chunks no length is known before.
    let head =
        post_json(ENABLE, OPERATOR, "").replace("content-length: 0", "transfer-encoding: chunked");
    let chunked = format!("{head}a00000\r\n{large}\r\n0\r\n\r\n");
    assert_eq!(world.ask(&chunked).await.status, 413);
    // Who may not do it at all is told that, too.
    assert_eq!(world.ask(&post_json(ENABLE, APP, &large)).await.status, 403);
    assert_eq!(
        world
            .ask(&post_json("/api/autolog/check", APP, &large))
            .await
            .status,
        405
    );
    assert_eq!(
        world
            .ask(&post_json("/webhook/other", WEBHOOK, &large))
            .await
            .status,
        200
    );
    world
        .sees("autolog_http_refused_total{reason=\"body_too_large\"} 2")
        .await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let world = World::start().await;
    let request = format!(
        "POST {ENABLE} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {OPERATOR}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n\r\n"
    );
    assert_eq!(world.ask(&request).await.code(), "body_too_large");
    let mut wire = world.connect().await;
    wire.send(request.replace("99999999", "14")).await;
    assert!(wire.head().await.head.starts_with("HTTP/1.1 100 "));
    wire.send("{\"app\":\"shop\"}").await;
    assert_eq!(wire.reply().await.status, 200);
}

#[tokio::test]
async fn a_slow_body_is_cut_and_a_slow_webhook_is_asked_to_try_again() {
    let world = World::with(impatient()).await;
    for (path, token, status) in [(ENABLE, OPERATOR, 408), ("/webhook/autolog", WEBHOOK, 503)] {
        let begun = Instant::now();
        let mut wire = world.connect().await;
        let request = post_json(path, token, "{\"app\":\"shop\"}");
        wire.send(request.trim_end_matches('}')).await;
        let reply = wire.reply().await;
        assert_eq!(
            (reply.status, reply.code()),
            (status, "slow_body".to_owned())
        );
        assert_eq!(reply.problem()["retryable"], true);
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert!(wire.closed().await.is_empty());
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    world
        .sees("autolog_http_refused_total{reason=\"slow_body\"} 2")
        .await;
    world
        .sees("autolog_webhook_requests_total{outcome=\"unavailable\",type=\"autolog\"} 1")
        .await;
}

#[tokio::test]
async fn a_body_that_breaks_off_or_is_badly_framed_is_a_bad_request() {
    let world = World::start().await;
    let head =
        post_json(ENABLE, OPERATOR, "").replace("content-length: 0", "transfer-encoding: chunked");
    let reply = world.ask(&format!("{head}zz\r\n")).await;
    assert_eq!(
        (reply.status, reply.code()),
        (400, "invalid_body".to_owned())
    );
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_service_goes_on() {
    let world = World::start().await;
    let mut wire = world.connect().await;
    let explain = get_with("/api/autolog/explain", &format!("x-api-key: {OPERATOR}"));
    for _ in 0..2 {
        wire.send(&explain).await;
        let reply = wire.reply().await;
        assert_eq!((reply.status, reply.code()), (500, "internal".to_owned()));
    }
    world.sees("autolog_http_panics_total 2").await;
    wire.send(CHECK).await;
    assert_eq!(wire.reply().await.status, 200);
}

#[tokio::test]
async fn a_store_that_is_away_is_a_503_without_its_cause() {
    let world = World::start().await;
    let reply = world
        .ask(&post_json("/api/autolog/disable", OPERATOR, "{}"))
        .await;
    assert_eq!(
        (reply.status, reply.code()),
        (503, "store_unavailable".to_owned())
    );
    assert_eq!(reply.header("retry-after"), Some("2"));
    assert_eq!(reply.problem()["retryable"], true);
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let world = World::start().await;
    let path = "/api/autolog/check?app=shop";
    let own = world
        .ask(&get_with(path, "x-request-id: from-the-caller.1"))
        .await;
    assert_eq!(own.header("x-request-id"), Some("from-the-caller.1"));
    let one = world
        .ask(&get_with(path, "x-request-id: not \"sane\""))
        .await;
    let two = world.ask(CHECK).await;
    let id = |reply: &Reply| reply.header("x-request-id").unwrap().to_owned();
    assert_eq!((id(&one).len(), id(&two).len()), (16, 16));
    assert_ne!(id(&one), id(&two));
}

#[tokio::test]
async fn a_client_that_leaves_is_counted_as_gone() {
    let world = World::start().await;
    let mut wire = world.connect().await;
    let list = get_with(
        "/api/autolog/list",
        &format!("authorization: Bearer {OPERATOR}"),
    );
    wire.send(list).await;
    world.sees("autolog_http_connections 1").await;
    drop(wire);
    world
        .sees("autolog_http_request_duration_seconds_count{method=\"GET\",route=\"/api/autolog/list\",status=\"499\"} 1")
        .await;
}

#[tokio::test]
async fn requests_are_measured_by_route_and_never_by_what_was_sent() {
    let world = World::start().await;
    for request in [
        CHECK.to_owned(),
        get_with("/hunter2", "accept: */*"),
        CHECK.replace("GET", "HUNTER2"),
        post_json("/webhook/hunter2", WEBHOOK, "{}"),
    ] {
        world.ask(&request).await;
    }
    for (method, route, status) in [
        ("GET", "/api/autolog/check", 200),
        ("GET", "unknown", 404),
        ("other", "/api/autolog/check", 405),
        ("POST", "/webhook/{type}", 200),
    ] {
        let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
        world
            .sees(&format!(
                "autolog_http_request_duration_seconds_count{{{labels}}} 1"
            ))
            .await;
    }
    world
        .sees("autolog_webhook_requests_total{outcome=\"accepted\",type=\"other\"} 1")
        .await;
    assert!(!world.metrics().to_lowercase().contains("hunter2"));
}
