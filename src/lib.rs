//! autolog decides who logs verbosely, for how long and within what limits.

pub mod domain;
pub mod feed;
pub mod snapshot;
pub mod store;
