use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisConnectionInfo, ServerErrorKind};

use super::*;
use crate::store::redis::address::{Endpoint, Login};

/// Connections to a server that nobody asks.
fn connections() -> Connections {
    Connections::new(&RedisAddress {
        endpoint: Endpoint::Unix {
            path: "socket".into(),
        },
        database: 0,
        login: Login::default(),
        sentinel_login: Login::default(),
        tls: None,
        key_prefix: "al".to_owned(),
    })
    .unwrap()
}

async fn connection() -> MultiplexedConnection {
    let (stream, _) = tokio::io::duplex(64);
    let settings = RedisConnectionInfo::default().set_skip_set_lib_name();
    let made = MultiplexedConnection::new(&settings, stream).await;
    made.unwrap().0
}

fn at() -> Place {
    Place::Socket("socket".into())
}

fn read_only() -> RedisError {
    let kind = ErrorKind::Server(ServerErrorKind::ReadOnly);
    RedisError::from((kind, "this is no primary any more"))
}

fn broken() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::BrokenPipe).into()
}

#[tokio::test]
async fn an_answer_that_leads_elsewhere_drops_both_connections() {
    let connections = connections();
    let lease = connections.command.put(connection().await, at());
    connections.feed.lend(connection().await, at()).restore();
    let answer = connections.settle::<()>(Purpose::Command, lease, Err(read_only()));
    assert!(answer.is_err());
    assert!(connections.command.share().is_none());
    assert!(connections.feed.take().is_none());
}

#[tokio::test]
async fn a_late_answer_about_an_old_connection_leaves_its_successor_alone() {
    let connections = connections();
    for (purpose, error) in [
        (Purpose::Command, read_only()),
        (Purpose::Command, broken()),
        (Purpose::Feed, read_only()),
        (Purpose::Feed, broken()),
    ] {
        let slot = match purpose {
            Purpose::Command | Purpose::Long(_) => &connections.command,
            Purpose::Feed => &connections.feed,
        };
        let old = slot.lend(connection().await, at());
        connections.leave();
        drop(connections.command.put(connection().await, at()));
        connections.feed.lend(connection().await, at()).restore();
        let answer = connections.settle::<()>(purpose, old, Err(error));
        assert!(answer.is_err());
        assert!(connections.command.share().is_some(), "{purpose:?}");
        assert!(connections.feed.take().is_some(), "{purpose:?}");
    }
}
