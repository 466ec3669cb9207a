//! Puts the service together, runs it, and ends it in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alertmanager::Mapping;
use crate::config::Config;
use crate::control::counter::counter;
use crate::control::{Control, Parts};
use crate::credentials::Credentials;
use crate::domain::window::WindowRule;
use crate::feed::Feed;
use crate::http::admin::{self, Admin, Health};
use crate::http::api::{self, Api};
use crate::http::auth::Authority;
use crate::http::limits::{BodyLimits, Limits};
use crate::http::server;
use crate::metrics::{Build, Metrics};
use crate::readiness::readiness;
use crate::snapshot::Snapshot;

mod signals;
mod store;
mod tasks;

use tasks::Tasks;

/// How long connections are still accepted after the service has said that it is not ready.
const GRACE: Duration = Duration::from_secs(2);
/// A store that was not heard of for this long is down; the feed asks at least once a second.
const STORE_DOWN: Duration = Duration::from_secs(2);

/// Which program this is.
const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    revision: match option_env!("AUTOLOG_BUILD_REVISION") {
        Some(revision) => revision,
        None => "unknown",
    },
};

/// The addresses on which the service listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Of the API.
    pub api: SocketAddr,
    /// Of the metrics and probes.
    pub admin: SocketAddr,
}

/// Runs the service until a signal ends it.
///
/// Fails if it cannot start: an address in use, an embedded store that cannot be opened, secrets that are refused. A
/// Redis that is away is no reason.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let hurry = CancellationToken::new();
    signals::forward(stop.clone(), hurry.clone())?;
    serve(config, stop, hurry, |_| ()).await
}

/// Runs the service until `stop` and ends it in order, without waiting for clients once `hurry`; tells `listening`
/// where it listens.
pub async fn serve(
    config: Config,
    stop: CancellationToken,
    hurry: CancellationToken,
    listening: impl FnOnce(Addresses),
) -> anyhow::Result<()> {
    let generate_in = config
        .store
        .is_embedded()
        .then_some(config.data_dir.as_path());
    let credentials = Credentials::open(config.secrets, generate_in)?;
    let credentials = Arc::new(credentials);
    let metrics = Arc::new(Metrics::new(BUILD)?);
    metrics.sessions.limits(config.policy.caps);
    let policy = Arc::new(config.policy);
    let store = store::open(&config.store, &policy, &metrics)?;
    let snapshot = Arc::new(Snapshot::new(Arc::clone(&policy)));
    let writes = TaskTracker::new();
    let control = Control::new(Parts {
        store: Arc::clone(&store),
        snapshot: Arc::clone(&snapshot),
        policy: Arc::clone(&policy),
        metrics: Arc::clone(&metrics),
        tasks: writes.clone(),
    });
    let rule = WindowRule {
        length: config.errors.length,
        threshold: config.errors.threshold,
    };
    let (counter, counts) = counter(control.clone(), rule);

    let limits = Limits {
        connections: config.limits.connections,
        head_bytes: config.limits.header_bytes,
        body: BodyLimits {
            bytes: config.limits.body_bytes,
            webhook_bytes: config.limits.webhook_bytes,
            ..BodyLimits::default()
        },
        ..Limits::default()
    };
    server::raise_open_files(limits.connections);
    let api_listener = listen(config.listeners.api, "AUTOLOG_LISTEN").await?;
    let admin_listener = listen(config.listeners.admin, "AUTOLOG_ADMIN_LISTEN").await?;
    let addresses = Addresses {
        api: api_listener.local_addr()?,
        admin: admin_listener.local_addr()?,
    };

    let (readiness, latch) = readiness();
    let mut tasks = Tasks::new(Arc::clone(&metrics));
    tasks.follow(
        Feed {
            store,
            snapshot: Arc::clone(&snapshot),
        },
        latch,
    );
    tasks.sweep(control.clone());
    tasks.repair(control.clone());
    tasks.count(counts);
    tasks.reload(Arc::clone(&credentials));

    let api = api::router(Api {
        control: control.clone(),
        counter,
        authority: Authority {
            credentials,
            open_check: config.listeners.open_check,
        },
        mapping: Mapping {
            app_labels: config.mapping.app_labels,
            environment_labels: config.mapping.environment_labels,
            default_environment: config.mapping.default_environment,
            max_alerts: config.limits.alerts,
            ttl_bounds: (policy.ttl_min, policy.ttl_max),
        },
        body: limits.body,
        poll_interval: config.poll_interval,
        max_page: config.limits.page,
    });
    let patience = 3 * config.poll_interval;
    let admin = admin::router(Admin {
        metrics: Arc::clone(&metrics),
        live: {
            let (metrics, snapshot) = (Arc::clone(&metrics), Arc::clone(&snapshot));
            Arc::new(move || {
                show_store(&metrics, &snapshot);
                control.live(patience)
            })
        },
        health: Health {
            readiness,
            stopping: stop.clone(),
            store_up: Arc::new(move || is_up(&snapshot)),
        },
    });

    let close = CancellationToken::new();
    let servers = TaskTracker::new();
    servers.spawn(server::serve(
        api_listener,
        api,
        limits,
        Arc::clone(&metrics),
        close.clone(),
    ));
    servers.spawn(server::serve(
        admin_listener,
        admin,
        limits.admin(),
        metrics,
        close.clone(),
    ));
    tracing::info!(api = %addresses.api, admin = %addresses.admin, store = %config.store, "listening");
    listening(addresses);

    stop.cancelled().await;
    tracing::info!("stopping");
    tokio::select! {
        () = tokio::time::sleep(GRACE) => {}
        () = hurry.cancelled() => {}
    }
    close.cancel();
    servers.close();
    servers.wait().await;
    tasks.stop().await;
    writes.close();
    writes.wait().await;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(address: SocketAddr, variable: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("{variable}: cannot listen on {address}"))
}

fn is_up(snapshot: &Snapshot) -> bool {
    snapshot.contact_age().is_some_and(|age| age < STORE_DOWN)
}

/// Shows how the store is at the moment of a scrape.
fn show_store(metrics: &Metrics, snapshot: &Snapshot) {
    metrics.store.up(is_up(snapshot));
    if let (Some(now), Some(age)) = (snapshot.now(), snapshot.contact_age()) {
        metrics.store.synced(now - age);
    }
}
