//! autolog decides who logs verbosely, for how long and within what limits.

pub mod domain;
pub mod metrics;
