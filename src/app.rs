//! Puts the service together, runs it, and ends it in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::http::limits::{BodyLimits, Limits};
use crate::http::server;

mod assembly;
mod signals;
mod store;
mod tasks;

use assembly::Assembly;

/// How long connections are still accepted after the service has said that it is not ready.
const GRACE: Duration = Duration::from_secs(2);

/// How long requests in flight may still take when the service stops at once.
const HURRY: Duration = Duration::from_millis(500);

/// How many new connections may wait to be accepted; the system has a limit of its own (`net.core.somaxconn`).
const QUEUE: u32 = 16_384;

/// The addresses on which the service listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Of the API.
    pub api: SocketAddr,
    /// Of the metrics and probes.
    pub admin: SocketAddr,
}

/// What ends the service.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// End in order: not ready, a moment of grace, no new connections, requests in flight, then the rest.
    pub gently: CancellationToken,
    /// Wait for slow clients no longer; what is durable or waits to be is still brought to its end.
    pub at_once: CancellationToken,
}

/// Runs the service until a signal ends it.
///
/// Fails if it cannot start: an address in use, an embedded store that cannot be opened, secrets that are refused. A
/// Redis that is away is no reason.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let stop = Stop::default();
    signals::forward(stop.clone())?;
    serve(config, stop, |_| ()).await
}

/// Runs the service until `stop`; tells `listening` where it listens.
///
/// Fails like [`run`].
pub async fn serve(
    config: Config,
    stop: Stop,
    listening: impl FnOnce(Addresses),
) -> anyhow::Result<()> {
    let assembly = Assembly::open(&config)?;
    let limits = limits(&config);
    server::raise_open_files(limits.connections);
    let api = listen(config.listeners.api, "AUTOLOG_LISTEN")?;
    let admin = listen(config.listeners.admin, "AUTOLOG_ADMIN_LISTEN")?;
    let addresses = Addresses {
        api: api.local_addr()?,
        admin: admin.local_addr()?,
    };

    let close = CancellationToken::new();
    let servers = TaskTracker::new();
    let metrics = || Arc::clone(&assembly.metrics);
    let for_api = assembly.api(&config, limits.body, close.clone());
    servers.spawn(server::serve(
        api,
        for_api,
        limits,
        metrics(),
        close.clone(),
    ));
    let for_admin = assembly.admin(&config, stop.gently.clone());
    servers.spawn(server::serve(
        admin,
        for_admin,
        limits.admin(),
        metrics(),
        close.clone(),
    ));
    tracing::info!(api = %addresses.api, admin = %addresses.admin, store = %config.store, "listening");
    listening(addresses);

    stop.gently.cancelled().await;
    tracing::info!("stopping");
    tokio::select! {
        () = tokio::time::sleep(GRACE) => {}
        () = stop.at_once.cancelled() => {}
    }
    close.cancel();
    servers.close();
    tokio::select! {
        () = servers.wait() => {}
        () = hurry(&stop) => {}
    }
    assembly.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Ends shortly after the service was asked to stop at once.
async fn hurry(stop: &Stop) {
    stop.at_once.cancelled().await;
    tokio::time::sleep(HURRY).await;
}

fn limits(config: &Config) -> Limits {
    Limits {
        connections: config.limits.connections,
        head_bytes: config.limits.header_bytes,
        body: BodyLimits {
            bytes: config.limits.body_bytes,
            webhook_bytes: config.limits.webhook_bytes,
            ..BodyLimits::default()
        },
        ..Limits::default()
    }
}

/// Listens with as long a queue of new connections as the system allows: pollers that have all been restarted at once
/// overflow a short one, and then they wait for seconds.
fn listen(address: SocketAddr, variable: &str) -> anyhow::Result<TcpListener> {
    let listening = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(QUEUE)
    };
    listening().with_context(|| format!("{variable}: cannot listen on {address}"))
}
