//! Commands that need no service.

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::{Map, Value, json};

use super::args::{Cli, Probe};
use super::client::probe;
use super::exit::{CommandError, Exit};
use super::output::{Output, print};
use crate::config::{Config, admin_address};
use crate::credentials::{Credentials, Role, Source, generated_path};

/// Checks the configuration, secrets included, and prints what holds.
pub(super) fn check_config(
    vars: Vec<(OsString, OsString)>,
    output: Output,
) -> Result<Exit, CommandError> {
    let config = Config::from_vars(vars.into_iter())?;
    Credentials::check(config.secrets.clone(), config.store.is_embedded())?;
    let rows = config.effective.iter().map(|row| {
        let value = json!({"value": row.value, "given": row.given});
        (row.variable.to_owned(), value)
    });
    let answer = Value::Object(rows.collect());
    output.show(&answer, |_, output| {
        let rows: Vec<_> = config
            .effective
            .iter()
            .map(|row| {
                let from = if row.given { "environment" } else { "default" };
                [row.variable.to_owned(), row.value.clone(), from.to_owned()]
            })
            .collect();
        output.table(["VARIABLE", "VALUE", "FROM"], &rows)
    })?;
    Ok(Exit::Done)
}

/// Prints the generated secrets; of configured ones only where they are.
pub(super) fn credentials(
    vars: Vec<(OsString, OsString)>,
    output: Output,
) -> Result<Exit, CommandError> {
    let config = Config::from_vars(vars.into_iter())?;
    let roles = [
        (Role::Webhook, &config.secrets.webhook),
        (Role::Operator, &config.secrets.operators),
    ];
    let mut answer = Map::new();
    let mut rows = Vec::new();
    for (role, source) in roles {
        let Some(name) = role.generated_name() else {
            continue;
        };
        let secret = match source {
            Source::Unset => generated(&config.data_dir, role)?,
            Source::Variable(_) | Source::File(_) => None,
        };
        let configured = format!("(configured by {})", role.variable());
        rows.push([name.to_owned(), secret.clone().unwrap_or(configured)]);
        answer.insert(name.replace('-', "_"), secret.into());
    }
    output.show(&Value::Object(answer), |_, output| {
        output.table(["NAME", "SECRET"], &rows)
    })?;
    Ok(Exit::Done)
}

fn generated(data_dir: &Path, role: Role) -> Result<Option<String>, CommandError> {
    let missing = || CommandError::NothingGenerated(data_dir.to_owned());
    let path = generated_path(data_dir, role).ok_or_else(missing)?;
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing()),
        Err(error) => Err(CommandError::Output(error)),
    }
}

/// Asks the service of the same environment how it is; every failure is a plain 1, as container engines want it.
pub(super) async fn healthcheck(
    vars: Vec<(OsString, OsString)>,
    wanted: Probe,
) -> Result<Exit, CommandError> {
    let address = admin_address(vars.into_iter()).ok_or(CommandError::AdminListen)?;
    let url = format!("http://{address}{}", wanted.path());
    let status = probe(&url).await?;
    if status.is_success() {
        Ok(Exit::Done)
    } else {
        Err(CommandError::Unhealthy { url, status })
    }
}

/// Prints the completion script for `shell`.
pub(super) fn completions(shell: Shell) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "autolog", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
