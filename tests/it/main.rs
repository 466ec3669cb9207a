//! Tests of the whole program, from outside.

#![expect(clippy::unwrap_used, reason = "a failed setup should fail the test")]

mod cli;
mod recorded;
