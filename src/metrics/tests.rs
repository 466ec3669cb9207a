use super::*;
use crate::domain::holder::Source;
use crate::domain::level::Level;
use crate::domain::name::{App, Endpoint, Environment};
use crate::domain::target::Place;

fn metrics() -> Metrics {
    Metrics::new(Build {
        version: "1.2.3",
        revision: "abc",
    })
    .unwrap()
}

fn session(app: &str, environment: &str, endpoint: Option<&str>) -> LiveSession {
    let place = Place {
        app: App::parse(app).unwrap(),
        environment: Environment::parse(environment).unwrap(),
    };
    LiveSession {
        target: place.target(endpoint.map(|text| Endpoint::parse(text).unwrap())),
        level: Level::Debug,
        source: Source::Alert,
        expires_at: Time::from_millis(1_764_000_000_500),
        unpolled: false,
    }
}

#[test]
fn every_closed_label_value_is_there_from_the_start() {
    let text = metrics().render(&Live::default()).unwrap();
    for line in [
        "autolog_alerts_total{outcome=\"unmapped\"} 0",
        "autolog_refused_total{guardrail=\"cooldown\"} 0",
        "autolog_sessions_opened_total{source=\"errors\"} 0",
        "autolog_sessions_ended_total{cause=\"expired_firing\"} 0",
        "autolog_webhook_requests_total{outcome=\"unavailable\",type=\"watchdog\"} 0",
        "autolog_check_requests_total{result=\"not_modified\"} 0",
        "autolog_feed_resyncs_total{reason=\"gap\"} 0",
        "autolog_http_refused_total{reason=\"slow_head\"} 0",
        "autolog_build_info{revision=\"abc\",version=\"1.2.3\"} 1",
        "autolog_waiting 0",
        "autolog_frozen 0",
        "autolog_session_series_dropped 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(text.contains("autolog_store_operation_duration_seconds_count{operation=\"sweep\",outcome=\"unavailable\"} 0"));
    assert!(text.contains("process_resident_memory_bytes"));
}

#[test]
fn live_sessions_are_shown_with_their_names_and_end() {
    let live = Live {
        sessions: vec![
            session("shop", "production", None),
            session("shop", "production", Some("/orders/{id}")),
            session("pay", "staging", None),
        ],
        waiting: 2,
        frozen: true,
    };
    let text = metrics().render(&live).unwrap();
    for line in [
        "autolog_sessions_active{environment=\"production\",source=\"alert\"} 2",
        "autolog_sessions_active{environment=\"staging\",source=\"operator\"} 0",
        "autolog_session_info{app=\"shop\",endpoint=\"/orders/{id}\",environment=\"production\",level=\"debug\",source=\"alert\"} 1",
        "autolog_session_expires_timestamp_seconds{app=\"pay\",endpoint=\"\",environment=\"staging\"} 1764000000.5",
        "autolog_waiting 2",
        "autolog_frozen 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[test]
fn ended_sessions_leave_no_series_behind() {
    let metrics = metrics();
    let live = Live {
        sessions: vec![session("shop", "production", None)],
        ..Live::default()
    };
    assert!(metrics.render(&live).unwrap().contains("app=\"shop\""));
    assert!(!metrics.render(&Live::default()).unwrap().contains("shop"));
}

#[test]
fn series_of_single_sessions_and_of_environments_are_capped() {
    let live = Live {
        sessions: (0..300)
            .map(|index| session(&format!("app-{index}"), &format!("env-{index:03}"), None))
            .collect(),
        ..Live::default()
    };
    let text = metrics().render(&live).unwrap();
    let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(lines("autolog_session_info{"), MAX_SERIES);
    assert_eq!(
        lines("autolog_session_expires_timestamp_seconds{"),
        MAX_SERIES
    );
    assert_eq!(
        lines("autolog_sessions_active{"),
        3 * (MAX_ENVIRONMENTS + 1)
    );
    assert!(text.contains("autolog_session_series_dropped 100"));
    assert!(text.contains("autolog_sessions_active{environment=\"other\",source=\"alert\"} 250"));
}
