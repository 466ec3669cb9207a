//! Alertmanager's messages become sessions.

use crate::service::{Service, alert, message};

const THEN: &str = "2026-01-01T00:00:00Z";

#[tokio::test]
async fn a_message_opens_one_session_however_often_it_comes() {
    let service = Service::start(&[]);
    let body = message(&[alert("f1", "firing", "shop", THEN)]);
    let (status, answer) = service.webhook("autolog", &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["outcomes"][0]["outcome"], "opened");
    let repeats = (0..10).map(|_| service.webhook("autolog", &body));
    for (status, answer) in futures_util::future::join_all(repeats).await {
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["outcomes"][0]["outcome"], "unchanged");
    }
    let sessions = service.sessions().await;
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["holders"].as_array().unwrap().len(), 1);
    assert_eq!(service.check("shop", "production").await["enabled"], true);
}
