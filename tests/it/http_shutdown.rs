//! What happens to connections when the process is to stop.

use std::time::Duration;

use autolog::http::limits::Limits;
use tokio::net::TcpStream;

use crate::http_world::{CHECK, OPERATOR, World, get_with};

#[tokio::test]
async fn a_request_in_flight_is_answered_and_idle_connections_close() {
    let world = World::start().await;
    let (mut busy, mut idle, mut new) = (
        world.connect().await,
        world.connect().await,
        world.connect().await,
    );
    idle.send(CHECK).await;
    assert_eq!(idle.reply().await.status, 200);
    let list = get_with(
        "/api/autolog/list",
        &format!("authorization: Bearer {OPERATOR}"),
    );
    busy.send(list).await;
    world.sees("autolog_http_connections 3").await;
    world.shutdown.cancel();
    assert!(idle.closed().await.is_empty());
    assert!(new.closed().await.is_empty());
    world.gate.add_permits(1);
    let reply = busy.reply().await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "listed"));
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(busy.closed().await.is_empty());
    let address = world.address;
    assert!(world.ended().await < Duration::from_secs(3));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_does_not_end_by_itself_is_cut_when_the_drain_is_over() {
    let drain = Duration::from_millis(300);
    let world = World::with(Limits {
        drain,
        ..Limits::default()
    })
    .await;
    let mut wire = world.connect().await;
    wire.send(get_with("/api/autolog/watch", "accept: */*"))
        .await;
    assert!(wire.head().await.head.starts_with("HTTP/1.1 200 "));
    world.shutdown.cancel();
    let metrics = std::sync::Arc::clone(&world.metrics);
    let took = world.ended().await;
    assert!(took + Duration::from_millis(50) >= drain, "{took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let text = metrics.render(&autolog::metrics::Live::default()).unwrap();
    assert!(text.contains("autolog_http_refused_total{reason=\"shutdown\"} 1"));
    assert!(text.contains("autolog_http_connections 0"));
}
