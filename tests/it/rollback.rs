//! A Redis that has lost writes it had acknowledged: what had ended stays ended, and what was opened is told.

use std::time::Duration;

use serde_json::{Value, json};

use crate::backend::Server;
use crate::replica::{forgetful, replica};
use crate::service::{SOON, Service, alert, eventually, message};

const THEN: &str = "2026-01-01T00:00:00Z";

async fn enable(service: &Service, app: &str) {
    let body = json!({"app": app, "environment": "production", "ttl_seconds": 600});
    assert_eq!(service.post("/api/autolog/enable", &body).await.0, 200);
}

async fn disable(service: &Service, app: &str) {
    let body = json!({"app": app, "environment": "production"});
    assert_eq!(service.post("/api/autolog/disable", &body).await.0, 200);
}

async fn is_live(service: &Service, app: &str) -> bool {
    service.check(app, "production").await["enabled"] == true
}

async fn fire(service: &Service, app: &str) -> Value {
    let (status, body) = service
        .webhook("autolog", &message(&[alert(app, "firing", app, THEN)]))
        .await;
    assert_eq!(status, 200, "{body}");
    body["outcomes"][0]["outcome"].clone()
}

async fn lost(service: &Service, write: &str) -> f64 {
    let series = format!("autolog_store_lost_writes_total{{write=\"{write}\"}}");
    service.metric(&series).await
}

/// Kills the server and starts it on what it had saved, and waits until each replica has noticed.
async fn roll_back(server: &mut Server, services: &[&Service]) {
    server.kill();
    server.restart();
    for service in services {
        eventually(SOON, async || {
            service.metric("autolog_store_rollbacks_total").await > 0.0
        })
        .await;
    }
}

#[tokio::test]
async fn a_lost_disable_is_made_again_and_a_lost_open_is_named() {
    let mut server = forgetful();
    let first = replica(&server, &[]).await;
    let second = replica(&server, &[]).await;
    enable(&first, "shop").await;
    assert_eq!(fire(&first, "cart").await, "opened");
    server.run::<String>("SAVE");
    disable(&first, "shop").await;
    disable(&second, "cart").await;
    enable(&second, "late").await;
    for service in [&first, &second] {
        eventually(SOON, async || {
            !is_live(service, "shop").await
                && !is_live(service, "cart").await
                && is_live(service, "late").await
        })
        .await;
    }

    roll_back(&mut server, &[&first, &second]).await;

    for service in [&first, &second] {
        for app in ["shop", "cart", "late"] {
            assert!(!is_live(service, app).await, "{app}");
        }
        assert_eq!(lost(service, "open").await, 1.0);
        let named = service.wait_for_log(
            "the store has lost an acknowledged write: the operator must enable again",
        );
        assert_eq!(named["app"], "late");
        service.wait_for_log("the store has lost changes that it had acknowledged");
    }
    // the second replica may find that the first one has healed the store already
    for write in ["end", "cooldown"] {
        let found = lost(&first, write).await.max(lost(&second, write).await);
        assert_eq!(found, 2.0, "{write}");
    }
    eventually(SOON, async || {
        first
            .metric("autolog_sessions_ended_total{cause=\"healed\"}")
            .await
            + second
                .metric("autolog_sessions_ended_total{cause=\"healed\"}")
                .await
            == 2.0
    })
    .await;
    assert_eq!(
        fire(&first, "cart").await,
        "waiting",
        "its cooldown is back"
    );
    let third = replica(&server, &[]).await;
    assert!(
        third.sessions().await.is_empty(),
        "the store knows it as well"
    );
}

#[tokio::test]
async fn a_lost_freeze_is_made_again() {
    let mut server = forgetful();
    let service = replica(&server, &[]).await;
    server.run::<String>("SAVE");
    let freeze = json!({"frozen": true, "reason": "too much"});
    assert_eq!(service.post("/api/autolog/freeze", &freeze).await.0, 200);
    eventually(SOON, async || service.metric("autolog_frozen").await == 1.0).await;

    roll_back(&mut server, &[&service]).await;

    assert_eq!(lost(&service, "freeze").await, 1.0);
    eventually(SOON, async || {
        server
            .run::<String>("HGET {al}:meta halt")
            .contains("too much")
    })
    .await;
    assert_eq!(fire(&service, "shop").await, "waiting");
}

#[tokio::test]
async fn what_was_opened_after_the_loss_is_not_ended_by_it() {
    let mut server = forgetful();
    let service = replica(&server, &[]).await;
    enable(&service, "shop").await;
    server.run::<String>("SAVE");
    disable(&service, "shop").await;
    eventually(SOON, async || !is_live(&service, "shop").await).await;

    roll_back(&mut server, &[&service]).await;
    enable(&service, "shop").await;

    let retired = "the store has taken a stop that only this replica obeyed";
    service.wait_for_log(retired);
    eventually(Duration::from_secs(5), async || {
        is_live(&service, "shop").await
    })
    .await;
}

#[tokio::test]
async fn an_outage_without_a_loss_is_no_rollback() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let service = replica(&server, &[]).await;
    enable(&service, "shop").await;
    disable(&service, "shop").await;
    enable(&service, "cart").await;
    server.kill();
    server.restart();
    enable_in_time(&service, "later").await;
    eventually(SOON, async || is_live(&service, "later").await).await;
    assert_eq!(service.metric("autolog_store_rollbacks_total").await, 0.0);
    assert_eq!(
        lost(&service, "open").await + lost(&service, "end").await,
        0.0
    );
}

async fn enable_in_time(service: &Service, app: &str) {
    let body = json!({"app": app, "environment": "production"});
    eventually(SOON, async || {
        service.post("/api/autolog/enable", &body).await.0 == 200
    })
    .await;
}
