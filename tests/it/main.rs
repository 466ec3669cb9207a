//! Everything that is tested through real listeners, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a failed setup should fail the test"
)]

mod http_admin;
mod http_auth;
mod http_connections;
mod http_requests;
mod http_shutdown;
mod http_world;
mod kill;
mod redis_away;
mod redis_server;
mod redis_stops;
mod replicas;
mod service;
mod shutdown;
mod time;
mod webhook;
