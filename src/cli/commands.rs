//! Commands that talk to a running service.

use serde_json::{Map, Value, json};

use super::args::{Check, Disable, Enable, Freeze, List, PlaceArgs, Why};
use super::client::Client;
use super::exit::{CommandError, Exit};
use super::output::{Output, complain};
use super::render;

/// How a command ended.
pub(super) type Ended = Result<Exit, CommandError>;

pub(super) async fn enable(client: &Client, output: Output, args: &Enable) -> Ended {
    let mut body = Map::new();
    place(&mut body, &args.place);
    set(&mut body, "endpoint", args.endpoint.as_ref());
    set(&mut body, "level", args.level.as_ref());
    set(&mut body, "ttl_seconds", args.ttl);
    set(&mut body, "reason", args.reason.as_ref());
    let answer = client.post("enable", &body.into()).await?;
    note_if_not_applied(&answer);
    output.show(&answer, render::enabled)?;
    Ok(Exit::Done)
}

pub(super) async fn disable(client: &Client, output: Output, args: &Disable) -> Ended {
    let mut body = Map::new();
    set(&mut body, "all", args.all.then_some(true));
    set(&mut body, "app", args.app.as_ref());
    set(&mut body, "environment", args.environment.as_ref());
    set(&mut body, "endpoint", args.endpoint.as_ref());
    set(&mut body, "cooldown_seconds", args.cooldown);
    set(&mut body, "reason", args.reason.as_ref());
    let answer = client.post("disable", &body.into()).await?;
    note_if_not_applied(&answer);
    output.show(&answer, render::disabled)?;
    Ok(Exit::Done)
}

/// Lists all sessions, page after page.
pub(super) async fn list(client: &Client, output: Output, args: &List) -> Ended {
    let mut cursor: Option<String> = None;
    let mut sessions = Vec::new();
    loop {
        let mut query = Vec::new();
        query.extend(args.app.as_ref().map(|app| ("app", app.as_str())));
        query.extend(
            args.environment
                .as_ref()
                .map(|name| ("environment", name.as_str())),
        );
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut page = client.get("list", &query).await?;
        if let Some(Value::Array(more)) = page.get_mut("sessions").map(Value::take) {
            sessions.extend(more);
        }
        let next = page
            .get("next_cursor")
            .and_then(Value::as_str)
            .map(str::to_owned);
        // A cursor that stands still would make this go on for ever.
        if next.is_none() || next == cursor {
            break;
        }
        cursor = next;
    }
    let answer = json!({"count": sessions.len(), "sessions": sessions});
    output.show(&answer, render::sessions)?;
    Ok(Exit::Done)
}

pub(super) async fn why(client: &Client, output: Output, args: &Why) -> Ended {
    let place = &args.place;
    let query = [
        ("app", place.app.as_str()),
        ("environment", place.environment.as_str()),
    ];
    let answer = client.get("explain", &query).await?;
    output.show(&answer, render::explanation)?;
    Ok(Exit::Done)
}

pub(super) async fn check(client: &Client, output: Output, args: &Check) -> Ended {
    let answer = client.get("check", &question(args)).await?;
    output.show(&answer, render::checked)?;
    Ok(match answer.get("enabled") {
        Some(Value::Bool(true)) => Exit::Done,
        _ => Exit::No,
    })
}

pub(super) async fn freeze(client: &Client, output: Output, args: &Freeze) -> Ended {
    let answer = if args.status {
        client.get("freeze", &[]).await?
    } else {
        let mut body = Map::new();
        body.insert("frozen".to_owned(), (!args.off).into());
        set(&mut body, "end_sessions", args.end_sessions.then_some(true));
        set(&mut body, "ttl_seconds", args.ttl);
        set(&mut body, "reason", args.reason.as_ref());
        client.post("freeze", &body.into()).await?
    };
    note_if_not_applied(&answer);
    output.show(&answer, render::frozen)?;
    Ok(Exit::Done)
}

/// The parameters of a poll.
pub(super) fn question(args: &Check) -> Vec<(&str, &str)> {
    let mut query = vec![
        ("app", args.place.app.as_str()),
        ("environment", args.place.environment.as_str()),
    ];
    query.extend(
        args.endpoint
            .as_ref()
            .map(|endpoint| ("endpoint", endpoint.as_str())),
    );
    query
}

fn place(body: &mut Map<String, Value>, place: &PlaceArgs) {
    set(body, "app", Some(&place.app));
    set(body, "environment", Some(&place.environment));
}

/// Sets a field that was given.
fn set(body: &mut Map<String, Value>, name: &str, value: Option<impl serde::Serialize>) {
    if let Some(value) = value {
        body.insert(name.to_owned(), json!(value));
    }
}

fn note_if_not_applied(answer: &Value) {
    if answer.get("applied") == Some(&Value::Bool(false)) {
        complain("autolog: it is stored, but this replica does not show it yet");
    }
}
