//! autolog decides who logs verbosely, for how long and within what limits.

pub mod alertmanager;
pub mod control;
pub mod domain;
pub mod feed;
pub mod metrics;
pub mod snapshot;
pub mod store;
