//! The command line: what an operator types, and how each command ends.

mod args;
mod client;
mod commands;
mod exit;
mod local;
mod output;
mod render;
mod watch;

use std::ffi::OsString;

pub use args::{Cli, ClientCommand, Command, Tool};
pub use exit::{CommandError, Exit};
pub use output::complain;

use args::{Format, Service};
use client::Client;
use output::Output;

use crate::config::ClientConfig;

type Vars = Vec<(OsString, OsString)>;

/// Runs any command but `serve` with the environment `vars`, and tells how it ended.
pub async fn run(command: Tool, vars: Vars) -> Exit {
    let healthcheck = matches!(command, Tool::Healthcheck { .. });
    match dispatch(command, vars).await {
        Ok(exit) => exit,
        Err(error) if error.is_broken_pipe() => Exit::Done,
        Err(error) => {
            // These are lists, one problem a line, each with the name that it is about.
            if let CommandError::Config(_) | CommandError::Credentials(_) = &error {
                complain(&error.to_string());
            } else {
                complain(&format!("autolog: {error}"));
            }
            if healthcheck { Exit::No } else { error.exit() }
        }
    }
}

async fn dispatch(command: Tool, vars: Vars) -> Result<Exit, CommandError> {
    let environment = ClientConfig::from_vars(vars.clone().into_iter());
    let output = |Format { output }| Output::new(output, environment.no_color);
    match command {
        Tool::CheckConfig(format) => local::check_config(vars, output(format)),
        Tool::Credentials(format) => local::credentials(vars, output(format)),
        Tool::Healthcheck { probe } => local::healthcheck(vars, probe).await,
        Tool::Completions { shell } => local::completions(shell),
        Tool::Client(command) => {
            let service = command.service();
            let client = Client::new(&environment, service.url.as_deref())?;
            talk(&command, &client, output(service.format)).await
        }
    }
}

async fn talk(
    command: &ClientCommand,
    client: &Client,
    output: Output,
) -> Result<Exit, CommandError> {
    match command {
        ClientCommand::Enable(args) => commands::enable(client, output, args).await,
        ClientCommand::Disable(args) => commands::disable(client, output, args).await,
        ClientCommand::List(args) => commands::list(client, output, args).await,
        ClientCommand::Why(args) => commands::why(client, output, args).await,
        ClientCommand::Check(args) => commands::check(client, output, args).await,
        ClientCommand::Watch(args) => watch::watch(client, output, args).await,
        ClientCommand::Freeze(args) => commands::freeze(client, output, args).await,
    }
}

impl ClientCommand {
    /// Which service to talk to, and how its answers are printed.
    const fn service(&self) -> &Service {
        match self {
            Self::Enable(args) => &args.service,
            Self::Disable(args) => &args.service,
            Self::List(args) => &args.service,
            Self::Why(args) => &args.service,
            Self::Check(args) => &args.service,
            Self::Watch(args) => &args.check.service,
            Self::Freeze(args) => &args.service,
        }
    }
}
