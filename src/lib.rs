//! autolog decides who logs verbosely, for how long and within what limits.

pub mod credentials;
pub mod domain;
pub mod http;
pub mod metrics;
pub mod readiness;
