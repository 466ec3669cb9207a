//! Which names under our prefix are ours, whose the others are, and what a wrong one was meant to be.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::reader::Reader;
use super::variables::{PREFIX, VARIABLES};

/// Variables of the application libraries, which may share an environment with the service.
const OF_CLIENTS: [&str; 7] = [
    "AUTOLOG_APP",
    "AUTOLOG_ENABLED",
    "AUTOLOG_ENVIRONMENT",
    "AUTOLOG_LOGGERS",
    "AUTOLOG_MAX_SESSION_SECONDS",
    "AUTOLOG_POLL_SECONDS",
    "AUTOLOG_TOKEN_FILE",
];

/// Keeps our variables that have a value; what is wrong with the others under our prefix is a problem.
pub(super) fn collect(
    vars: impl Iterator<Item = (OsString, OsString)>,
    reader: &mut Reader,
) -> BTreeMap<String, String> {
    let mut ours = BTreeMap::new();
    for (name, value) in vars {
        let name = name.to_string_lossy();
        if !name.starts_with(PREFIX) || OF_CLIENTS.contains(&&*name) {
            continue;
        }
        let known = VARIABLES.iter().any(|variable| variable.name == name);
        match value.into_string() {
            Ok(value) if value.trim().is_empty() => {}
            Ok(value) if known => {
                ours.insert(name.into_owned(), value);
            }
            Ok(value) if is_kubernetes(&name, &value) => {}
            Err(_) if known => reader.problem(&name, format_args!("is not valid UTF-8")),
            Ok(_) | Err(_) => unknown(&name, reader),
        }
    }
    ours
}

/// Whether Kubernetes injected it for a Service whose name begins with `autolog`.
///
/// The names are those of the Docker links it imitates, see "Discovering services" in its manual.
fn is_kubernetes(name: &str, value: &str) -> bool {
    let rest = name.strip_prefix(PREFIX).unwrap_or(name);
    let own = rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_");
    let host_or_port = rest.ends_with("_SERVICE_HOST") || rest.contains("_SERVICE_PORT");
    let link = value.contains("://") && rest.ends_with("_PORT");
    let detail = rest.split_once("_PORT_").is_some_and(|(_, port)| {
        let protocol = port.trim_start_matches(|digit: char| digit.is_ascii_digit());
        ["_TCP", "_UDP", "_SCTP"]
            .iter()
            .any(|known| protocol.starts_with(known))
    });
    own || host_or_port || link || detail
}

fn unknown(name: &str, reader: &mut Reader) {
    match nearest(name) {
        Some(meant) => reader.problem(name, format_args!("is unknown; did you mean {meant}?")),
        None => reader.problem(name, format_args!("is unknown")),
    }
}

/// The known name that takes the fewest edits, unless that is more than a third of it.
fn nearest(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    let own = |full: &'static str| full.strip_prefix(PREFIX).unwrap_or(full);
    let wrong = upper.strip_prefix(PREFIX).unwrap_or(&upper);
    VARIABLES
        .iter()
        .map(|variable| (distance(wrong, own(variable.name)), variable.name))
        .min()
        .filter(|(edits, known)| *edits <= (own(known).len() / 3).max(1))
        .map(|(_, known)| known)
}

/// The Levenshtein distance in bytes.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, left) in one.bytes().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(other.bytes()) {
            let edits = (diagonal + usize::from(left != right)).min(before.min(*cell) + 1);
            diagonal = std::mem::replace(cell, edits);
            before = edits;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        assert_eq!(nearest("AUTOLOG_LISTNE"), Some("AUTOLOG_LISTEN"));
        assert_eq!(
            nearest("AUTOLOG_WEBHOOK_SECRETS"),
            Some("AUTOLOG_WEBHOOK_SECRET")
        );
        assert_eq!(nearest("AUTOLOG_listen"), Some("AUTOLOG_LISTEN"));
        assert_eq!(nearest("AUTOLOG_BANANA"), None);
    }

    #[test]
    fn what_kubernetes_injects_is_not_ours() {
        for (name, value) in [
            ("AUTOLOG_PORT", "tcp://10.0.0.1:5000"),
            ("AUTOLOG_PORT_5000_TCP_ADDR", "10.0.0.1"),
            ("AUTOLOG_SERVICE_HOST", "10.0.0.1"),
            ("AUTOLOG_SERVICE_PORT_HTTP", "5000"),
            ("AUTOLOG_REDIS_SERVICE_HOST", "10.0.0.2"),
            ("AUTOLOG_REDIS_PORT", "tcp://10.0.0.2:6379"),
            ("AUTOLOG_REDIS_PORT_6379_TCP_PROTO", "tcp"),
        ] {
            assert!(is_kubernetes(name, value), "{name}");
        }
        assert!(!is_kubernetes("AUTOLOG_ADMIN_PORT", "5001"));
    }
}
