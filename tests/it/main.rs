//! Everything that is tested through real listeners and real stores, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a failed setup should fail the test"
)]

mod backend;
mod cli;
mod container;
mod http_admin;
mod http_auth;
mod http_connections;
mod http_log;
mod http_requests;
mod http_shutdown;
mod http_world;
mod recorded;
mod service;
mod store;
mod webhook;
