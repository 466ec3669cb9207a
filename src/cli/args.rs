//! The commands and their arguments.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config::Length;
use crate::domain::level::Level;
use crate::domain::name::{App, Endpoint, Environment, Reason};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; check: verbose logging is enabled
  1  check: not enabled; healthcheck: not healthy; otherwise: failed
  2  wrong usage or wrong configuration
  3  the service refused (an answer of 4xx)
  4  the service cannot be reached or cannot do it now (5xx)

Client commands read AUTOLOG_URL and AUTOLOG_TOKEN; without a token they use the one
that the service generated in AUTOLOG_DATA_DIR (./data). NO_COLOR turns colours off.";

/// Turns verbose logging on for the application that is in trouble, and always off again.
#[derive(Debug, Parser)]
#[command(name = "autolog", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// What to do; the service runs if nothing is given.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service (the default).
    Serve,
    /// Anything but the service.
    #[command(flatten)]
    Tool(Tool),
}

/// A command that does something and ends.
#[derive(Debug, Subcommand)]
pub enum Tool {
    /// Check the configuration and print what holds, without secrets.
    CheckConfig(Format),
    /// Print the secrets that the service generated in its data directory.
    Credentials(Format),
    /// Ask a service with the same environment whether it is well; for containers without a shell.
    Healthcheck {
        /// What to ask for.
        #[arg(long, value_enum, default_value_t = Probe::Readyz)]
        probe: Probe,
    },
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  source <(autolog completions bash)")]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// A command that talks to a running service.
    #[command(flatten)]
    Client(ClientCommand),
}

/// A command that talks to a running service.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Make an application log verbosely for a while.
    #[command(
        after_help = "Examples:\n  autolog enable shop production\n  autolog enable shop production --ttl 10m --reason 'checkout is slow'\n  autolog enable shop production --endpoint '/api/orders/{id}' --level trace"
    )]
    Enable(Enable),
    /// End verbose logging at once, and keep alerts from opening it again for a while. Asks nothing.
    #[command(
        after_help = "Examples:\n  autolog disable shop production\n  autolog disable shop production --cooldown 1h --reason 'disk is filling'\n  autolog disable --all        ends everything, everywhere\n\nTo keep alerts from opening anything at all, see: autolog freeze"
    )]
    Disable(Disable),
    /// List the live sessions.
    #[command(
        after_help = "Examples:\n  autolog list\n  autolog list shop production\n  autolog list --output json | jq -r '.sessions[].app'"
    )]
    List(List),
    /// Explain why an application logs as it does.
    #[command(after_help = "Example:\n  autolog why shop production")]
    Why(Why),
    /// Tell whether an application is to log verbosely: exit code 0 if so, 1 if not.
    #[command(
        after_help = "Example:\n  if autolog check shop production >/dev/null; then echo verbose; fi"
    )]
    Check(Check),
    /// Print a line now and whenever the answer of check changes, until interrupted.
    #[command(after_help = "Example:\n  autolog watch shop production --output json")]
    Watch(Watch),
    /// Stop alerts and error counts from opening or renewing anything, everywhere. Asks nothing.
    #[command(
        after_help = "Examples:\n  autolog freeze --reason 'log storage is full'\n  autolog freeze --end-sessions --ttl 1h\n  autolog freeze --status\n  autolog freeze --off"
    )]
    Freeze(Freeze),
}

/// How results are printed.
#[derive(Args, Clone, Copy, Debug)]
pub struct Format {
    /// How to print the result.
    #[arg(long, short, value_enum, default_value_t = OutputFormat::Table)]
    pub output: OutputFormat,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Which service to talk to, and how its answers are printed.
#[derive(Args, Clone, Debug)]
pub struct Service {
    /// The service's address, instead of `AUTOLOG_URL`.
    #[arg(long)]
    pub url: Option<String>,
    #[command(flatten)]
    pub format: Format,
}

/// What the service is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Probe {
    /// The process runs.
    Livez,
    /// It can answer: it read its store once and is not stopping. A store lost since does not count against it,
    /// because it still answers then, and a restart would make it forget.
    Readyz,
    /// It is ready and its store can be reached.
    Healthz,
}

impl Probe {
    /// The path on the admin listener.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Livez => "/livez",
            Self::Readyz => "/readyz",
            Self::Healthz => "/healthz",
        }
    }
}

/// An application in an environment.
#[derive(Args, Clone, Debug)]
pub struct PlaceArgs {
    /// The application's name.
    pub app: App,
    /// The environment it runs in.
    pub environment: Environment,
}

/// Arguments of `enable`.
#[derive(Args, Debug)]
pub struct Enable {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only this endpoint.
    #[arg(long)]
    pub endpoint: Option<Endpoint>,
    /// How verbose: debug or trace [default: debug].
    #[arg(long)]
    pub level: Option<Level>,
    /// For how long, such as 10m, instead of the service's `AUTOLOG_TTL`.
    #[arg(long, value_parser = whole_seconds, value_name = "LENGTH")]
    pub ttl: Option<u64>,
    /// Why, for those who find it open.
    #[arg(long, value_parser = Reason::parse)]
    pub reason: Option<Reason>,
    #[command(flatten)]
    pub service: Service,
}

/// Arguments of `disable`.
#[derive(Args, Debug)]
pub struct Disable {
    /// The application's name.
    #[arg(required_unless_present = "all")]
    pub app: Option<App>,
    /// The environment it runs in.
    #[arg(required_unless_present = "all")]
    pub environment: Option<Environment>,
    /// Only this endpoint.
    #[arg(long)]
    pub endpoint: Option<Endpoint>,
    /// Everything, everywhere.
    #[arg(long, conflicts_with_all = ["app", "environment", "endpoint"])]
    pub all: bool,
    /// How long alerts stay out, such as 1h, instead of the service's `AUTOLOG_COOLDOWN`.
    #[arg(long, value_parser = whole_seconds, value_name = "LENGTH")]
    pub cooldown: Option<u64>,
    /// Why, for the log.
    #[arg(long, value_parser = Reason::parse)]
    pub reason: Option<Reason>,
    #[command(flatten)]
    pub service: Service,
}

/// Arguments of `list`.
#[derive(Args, Debug)]
pub struct List {
    /// Only of this application.
    pub app: Option<App>,
    /// Only in this environment.
    pub environment: Option<Environment>,
    #[command(flatten)]
    pub service: Service,
}

/// Arguments of `why`.
#[derive(Args, Debug)]
pub struct Why {
    #[command(flatten)]
    pub place: PlaceArgs,
    #[command(flatten)]
    pub service: Service,
}

/// Arguments of `check`.
#[derive(Args, Debug)]
pub struct Check {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only this endpoint: enabled if the application or this endpoint of it is.
    #[arg(long)]
    pub endpoint: Option<Endpoint>,
    #[command(flatten)]
    pub service: Service,
}

/// Arguments of `watch`.
#[derive(Args, Debug)]
pub struct Watch {
    #[command(flatten)]
    pub check: Check,
    /// How often to ask.
    #[arg(long, default_value = "2s", value_name = "LENGTH")]
    pub interval: Length,
}

/// Arguments of `freeze`.
#[derive(Args, Debug)]
pub struct Freeze {
    /// Let automatic sources work again.
    #[arg(long, conflicts_with_all = ["status", "end_sessions", "ttl"])]
    pub off: bool,
    /// Only tell whether it is on.
    #[arg(long, conflicts_with_all = ["end_sessions", "ttl", "reason"])]
    pub status: bool,
    /// End every live session too.
    #[arg(long)]
    pub end_sessions: bool,
    /// For how long, at most 7 days [default: 4h].
    #[arg(long, value_parser = whole_seconds, value_name = "LENGTH")]
    pub ttl: Option<u64>,
    /// Why, for those who wonder.
    #[arg(long, value_parser = Reason::parse)]
    pub reason: Option<Reason>,
    #[command(flatten)]
    pub service: Service,
}

/// The text is no whole number of seconds.
#[derive(Debug, thiserror::Error)]
#[error("must be a length of time in whole seconds, such as 10m or 90s")]
struct SecondsError;

fn whole_seconds(text: &str) -> Result<u64, SecondsError> {
    match text.parse::<Length>() {
        Ok(Length(length)) if length.subsec_nanos() == 0 => Ok(length.as_secs()),
        Ok(_) | Err(_) => Err(SecondsError),
    }
}
