//! The answer of `explain`, in words: first the verdict, then what speaks for and against it.

use serde_json::Value;

use super::{
    Output, Style, clean, flag, freeze, holder, items, length, level, second, seconds, target,
    text, until,
};

/// Why an application logs as it does.
pub(in crate::cli) fn explanation(answer: &Value, output: Output) -> String {
    let mut lines = vec![verdict(answer, output)];
    for session in items(answer, "sessions") {
        if !text(session, "endpoint").is_empty() {
            lines.push(format!(
                "  {} logs at {} {}",
                target(session),
                level(session),
                until(session)
            ));
        }
        lines.extend(items(session, "holders").iter().map(held_by));
    }
    section(&mut lines, output, "Stopped by", &stops(answer));
    section(
        &mut lines,
        output,
        "Waiting to open",
        &each(answer, "waiting", waiting),
    );
    section(
        &mut lines,
        output,
        "Held long enough (barred)",
        &each(answer, "barred", barred),
    );
    section(
        &mut lines,
        output,
        "Refused lately, the newest first",
        &each(answer, "refused", refused),
    );
    lines.push(String::new());
    lines.push(match text(answer, "last_checked_at") {
        "" => output.styled(
            "Never polled here: does the application ask under this very name?",
            Style::Yellow,
        ),
        at => format!("Last polled here {}", clean(&second(at))),
    });
    lines.push(usage(answer));
    if flag(answer, "stale") {
        lines.push(output.styled(
            "The service has lost its store; this may be old.",
            Style::Yellow,
        ));
    }
    lines.join("\n") + "\n"
}

fn verdict(answer: &Value, output: Output) -> String {
    let whole = |session: &&Value| text(session, "endpoint").is_empty();
    match items(answer, "sessions").iter().find(whole) {
        Some(session) => {
            let verbose = output.styled(&level(session), Style::Green);
            format!("{} logs at {verbose} {}", target(session), until(session))
        }
        None => format!("{} is not verbose", target(answer)),
    }
}

fn held_by(held: &Value) -> String {
    let left = seconds(held).map_or_else(String::new, |left| format!(", {} left", length(left)));
    let resolved = match held.pointer("/alert/resolved") {
        Some(Value::Bool(true)) => ", resolved",
        Some(Value::Bool(false)) => ", firing",
        _ => "",
    };
    let why = match (text(held, "source"), text(held, "reason")) {
        ("operator", reason) if !reason.is_empty() => format!(": {}", clean(reason)),
        _ => String::new(),
    };
    let source = clean(text(held, "source"));
    format!(
        "  held by {} ({source}, {}{left}{resolved}){why}",
        clean(&holder(held)),
        level(held)
    )
}

fn stops(answer: &Value) -> Vec<String> {
    let mut stops = Vec::new();
    if let Some(freezing) = answer.get("freeze").filter(|freeze| freeze.is_object()) {
        stops.push(format!("frozen{}", freeze(freezing)));
    }
    match text(answer, "cooldown_until") {
        "" => {}
        until => stops.push(format!(
            "cooldown after a disable, until {}",
            clean(&second(until))
        )),
    }
    if answer.pointer("/guardrails/allowed") == Some(&Value::Bool(false)) {
        stops.push("the configuration (AUTOLOG_ALLOW, AUTOLOG_DENY)".to_owned());
    }
    stops
}

fn waiting(waiting: &Value) -> String {
    let why = clean(text(waiting, "guardrail"));
    format!(
        "{}, since {} ({why})",
        alert(waiting),
        clean(&second(text(waiting, "since")))
    )
}

fn barred(barred: &Value) -> String {
    let who = match barred["alerts"].as_u64() {
        Some(alerts) => format!("{alerts} alerts that shared a holder"),
        None => alert(barred),
    };
    format!("{who}, until {}", clean(&second(text(barred, "until"))))
}

fn refused(refused: &Value) -> String {
    let at = clean(&second(text(refused, "at")));
    let what = match text(refused, "reason") {
        "" => text(refused, "source"),
        reason => reason,
    };
    format!(
        "{at} {}: {}",
        clean(what),
        clean(text(refused, "explanation"))
    )
}

/// The alert, by name if it is known; without one it was the error window.
fn alert(value: &Value) -> String {
    let fingerprint = value.pointer("/alert/fingerprint").and_then(Value::as_str);
    let name = match (text(value, "reason"), fingerprint) {
        ("", None) => "the error window".to_owned(),
        ("", Some(fingerprint)) => format!("alert {fingerprint}"),
        (reason, _) => reason.to_owned(),
    };
    clean(&match text(value, "endpoint") {
        "" => name,
        endpoint => format!("{name} for {endpoint}"),
    })
}

fn usage(answer: &Value) -> String {
    let number = |path: &str| {
        let number = answer.pointer(path).and_then(Value::as_u64);
        number.map_or_else(|| "?".to_owned(), |number| number.to_string())
    };
    format!(
        "Live sessions: {} of at most {} in all, {} of at most {} of this application",
        number("/guardrails/sessions/live"),
        number("/guardrails/sessions/limit"),
        number("/guardrails/sessions_per_app/live"),
        number("/guardrails/sessions_per_app/limit"),
    )
}

fn each(answer: &Value, name: &str, write: impl Fn(&Value) -> String) -> Vec<String> {
    items(answer, name).iter().map(write).collect()
}

fn section(lines: &mut Vec<String>, output: Output, heading: &str, entries: &[String]) {
    if !entries.is_empty() {
        lines.push(String::new());
        lines.push(output.styled(heading, Style::Bold));
        lines.extend(entries.iter().map(|entry| format!("  {entry}")));
    }
}
