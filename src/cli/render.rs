//! Answers of the service in words and tables.

mod explanation;

use std::time::Duration;

use serde_json::Value;

use super::output::{Output, Style, clean};

pub(super) use explanation::explanation;

/// What `enable` did.
pub(super) fn enabled(answer: &Value, output: Output) -> String {
    let session = answer.get("session").unwrap_or(&Value::Null);
    let verbose = output.styled(&level(session), Style::Green);
    format!("{} logs at {verbose} {}\n", target(session), until(session))
}

/// What `disable` did.
pub(super) fn disabled(answer: &Value, _: Output) -> String {
    let ended = count(answer, "ended", "session");
    match text(answer, "cooldown_until") {
        "" => format!("ended {ended}\n"),
        until => format!(
            "ended {ended}; alerts and error counts stay out until {}\n",
            clean(until)
        ),
    }
}

/// What `check` says.
pub(super) fn checked(answer: &Value, output: Output) -> String {
    let stale = if flag(answer, "stale") {
        " (stale: the service has lost its store)"
    } else {
        ""
    };
    let mut lines = vec![if flag(answer, "enabled") {
        let verbose = output.styled(&level(answer), Style::Green);
        format!(
            "{} logs at {verbose} {}{stale}",
            target(answer),
            until(answer)
        )
    } else {
        format!("{} is not verbose{stale}", target(answer))
    }];
    lines.extend(items(answer, "endpoints").iter().map(|endpoint| {
        let name = clean(text(endpoint, "endpoint"));
        format!("  {name} logs at {} {}", level(endpoint), until(endpoint))
    }));
    lines.join("\n") + "\n"
}

/// The live sessions, as a table.
pub(super) fn sessions(answer: &Value, output: Output) -> String {
    let sessions = items(answer, "sessions");
    if sessions.is_empty() {
        return "no session is live\n".to_owned();
    }
    let rows: Vec<_> = sessions
        .iter()
        .map(|session| {
            let holders = items(session, "holders").iter().map(holder);
            [
                text(session, "app").to_owned(),
                text(session, "environment").to_owned(),
                or_dash(text(session, "endpoint")),
                text(session, "level").to_owned(),
                seconds(session).map_or_else(|| or_dash(text(session, "expires_at")), length),
                holders.collect::<Vec<_>>().join(", "),
                match text(session, "last_checked_at") {
                    "" => "never".to_owned(),
                    at => second(at),
                },
            ]
        })
        .collect();
    let headings = [
        "APP",
        "ENVIRONMENT",
        "ENDPOINT",
        "LEVEL",
        "ENDS IN",
        "HELD BY",
        "LAST POLLED",
    ];
    output.table(headings, &rows)
}

/// Whether automatic sources are stopped.
pub(super) fn frozen(answer: &Value, output: Output) -> String {
    let state = if flag(answer, "frozen") {
        let frozen = output.styled("frozen", Style::Yellow);
        format!("{frozen}{}\n", freeze(answer))
    } else {
        "not frozen: alerts and error counts may open sessions\n".to_owned()
    };
    match answer.get("ended").and_then(Value::as_u64) {
        None | Some(0) => state,
        Some(_) => format!("{state}ended {}\n", count(answer, "ended", "session")),
    }
}

/// By whom, until when and why.
fn freeze(freeze: &Value) -> String {
    let why = match text(freeze, "reason") {
        "" => String::new(),
        reason => format!(": {}", clean(reason)),
    };
    let by = clean(text(freeze, "by"));
    let until = clean(&second(text(freeze, "until")));
    format!(" by {by} until {until}{why}; alerts and error counts open and renew nothing")
}

/// Who holds a session, in a word or two.
fn holder(holder: &Value) -> String {
    let reason = text(holder, "reason");
    let alert = holder.pointer("/alert/fingerprint").and_then(Value::as_str);
    match (
        text(holder, "operator"),
        alert,
        holder.get("alerts").and_then(Value::as_u64),
    ) {
        (_, _, Some(alerts)) => format!("{alerts} more alerts"),
        (_, Some(fingerprint), None) if reason.is_empty() => format!("alert {fingerprint}"),
        (_, Some(_), None) => reason.to_owned(),
        ("", None, None) => text(holder, "source").to_owned(),
        (operator, None, None) => operator.to_owned(),
    }
}

/// The target as `app/environment`, with its endpoint.
fn target(value: &Value) -> String {
    let place = format!("{}/{}", text(value, "app"), text(value, "environment"));
    clean(
        match text(value, "endpoint") {
            "" => place,
            endpoint => format!("{place} {endpoint}"),
        }
        .as_str(),
    )
}

fn level(value: &Value) -> String {
    clean(text(value, "level")).to_uppercase()
}

/// For how long, and until when if that is told.
fn until(value: &Value) -> String {
    let left = seconds(value).map_or_else(String::new, |left| format!("for {}", length(left)));
    match text(value, "expires_at") {
        "" => left,
        at => format!("{left}, until {}", clean(&second(at))),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn seconds(value: &Value) -> Option<u64> {
    value.get("expires_in_seconds").and_then(Value::as_u64)
}

fn count(value: &Value, name: &str, thing: &str) -> String {
    match value.get(name).and_then(Value::as_u64).unwrap_or_default() {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    }
}

fn length(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

/// An instant of RFC 3339 without the fraction of its second.
fn second(instant: &str) -> String {
    match instant.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => instant.to_owned(),
    }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}
