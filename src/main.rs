//! The `autolog` program.

use std::ffi::OsString;
use std::process::ExitCode;

use autolog::cli::{self, Cli, Command, Exit, complain};
use autolog::config::Config;
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let vars: Vec<_> = std::env::vars_os().collect();
    let exit = match Cli::parse().command {
        None | Some(Command::Serve) => serve(vars).await,
        Some(Command::Tool(tool)) => cli::run(tool, vars).await,
    };
    exit.into()
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
