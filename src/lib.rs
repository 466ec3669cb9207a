#![doc = include_str!("../docs/architecture.md")]
#![forbid(unsafe_code)]

pub mod alertmanager;
pub mod app;
pub mod cli;
pub mod config;
pub mod control;
pub mod credentials;
pub mod domain;
pub mod feed;
pub mod http;
pub mod metrics;
pub mod readiness;
pub mod snapshot;
pub mod store;
pub mod telemetry;
