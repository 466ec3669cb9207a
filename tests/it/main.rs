//! Tests of the whole, on real programs.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a failed setup should fail the test"
)]

mod backend;
mod store;
