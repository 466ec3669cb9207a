//! Commands that talk to a service.

use serde_json::{Value, json};

use super::Program;
use crate::recorded::Recorded;

pub(super) const TOKEN: &str = "5d0c8f1b7a3e4926b0c1d2e3f4a59687";

pub(super) fn service() -> (Recorded, Program) {
    let service = Recorded::start();
    let program = Program::new()
        .with("AUTOLOG_URL", &service.url())
        .with("AUTOLOG_TOKEN", TOKEN);
    (service, program)
}

fn session() -> Value {
    json!({
        "id": "01JX0000000000000000000001", "app": "shop", "environment": "production", "level": "debug",
        "source": "alert", "opened_at": "2026-11-22T04:00:00Z", "expires_at": "2026-11-22T04:30:00.250Z",
        "expires_in_seconds": 1734, "last_checked_at": "2026-11-22T04:01:03.5Z",
        "holders": [
            {"source": "alert", "level": "debug", "started_at": "2026-11-22T04:00:00Z",
             "expires_at": "2026-11-22T04:30:00Z", "expires_in_seconds": 1734, "reason": "HighErrorRate",
             "alert": {"fingerprint": "0123456789abcdef", "starts_at": "2026-11-22T03:59:00Z", "resolved": false}},
            {"source": "operator", "level": "debug", "started_at": "2026-11-22T04:00:00Z",
             "expires_at": "2026-11-22T04:10:00Z", "expires_in_seconds": 534, "reason": "checkout is slow",
             "operator": "alice"},
            {"source": "alert", "level": "debug", "started_at": "2026-11-22T04:00:00Z",
             "expires_at": "2026-11-22T04:10:00Z", "expires_in_seconds": 534, "alerts": 7}]
    })
}

pub(super) fn verbose() -> Value {
    json!({
        "enabled": true, "app": "shop", "environment": "production", "level": "debug",
        "session_id": "01JX0000000000000000000001", "revision": "9f3c1a7e55d02b14",
        "expires_at": "2026-11-22T04:30:00Z", "expires_in_seconds": 1734, "poll_interval_seconds": 15,
        "stale": false,
        "endpoints": [{"endpoint": "/api/orders/{id}", "level": "trace", "session_id": "01JX0000000000000000000002",
                       "expires_in_seconds": 600}]
    })
}

pub(super) fn quiet() -> Value {
    json!({"enabled": false, "app": "shop", "environment": "production", "revision": "0000000000000000",
           "poll_interval_seconds": 15, "stale": true, "endpoints": []})
}

pub(super) fn problem(code: &str, detail: &str) -> Value {
    json!({"type": "about:blank", "title": "x", "status": 0, "detail": detail, "code": code,
           "retryable": false, "request_id": "r-1"})
}

#[test]
fn enable_sends_what_was_given_and_says_until_when() {
    let (service, program) = service();
    service.answer(
        "/api/autolog/enable",
        200,
        json!({"status": "enabled", "session": session(), "applied": true}),
    );
    let ran = program.run(&[
        "enable",
        "shop",
        "production",
        "--endpoint",
        "/api/orders/{id}",
        "--level",
        "trace",
        "--ttl",
        "10m",
        "--reason",
        "checkout is slow",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::assert_snapshot!(ran.out, @r"
    shop/production logs at DEBUG for 28m 54s, until 2026-11-22T04:30:00Z
    ");
    let asked = &service.asked()[0];
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(
        asked.body,
        json!({
            "app": "shop", "environment": "production", "endpoint": "/api/orders/{id}", "level": "trace",
            "ttl_seconds": 600, "reason": "checkout is slow",
        })
    );
    program.run(&["enable", "shop", "production"]);
    assert_eq!(
        service.asked()[1].body,
        json!({"app": "shop", "environment": "production"})
    );
}

#[test]
fn disable_ends_one_target_or_everything_without_a_question() {
    let (service, program) = service();
    let answer = json!({"status": "disabled", "applied": false, "ended": 2, "cooldown_until": "2026-11-22T04:30:00Z"});
    service.answer("/api/autolog/disable", 200, answer);
    let ran = program.run(&["disable", "shop", "production", "--cooldown", "1h"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        ran.out,
        "ended 2 sessions; alerts and error counts stay out until 2026-11-22T04:30:00Z\n"
    );
    assert!(ran.err.contains("does not show it yet"), "{ran:?}");
    assert_eq!(
        program
            .run(&["disable", "--all", "--reason", "disk full"])
            .code,
        Some(0)
    );
    let bodies: Vec<Value> = service
        .asked()
        .into_iter()
        .map(|asked| asked.body)
        .collect();
    assert_eq!(
        bodies,
        [
            json!({"app": "shop", "environment": "production", "cooldown_seconds": 3600}),
            json!({"all": true, "reason": "disk full"}),
        ]
    );
}

#[test]
fn list_reads_every_page() {
    let (service, program) = service();
    let second = json!({"count": 2, "sessions": [{"app": "shop", "environment": "staging", "endpoint": "/a",
        "level": "trace", "expires_in_seconds": 59, "holders": [{"source": "errors"}], "last_checked_at": null}]});
    service.answer(
        "/api/autolog/list",
        200,
        json!({"count": 2, "sessions": [session()], "next_cursor": "shop production "}),
    );
    service.answer("/api/autolog/list?cursor=shop+production+", 200, second);
    let ran = program.run(&["list"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::assert_snapshot!(ran.out, @r"
    APP   ENVIRONMENT  ENDPOINT  LEVEL  ENDS IN  HELD BY                              LAST POLLED
    shop  production   -         debug  28m 54s  HighErrorRate, alice, 7 more alerts  2026-11-22T04:01:03Z
    shop  staging      /a        trace  59s      errors                               never
    ");
    let answer: Value =
        serde_json::from_str(&program.run(&["list", "--output", "json"]).out).unwrap();
    assert_eq!(
        (
            answer["count"].as_u64(),
            answer["sessions"].as_array().unwrap().len()
        ),
        (Some(2), 2)
    );
    let narrow = "/api/autolog/list?app=shop&environment=production";
    service.answer(narrow, 200, json!({"count": 0, "sessions": []}));
    program.run(&["list", "shop", "production"]);
    let uri = service.asked().last().unwrap().uri.to_string();
    assert_eq!(uri, narrow);
}

#[test]
fn an_empty_list_says_so() {
    let (service, program) = service();
    service.answer(
        "/api/autolog/list",
        200,
        json!({"count": 0, "sessions": []}),
    );
    assert_eq!(program.run(&["list"]).out, "no session is live\n");
}

#[test]
fn why_tells_the_verdict_and_what_speaks_for_and_against_it() {
    let (service, program) = service();
    service.answer("/api/autolog/explain", 200, json!({
        "app": "shop", "environment": "production", "sessions": [session()],
        "waiting": [{"alert": {"fingerprint": "fedcba9876543210", "starts_at": "2026-11-22T04:00:00Z"},
                     "guardrail": "frozen", "since": "2026-11-22T04:00:00Z", "until": "2026-11-22T04:30:00Z",
                     "reason": "SlowCheckout"}],
        "barred": [{"alert": null, "until": "2026-11-22T08:00:00Z"}],
        "cooldown_until": "2026-11-22T04:20:00Z",
        "freeze": {"by": "alice", "since": "2026-11-22T04:00:00Z", "until": "2026-11-22T08:00:00Z",
                   "reason": "log storage is full"},
        "guardrails": {"allowed": false, "sessions": {"live": 12, "limit": 1000},
                       "sessions_per_app": {"live": 1, "limit": 50}, "automatic_limit": 100,
                       "automatic_per_app_limit": 10},
        "refused": [{"at": "2026-11-22T04:05:00Z", "source": "alert", "why": "frozen",
                     "explanation": "automatic sources are frozen", "reason": "SlowCheckout"}],
        "last_checked_at": null, "stale": true,
    }));
    let ran = program.run(&["why", "shop", "production"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::assert_snapshot!(ran.out, @r"
    shop/production logs at DEBUG for 28m 54s, until 2026-11-22T04:30:00Z
      held by HighErrorRate (alert, DEBUG, 28m 54s left, firing)
      held by alice (operator, DEBUG, 8m 54s left): checkout is slow
      held by 7 more alerts (alert, DEBUG, 8m 54s left)

    Stopped by
      frozen by alice until 2026-11-22T08:00:00Z: log storage is full; alerts and error counts open and renew nothing
      cooldown after a disable, until 2026-11-22T04:20:00Z
      the configuration (AUTOLOG_ALLOW, AUTOLOG_DENY)

    Waiting to open
      SlowCheckout, since 2026-11-22T04:00:00Z (frozen)

    Held long enough (barred)
      the error window, until 2026-11-22T08:00:00Z

    Refused lately, the newest first
      2026-11-22T04:05:00Z SlowCheckout: automatic sources are frozen

    Never polled here: does the application ask under this very name?
    Live sessions: 12 of at most 1000 in all, 1 of at most 50 of this application
    The service has lost its store; this may be old.
    ");
}

#[test]
fn check_answers_with_its_exit_code() {
    let (service, program) = service();
    service.answer("/api/autolog/check", 200, verbose());
    let ran = program.run(&[
        "check",
        "shop",
        "production",
        "--endpoint",
        "/api/orders/{id}",
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    insta::assert_snapshot!(ran.out, @r"
    shop/production logs at DEBUG for 28m 54s, until 2026-11-22T04:30:00Z
      /api/orders/{id} logs at TRACE for 10m
    ");
    assert_eq!(
        service.asked()[0].uri.query(),
        Some("app=shop&environment=production&endpoint=%2Fapi%2Forders%2F%7Bid%7D"),
    );
    service.answer("/api/autolog/check", 200, quiet());
    let ran = program.run(&["check", "shop", "production"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        ran.out,
        "shop/production is not verbose (stale: the service has lost its store)\n"
    );
}

#[test]
fn freeze_switches_on_off_and_tells_its_state() {
    let (service, program) = service();
    service.answer("/api/autolog/freeze", 200, json!({
        "frozen": true, "by": "alice", "since": "2026-11-22T04:00:00Z", "until": "2026-11-22T08:00:00Z",
        "reason": "log storage is full", "expires_in_seconds": 14400, "ended": 3, "applied": true,
    }));
    let ran = program.run(&[
        "freeze",
        "--end-sessions",
        "--ttl",
        "4h",
        "--reason",
        "log storage is full",
    ]);
    insta::assert_snapshot!(ran.out, @r"
    frozen by alice until 2026-11-22T08:00:00Z: log storage is full; alerts and error counts open and renew nothing
    ended 3 sessions
    ");
    service.answer("/api/autolog/freeze", 200, json!({"frozen": false}));
    for arguments in [["freeze", "--off"], ["freeze", "--status"]] {
        let ran = program.run(&arguments);
        assert_eq!(
            (ran.code, ran.out.starts_with("not frozen")),
            (Some(0), true),
            "{ran:?}"
        );
    }
    let asked: Vec<_> = service
        .asked()
        .into_iter()
        .map(|asked| (asked.method.to_string(), asked.body))
        .collect();
    assert_eq!(
        asked,
        [
            (
                "POST".to_owned(),
                json!({"frozen": true, "end_sessions": true, "ttl_seconds": 14400, "reason": "log storage is full"})
            ),
            ("POST".to_owned(), json!({"frozen": false})),
            ("GET".to_owned(), Value::Null),
        ]
    );
}
