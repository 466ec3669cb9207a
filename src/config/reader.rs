//! Reads settings and gathers every problem on the way.

use std::fmt;
use std::str::FromStr;

use super::variables::{Setting, Variable};

/// The environment does not make a configuration: every problem, by full variable name, never a value.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Problem>);

/// What is wrong with one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable's full name.
    pub variable: String,
    /// What is wrong, without the value.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.variable, self.message)
    }
}

/// A value with its variable; none if it was not given or has a problem.
pub(super) struct Parsed<T> {
    variable: Variable,
    value: Option<T>,
}

impl<T> Parsed<T> {
    /// The value, or what stands in for it where a problem makes the reading fail anyway.
    pub(super) fn or(self, stand_in: T) -> T {
        self.value.unwrap_or(stand_in)
    }

    /// The value, if one was given.
    pub(super) fn option(self) -> Option<T> {
        self.value
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Parsed<U> {
        Parsed {
            variable: self.variable,
            value: self.value.map(change),
        }
    }
}

impl<T: Copy + Default> Parsed<T> {
    /// The value, or zero where a problem makes the reading fail anyway.
    pub(super) fn get(&self) -> T {
        self.value.unwrap_or_default()
    }
}

/// Gathers problems while settings are read.
#[derive(Default)]
pub(super) struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    /// Reads the given value, else the default text.
    pub(super) fn parse<T: FromStr<Err: fmt::Display>>(&mut self, setting: Setting) -> Parsed<T> {
        let value = setting.text().and_then(|text| {
            text.trim()
                .parse()
                .map_err(|error| self.problem(setting.variable.name, format_args!("{error}")))
                .ok()
        });
        Parsed {
            variable: setting.variable,
            value,
        }
    }

    /// Reads a list separated by commas; empty parts are a problem.
    pub(super) fn list<T: FromStr<Err: fmt::Display>>(&mut self, setting: Setting) -> Vec<T> {
        let parts = setting.text().into_iter().flat_map(|text| text.split(','));
        parts
            .filter_map(|part| {
                part.trim()
                    .parse()
                    .map_err(|error| self.problem(setting.variable.name, format_args!("{error}")))
                    .ok()
            })
            .collect()
    }

    /// Reads a value that must lie in `range`; `words` says so to a person.
    pub(super) fn within<T>(
        &mut self,
        setting: Setting,
        range: std::ops::RangeInclusive<T>,
        words: &str,
    ) -> Parsed<T>
    where
        T: FromStr<Err: fmt::Display> + PartialOrd,
    {
        let mut parsed = self.parse(setting);
        if let Some(value) = &parsed.value
            && !range.contains(value)
        {
            self.problem(setting.variable.name, format_args!("must be {words}"));
            parsed.value = None;
        }
        parsed
    }

    /// Refuses a `lower` that is over `upper`, if both could be read.
    pub(super) fn at_most<T: PartialOrd>(&mut self, lower: &Parsed<T>, upper: &Parsed<T>) {
        if let (Some(low), Some(high)) = (&lower.value, &upper.value)
            && low > high
        {
            self.problem(
                lower.variable.name,
                format_args!("must be at most {}", upper.variable.name),
            );
        }
    }

    /// Notes what is wrong with the variable of that full name.
    pub(super) fn problem(&mut self, variable: &str, message: fmt::Arguments) {
        self.problems.push(Problem {
            variable: variable.to_owned(),
            message: message.to_string(),
        });
    }

    /// Whether anything was wrong so far.
    pub(super) const fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// The configuration, if nothing was wrong.
    pub(super) fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError(self.problems))
        }
    }
}
