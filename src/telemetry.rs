//! Logs to standard error: text for people, JSON for machines.

use std::io::IsTerminal;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

mod chain;

pub use chain::Chain;

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct Logging {
    /// What is logged.
    pub filter: Filter,
    /// How; none: text on a terminal, else JSON.
    pub format: Option<Format>,
    /// Whether colours are unwanted (`NO_COLOR`, see no-color.org).
    pub no_color: bool,
}

/// What is logged, such as `info` or `autolog=debug,info`; checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(String);

/// The text is no log filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a log filter such as info or autolog=debug,info")]
pub struct FilterError;

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        match parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(FilterError),
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A line for a person.
    Text,
    /// A JSON object a line.
    Json,
}

/// The text names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be text or json")]
pub struct FormatError;

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(FormatError),
        }
    }
}

/// The subscriber could not be installed: the filter is bad, or there is one already.
#[derive(Debug, thiserror::Error)]
#[error("logging could not be set up")]
pub struct TelemetryError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Installs the subscriber of this process.
pub fn init(logging: &Logging) -> Result<(), TelemetryError> {
    let terminal = std::io::stderr().is_terminal();
    let filter = parse(&logging.filter.0).map_err(|error| TelemetryError(error.into()))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let installed = match logging.format(terminal) {
        Format::Text => subscriber
            .with_ansi(terminal && !logging.no_color)
            .try_init(),
        Format::Json => subscriber
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .try_init(),
    };
    installed.map_err(TelemetryError)
}

impl Logging {
    fn format(&self, terminal: bool) -> Format {
        match self.format {
            Some(format) => format,
            None if terminal => Format::Text,
            None => Format::Json,
        }
    }
}

/// Reads a filter whose values are plain text: as regular expressions they could be made to cost much.
fn parse(text: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    EnvFilter::builder().with_regex(false).parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_checked_before_it_is_used() {
        assert!("autolog=debug,info".parse::<Filter>().is_ok());
        assert_eq!("autolog=loud".parse::<Filter>(), Err(FilterError));
    }

    #[test]
    fn logs_are_json_unless_a_person_looks_on_or_asks_for_text() {
        let logging = |format| Logging {
            filter: Filter::default(),
            format,
            no_color: false,
        };
        assert_eq!(logging(None).format(true), Format::Text);
        assert_eq!(logging(None).format(false), Format::Json);
        assert_eq!(logging(Some(Format::Text)).format(false), Format::Text);
        assert_eq!(logging(Some(Format::Json)).format(true), Format::Json);
    }
}
