//! The command line, run as a program against recorded answers.

mod failures;
mod local;
mod service;
mod tls;
mod watch;

use std::process::{Command, Output};

use tempfile::TempDir;

/// The program with an environment of its own and a data directory of its own.
pub(crate) struct Program {
    pub(crate) data: TempDir,
    vars: Vec<(String, String)>,
}

/// How a run ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self {
            data: tempfile::tempdir().unwrap(),
            vars: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autolog"));
        command
            .args(arguments)
            .env_clear()
            .env("AUTOLOG_DATA_DIR", self.data.path())
            .envs(self.vars.iter().cloned())
            .current_dir(self.data.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
