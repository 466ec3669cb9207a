//! The `autolog` program.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use autolog::cli::{self, Cli, Command, Exit, complain};
use autolog::config::Config;
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

/// How long the end of the program waits for threads that cannot be interrupted.
///
/// Everything that matters has ended by then; what may be left is libc's look-up of a host name, which takes 10 s and
/// more if the resolver is silent.
const LEFTOVERS: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("autolog: cannot start its threads: {error}"));
            return Exit::No.into();
        }
    };
    let exit = runtime.block_on(dispatch());
    runtime.shutdown_timeout(LEFTOVERS);
    exit.into()
}

/// A thread for each core; on a single one they would only stand in each other's way.
fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut builder = if cores == 1 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder.enable_all().build()
}

async fn dispatch() -> Exit {
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let vars: Vec<_> = std::env::vars_os().collect();
    match Cli::parse().command {
        None | Some(Command::Serve) => serve(vars).await,
        Some(Command::Tool(tool)) => cli::run(tool, vars).await,
    }
}

async fn serve(vars: Vec<(OsString, OsString)>) -> Exit {
    let config = match Config::from_vars(vars.into_iter()) {
        Ok(config) => config,
        Err(problems) => {
            complain(&problems.to_string());
            return Exit::Usage;
        }
    };
    match run(config).await {
        Ok(()) => Exit::Done,
        Err(error) => {
            complain(&format!("autolog: {error:#}"));
            Exit::No
        }
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    autolog::telemetry::init(&config.logging)?;
    autolog::app::run(config).await
}
