//! The `autolog` program.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let config = match autolog::config::Config::from_vars(std::env::vars_os()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = autolog::telemetry::init(&config.logging) {
        eprintln!("{error}");
        return ExitCode::from(2);
    }
    match autolog::app::run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
