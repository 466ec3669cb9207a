//! Everything that is tested through real listeners and real stores, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a failed setup should fail the test"
)]
#![expect(
    clippy::float_cmp,
    reason = "the counters of a test are whole numbers, exact in a double"
)]

mod backend;
mod check;
mod check_ends;
mod check_store;
mod cli;
mod disable;
mod enable;
mod errors;
mod explain;
mod freeze;
mod http_admin;
mod http_auth;
mod http_connections;
mod http_log;
mod http_requests;
mod http_shutdown;
mod http_world;
mod list;
mod logs;
mod malformed;
mod metrics;
mod openapi;
mod recorded;
mod reply;
mod roles;
mod secrets;
mod service;
mod store;
mod webhook;
mod webhook_alerts;
mod webhook_labels;
mod webhook_limits;
mod webhook_recorded;
mod webhook_waiting;
