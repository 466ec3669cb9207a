//! Everything that is tested through real listeners and real stores, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a failed setup should fail the test"
)]

mod architecture;
mod backend;
mod cli;
mod container;
mod embedded;
mod http_admin;
mod http_auth;
mod http_connections;
mod http_log;
mod http_requests;
mod http_shutdown;
mod http_world;
mod kill;
mod readme;
mod recorded;
mod redis_away;
mod redis_stops;
mod replica;
mod replicas;
mod service;
mod shutdown;
mod store;
mod time;
mod webhook;
