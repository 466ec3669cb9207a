//! Faults on purpose: real Redis servers in every form, three replicas of the service as processes, writers and pollers,
//! and a checker of what all of them saw.
//!
//! `make chaos` runs everything and judges the figures; `make test` runs what is not ignored, and judges outcomes only.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a failed setup should fail the test"
)]
#![expect(clippy::print_stdout, reason = "figures are what this is for")]

#[path = "../it/backend.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod backend;
#[path = "../it/proxy.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod proxy;
#[path = "../it/service.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod service;
#[path = "../it/topology.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod topology;

mod chance;
mod cluster;
mod cut_off;
mod disk;
mod fleet;
mod history;
mod matrix;
mod observer;
mod outages;
mod overload;
mod random;
mod replicas;
mod run;
mod sentinel;
mod servers;
mod soak;
mod validators;
mod wires;
mod writer;

use std::time::{Duration, Instant};

/// Whether figures are judged, as `make chaos` does; a busy machine may miss any.
fn is_strict() -> bool {
    std::env::var_os("AUTOLOG_CHAOS").is_some()
}

/// Prints a figure of a row of the fault matrix, and fails if it is over its bound where figures are judged.
#[track_caller]
fn figure(row: &str, what: &str, took: Duration, bound: Duration) {
    let verdict = if took <= bound { "" } else { " MISSED" };
    println!("{row}: {what}: {took:.2?} (promised {bound:?}){verdict}");
    assert!(
        !is_strict() || took <= bound,
        "{row}: {what}: {took:?} is more than {bound:?}"
    );
}

/// Waits until the condition holds, and tells how long that took.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !holds().await {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "not within a minute: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await; // polls until the deadline
    }
    started.elapsed()
}

/// Lets time pass while a fault lasts.
async fn lasts(length: Duration) {
    tokio::time::sleep(length).await; // how long the fault lasts is what is tested
}
