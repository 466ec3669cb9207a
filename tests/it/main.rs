//! Everything that is tested through real listeners and real stores, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a failed setup should fail the test"
)]
#![expect(clippy::float_cmp, reason = "counters are whole numbers")]
#![expect(clippy::print_stdout, reason = "seeds and figures are worth seeing")]

mod acknowledged;
mod architecture;
mod backend;
mod check;
mod check_ends;
mod check_store;
mod cli;
mod container;
mod disable;
mod embedded;
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
mod kill;
mod list;
mod logs;
mod malformed;
mod metrics;
mod openapi;
mod probes;
mod properties;
mod proxy;
mod readme;
mod recorded;
mod redis_away;
mod redis_stops;
mod replica;
mod replicas;
mod reply;
mod roles;
mod rollback;
mod rotation;
mod rules;
mod secrets;
mod service;
mod shutdown;
mod store;
mod time;
#[expect(dead_code, reason = "shared with the chaos tests")]
mod topology;
mod watch;
mod webhook;
mod webhook_alerts;
mod webhook_labels;
mod webhook_limits;
mod webhook_recorded;
mod webhook_waiting;
