//! What Prometheus sees.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::reply::Reply;
use crate::service::{SOON, Service, alert, eventually, message};

/// Every metric that is there whether or not anything has happened.
const ALWAYS: [&str; 36] = [
    "autolog_webhook_requests_total",
    "autolog_webhook_duration_seconds",
    "autolog_alerts_total",
    "autolog_alert_gaps_total",
    "autolog_alerts_clamped_total",
    "autolog_alert_endpoints_dropped_total",
    "autolog_detection_seconds",
    "autolog_sessions_opened_total",
    "autolog_sessions_ended_total",
    "autolog_refused_total",
    "autolog_waiting",
    "autolog_sessions_limit",
    "autolog_errors_counted_total",
    "autolog_errors_rejected_total",
    "autolog_check_requests_total",
    "autolog_watchers",
    "autolog_store_up",
    "autolog_store_operation_duration_seconds",
    "autolog_last_sync_timestamp_seconds",
    "autolog_feed_resyncs_total",
    "autolog_store_rollbacks_total",
    "autolog_http_request_duration_seconds",
    "autolog_http_refused_total",
    "autolog_http_connections",
    "autolog_http_panics_total",
    "autolog_task_restarts_total",
    "autolog_credentials_reload_failed",
    "autolog_frozen",
    "autolog_watchdog_last_seen_timestamp_seconds",
    "autolog_build_info",
    "autolog_sessions_unpolled",
    "autolog_session_series_dropped",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
];

/// What is not zero though nothing has happened: facts about the process and its store.
const FACTS: [&str; 9] = [
    "autolog_build_info",
    "autolog_sessions_limit",
    "autolog_store_up",
    "autolog_store_operation_duration_seconds",
    "autolog_last_sync_timestamp_seconds",
    "autolog_feed_resyncs_total{reason=\"start\"}",
    "autolog_http_connections",
    "autolog_http_request_duration_seconds",
    "process_",
];

async fn scrape(service: &Service) -> String {
    service.admin("/metrics").await.1
}

/// The names of the metrics that are declared.
fn families(text: &str) -> BTreeSet<&str> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split(' ').next()).collect()
}

/// The samples, without their values.
fn series(text: &str) -> BTreeSet<&str> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .filter_map(|line| Some(line.rsplit_once(' ')?.0))
        .collect()
}

#[tokio::test]
async fn every_metric_is_there_from_the_start_at_zero() {
    let service = Service::start(&[]);
    let text = scrape(&service).await;
    let found = families(&text);
    for name in ALWAYS {
        assert!(found.contains(name), "{name} is not there");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let is_fact = FACTS.iter().any(|fact| series.starts_with(fact));
        assert!(is_fact || value == "0", "{line}");
    }
    for line in [
        "autolog_sessions_limit{scope=\"sessions\"} 1000",
        "autolog_sessions_limit{scope=\"automatic_per_app\"} 10",
        "autolog_webhook_requests_total{outcome=\"accepted\",type=\"grafana\"} 0",
        "autolog_alerts_total{outcome=\"opened\"} 0",
        "autolog_store_rollbacks_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    for name in found {
        let help = format!("# HELP {name} ");
        assert!(text.contains(&help), "{help}");
    }
}

#[tokio::test]
async fn the_metrics_tell_how_the_store_is() {
    let service = Service::start(&[]);
    eventually(SOON, async || {
        service.metric("autolog_store_up").await == 1.0
    })
    .await;
    let started = "autolog_feed_resyncs_total{reason=\"start\"}";
    assert_eq!(service.metric(started).await, 1.0);
    #[expect(clippy::cast_precision_loss, reason = "seconds are exact in a double")]
    let now = jiff::Timestamp::now().as_second() as f64;
    let synced = service.metric("autolog_last_sync_timestamp_seconds").await;
    assert!((synced - now).abs() < 30.0, "{synced}");
}

#[tokio::test]
async fn no_input_becomes_a_label_but_a_live_session_s_names() {
    let service = Service::start(&[]);
    let body = json!({"app": "shop", "environment": "production"});
    service.post("/api/autolog/enable", &body).await;
    service.check("shop", "production").await;
    service.webhook("autolog", &message(&[])).await;
    let before = scrape(&service).await;
    for index in 0..5 {
        let odd = format!("odd-{index}");
        let method = Method::from_bytes(odd.to_uppercase().as_bytes()).unwrap();
        for path in [
            format!("/{odd}"),
            format!("/webhook/{odd}"),
            "/api/autolog/list".to_owned(),
        ] {
            Reply::to(service.request(method.clone(), &path)).await;
            service.get(&path).await;
        }
        service.check(&odd, &odd).await;
        let mut refused = alert(&odd, "firing", &odd, "2026-01-01T00:00:00Z");
        refused["labels"]["environment"] = json!("no good");
        refused["labels"]["alertname"] = json!(odd);
        service.webhook(&odd, &message(&[refused])).await;
    }
    let after = scrape(&service).await;
    assert!(!after.to_lowercase().contains("odd"), "{after}");
    let new: Vec<&str> = series(&after)
        .difference(&series(&before))
        .copied()
        .collect();
    let is_expected = |series: &&&str| series.starts_with("autolog_http_request_duration_seconds");
    assert!(new.iter().all(|series| is_expected(&series)), "{new:#?}");
}

#[tokio::test]
async fn live_sessions_have_series_until_they_end_and_only_so_many() {
    let service = Service::start(&[]);
    let enable = async |index: usize| {
        let app = format!("app-{index:03}");
        let body =
            json!({"app": app, "environment": "production", "endpoint": "/a", "level": "trace"});
        let (status, answer) = service.post("/api/autolog/enable", &body).await;
        assert_eq!(status, 200, "{answer}");
    };
    futures_util::future::join_all((0..250).map(enable)).await;
    let text = scrape(&service).await;
    let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(lines("autolog_session_info{"), 200);
    assert_eq!(lines("autolog_session_expires_timestamp_seconds{"), 200);
    for line in [
        "autolog_session_series_dropped 50",
        "autolog_sessions_active{environment=\"production\",source=\"operator\"} 250",
        "autolog_sessions_active{environment=\"production\",source=\"alert\"} 0",
        "autolog_session_info{app=\"app-000\",endpoint=\"/a\",environment=\"production\",level=\"trace\",source=\"operator\"} 1",
        "autolog_sessions_opened_total{source=\"operator\"} 250",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    let body = json!({"all": true});
    service.post("/api/autolog/disable", &body).await;
    let text = scrape(&service).await;
    assert!(!text.contains("app=\""), "{text}");
    assert!(text.contains("autolog_session_series_dropped 0"));
    assert!(text.contains("autolog_sessions_ended_total{cause=\"disabled\"} 250"));
}

#[tokio::test]
async fn a_session_that_nobody_polls_is_told_of() {
    let service = Service::start(&[("AUTOLOG_POLL_INTERVAL", "1s")]);
    for app in ["polled", "unpolled"] {
        let body = json!({"app": app, "environment": "production"});
        service.post("/api/autolog/enable", &body).await;
    }
    service.check("polled", "production").await;
    let unpolled = "autolog_sessions_unpolled";
    assert_eq!(service.metric(unpolled).await, 0.0);
    eventually(SOON, async || service.metric(unpolled).await == 1.0).await;
    service.check("unpolled", "production").await;
    assert_eq!(service.metric(unpolled).await, 0.0);
}

#[tokio::test]
async fn the_time_from_an_alert_to_its_session_is_measured() {
    let service = Service::start(&[]);
    let began = jiff::Timestamp::now() - std::time::Duration::from_secs(20);
    let body = message(&[alert("f1", "firing", "shop", &began.to_string())]);
    service.webhook("autolog", &body).await;
    assert_eq!(service.metric("autolog_detection_seconds_count").await, 1.0);
    let sum = service.metric("autolog_detection_seconds_sum").await;
    assert!((20.0..30.0).contains(&sum), "{sum}");
    assert_eq!(
        service
            .metric("autolog_detection_seconds_bucket{le=\"15\"}")
            .await,
        0.0
    );
    assert_eq!(
        service
            .metric("autolog_detection_seconds_bucket{le=\"60\"}")
            .await,
        1.0
    );
}
