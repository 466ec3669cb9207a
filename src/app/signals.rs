//! Signals of the operating system.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Stop;

/// Stops gently at the first SIGTERM or SIGINT, and at once at the second.
pub(super) fn forward(stop: Stop) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    detached(async move {
        for token in [stop.gently, stop.at_once] {
            next(&mut terminate, &mut interrupt).await;
            token.cancel();
        }
    });
    Ok(())
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "signals come until the process has ended"
)]
fn detached(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}
