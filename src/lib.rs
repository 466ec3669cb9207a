//! autolog decides who logs verbosely, for how long and within what limits.

#![forbid(unsafe_code)]

pub mod cli;
pub mod config;
pub mod credentials;
pub mod domain;
pub mod telemetry;
