//! Replicas of the service on a Redis.

use crate::backend::Server;
use crate::service::{SOON, Service, eventually};

/// Starts a Redis that acknowledges what it has synced to its file.
pub(crate) fn durable() -> Server {
    Server::start(&["--appendonly", "yes", "--appendfsync", "always"])
}

/// Starts a Redis that forgets what came after its last `SAVE` when it is killed.
pub(crate) fn forgetful() -> Server {
    Server::start(&["--appendonly", "no"])
}

/// Starts a replica on `server`, with `variables` set besides, and waits until it is ready.
pub(crate) async fn replica(server: &Server, variables: &[(&str, &str)]) -> Service {
    let service = unready_replica(server, variables);
    ready(&service).await;
    service
}

/// Starts a replica on `server`, with `variables` set besides.
pub(crate) fn unready_replica(server: &Server, variables: &[(&str, &str)]) -> Service {
    let address = format!("redis+unix://{}", server.socket().display());
    let mut all = vec![("AUTOLOG_STORE", address.as_str())];
    all.extend(variables);
    Service::start(&all)
}

/// Waits until the service says that it is ready.
pub(crate) async fn ready(service: &Service) {
    eventually(SOON, async || service.admin("/readyz").await.0 == 200).await;
}
