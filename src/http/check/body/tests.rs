use serde_json::{Value, json};

use super::*;
use crate::domain::level::Level;
use crate::domain::name::Endpoint;

const NOW: Time = Time::from_millis(1_795_000_000_000);

fn session(seconds: u64, level: Level) -> ShownSession {
    ShownSession {
        id: SessionId::new(NOW, 7),
        level,
        until: NOW + std::time::Duration::from_secs(seconds),
    }
}

fn written(shown: &Shown, session: Option<ShownSession>, stale: bool) -> Value {
    let body = Body {
        app: "team/shop",
        environment: "production",
        session,
        shown,
        now: NOW,
        poll_interval_seconds: 15,
        stale,
    };
    serde_json::from_slice(&body.write()).unwrap()
}

#[test]
fn where_nothing_is_granted_the_answer_says_so() {
    let shown = Shown::nothing();
    let expected = json!({
        "enabled": false, "app": "team/shop", "environment": "production", "revision": shown.revision,
        "poll_interval_seconds": 15, "stale": true, "endpoints": [],
    });
    assert_eq!(written(&shown, None, true), expected);
}

#[test]
fn what_is_granted_is_written_again_for_each_poll_with_the_time_that_is_left() {
    let whole = session(90, Level::Debug);
    let mut shown = Shown::nothing();
    shown.whole = Some(whole);
    for seconds in [90, 60] {
        let body = Body {
            app: "team/shop",
            environment: "production",
            session: Some(whole),
            shown: &shown,
            now: NOW + std::time::Duration::from_secs(90 - seconds),
            poll_interval_seconds: 15,
            stale: false,
        };
        let answer: Value = serde_json::from_slice(&body.write()).unwrap();
        let expected = json!({
            "enabled": true, "app": "team/shop", "environment": "production", "level": "debug",
            "session_id": whole.id, "revision": shown.revision, "expires_at": instant(whole.until),
            "expires_in_seconds": seconds, "poll_interval_seconds": 15, "stale": false, "endpoints": [],
        });
        assert_eq!(answer, expected);
    }
}

#[test]
fn an_endpoint_has_its_own_answer_and_all_of_them_are_listed() {
    let (narrow, other) = (session(600, Level::Trace), session(60, Level::Debug));
    let endpoint = |text: &str| Endpoint::parse(text).unwrap();
    let mut shown = Shown::nothing();
    shown.whole = Some(session(90, Level::Debug));
    shown.endpoints = vec![(endpoint("/orders/{id}"), narrow), (endpoint("/b"), other)];
    written(&shown, shown.whole, false);
    let answer = written(&shown, Some(narrow), false);
    assert_eq!(answer["level"], "trace");
    assert_eq!(answer["expires_in_seconds"], 600);
    let listed = |endpoint: &str, session: ShownSession, seconds: u64| {
        json!({
            "endpoint": endpoint, "level": session.level, "session_id": session.id, "expires_in_seconds": seconds,
        })
    };
    let endpoints = json!([listed("/orders/{id}", narrow, 600), listed("/b", other, 60)]);
    assert_eq!(answer["endpoints"], endpoints);
}
