//! Probes and metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use autolog::http::admin::{self, Admin, Health};
use autolog::http::limits::Limits;
use autolog::metrics::{Build, Live, Metrics};
use autolog::readiness::readiness;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::http_world::{World, get_with};

#[tokio::test]
async fn probes_tell_live_ready_and_healthy_apart() {
    let (readiness, latch) = readiness();
    let store = Arc::new(AtomicBool::new(false));
    let stopping = CancellationToken::new();
    let build = Build {
        version: "0.0.0",
        revision: "test",
    };
    let probed = Arc::clone(&store);
    let router = admin::router(Admin {
        metrics: Arc::new(Metrics::new(build).unwrap()),
        live: Arc::new(Live::default),
        health: Health {
            readiness,
            stopping: stopping.clone(),
            store_up: Arc::new(move || probed.load(Ordering::Relaxed)),
        },
    });
    let world = World::serve(
        router,
        Limits::default().admin(),
        Arc::new(Semaphore::new(0)),
    )
    .await;
    let statuses = async || {
        let mut statuses = Vec::new();
        for path in ["/livez", "/readyz", "/healthz"] {
            statuses.push(world.ask(&get_with(path, "accept: */*")).await.status);
        }
        statuses
    };
    assert_eq!(statuses().await, [200, 503, 503]);
    drop(latch);
    assert_eq!(
        statuses().await,
        [200, 200, 503],
        "a store that is away drains no replica"
    );
    store.store(true, Ordering::Relaxed);
    assert_eq!(statuses().await, [200, 200, 200]);
    stopping.cancel();
    assert_eq!(statuses().await, [200, 503, 503]);
    let reply = world.ask(&get_with("/metrics", "accept: */*")).await;
    let media_type = reply.header("content-type");
    assert_eq!(
        (reply.status, media_type),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    assert!(
        reply
            .body
            .contains("autolog_build_info{revision=\"test\",version=\"0.0.0\"} 1")
    );
    assert_eq!(
        world
            .ask(&get_with("/api/autolog/check", "accept: */*"))
            .await
            .code(),
        "not_found"
    );
}
