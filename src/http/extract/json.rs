//! Reads a JSON body into a type, and tells which field is at fault without repeating what was sent.

use axum::extract::{FromRef, FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::time::timeout;

use super::body::{read, require_json};
use crate::http::error::{ApiError, Fault, Field, Part, Rule};
use crate::http::limits::BodyLimits;

/// A body that is one JSON object of the fields of `T`.
///
/// `T` should refuse unknown fields; then they are answered by name. Its own field types may give errors that begin
/// with `must` or `may` and do not quote the value, as those of [`crate::domain::name`] do: the caller sees them.
#[derive(Clone, Copy, Debug)]
pub struct JsonBody<T>(pub T);

impl<S, T> FromRequest<S> for JsonBody<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
    BodyLimits: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let limits = BodyLimits::from_ref(state);
        require_json(request.headers())?;
        let body = timeout(
            limits.deadline,
            read(request.into_body(), limits.bytes, |_| Ok(())),
        )
        .await;
        parse(&body.unwrap_or(Err(ApiError::SlowBody))?).map(Self)
    }
}

/// Parses one JSON object.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_invalid| ApiError::NotJson)?;
    // A derived type would take an array of its fields' values too.
    if !text.trim_start().starts_with('{') {
        return Err(ApiError::NotJson);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| fault(&error))?;
    reader.end().map_err(|_trailing| ApiError::NotJson)?;
    Ok(value)
}

/// Tells what is wrong from a message that may quote the input, of which only known beginnings are used.
fn fault(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    match error.inner().classify() {
        Category::Syntax | Category::Eof | Category::Io => return ApiError::NotJson,
        Category::Data => {}
    }
    let message = error.inner().to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let path = error.path().to_string();
    let within = if path == "." { "" } else { path.as_str() };
    let named = |field: &str| match within {
        // The path ends in the field itself when the field is what is wrong, else in the object that has it.
        "" => Field::sanitized(field),
        path if path == field || path.ends_with(&format!(".{field}")) => Field::sanitized(path),
        path => Field::sanitized(&format!("{path}.{field}")),
    };
    let quoted = || message.split('`').nth(1).unwrap_or_default();
    let (field, fault) = if message.starts_with("missing field `") {
        (named(quoted()), Fault::Missing)
    } else if message.starts_with("unknown field `") {
        (named(quoted()), Fault::Unknown)
    } else if message.starts_with("duplicate field `") {
        (named(quoted()), Fault::Repeated)
    } else if message.starts_with("invalid type: ") || message.starts_with("invalid value: ") {
        (Field::sanitized(within), Fault::Type)
    } else {
        let fault = Rule::of(message).map_or(Fault::Invalid, Fault::Rule);
        (Field::sanitized(within), fault)
    };
    ApiError::Input {
        part: Part::Body,
        field,
        fault,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::domain::name::App;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        app: App,
        #[serde(default)]
        count: Option<u32>,
        #[serde(default)]
        events: Vec<Event>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Event {
        name: App,
    }

    fn refusal(body: &str) -> (String, u16, &'static str) {
        let error = parse::<Order>(body.as_bytes()).unwrap_err();
        (error.to_string(), error.status().as_u16(), error.code())
    }

    #[test]
    fn a_whole_object_is_read() {
        let order: Order =
            parse(b" {\"app\":\"shop\",\"count\":3,\"events\":[{\"name\":\"a\"}]}\n").unwrap();
        assert_eq!((order.app.as_str(), order.count), ("shop", Some(3)));
        assert_eq!(order.events[0].name.as_str(), "a");
    }

    #[test]
    fn what_is_no_object_is_a_bad_request() {
        for body in [
            "",
            " ",
            "{",
            "[]",
            "[\"shop\",3,[]]",
            "null",
            "\"app\"",
            "{\"app\":\"shop\"} x",
            "{\"app\":\"shop\",\"count\":1e999}",
            "{'app':'shop'}",
            "{\"app\":\"\\ud800\"}",
        ] {
            let (_, status, code) = refusal(body);
            assert!(
                status == 400 && code == "invalid_json",
                "{body} {status} {code}"
            );
        }
        assert!(matches!(
            parse::<Order>(b"{\"app\":\"\xff\"}"),
            Err(ApiError::NotJson)
        ));
    }

    #[test]
    fn deep_nesting_is_refused() {
        for (open, close) in [("[", "]"), ("{\"name\":", "}")] {
            let (open, close) = (open.repeat(5_000), close.repeat(5_000));
            let body = format!("{{\"app\":\"shop\",\"events\":[{open}1{close}]}}");
            assert!(parse::<Order>(body.as_bytes()).is_err());
        }
    }

    #[test]
    fn a_field_at_fault_is_named_with_its_path() {
        for (body, detail, code) in [
            ("{}", "app is missing", "missing_field"),
            (
                "{\"app\":\"shop\",\"hunter2\":1}",
                "hunter2 is not known here",
                "unknown_field",
            ),
            (
                "{\"app\":\"shop\",\"app\":\"shop\"}",
                "app must be given once",
                "repeated_field",
            ),
            (
                "{\"app\":\"shop\",\"count\":-1}",
                "count has the wrong type or size",
                "invalid_type",
            ),
            (
                "{\"app\":\"shop\",\"count\":\"x\"}",
                "count has the wrong type or size",
                "invalid_type",
            ),
            (
                "{\"app\":\"shop\",\"count\":1.5}",
                "count has the wrong type or size",
                "invalid_type",
            ),
            (
                "{\"app\":\"shop\",\"count\":99999999999999999999}",
                "count has the wrong type or size",
                "invalid_type",
            ),
            ("{\"app\":\"\"}", "app must not be empty", "invalid_name"),
            (
                "{\"app\":\"a b\"}",
                "app may only contain letters, digits and . _ : @ / -",
                "invalid_name",
            ),
            (
                "{\"app\":\"shop\",\"events\":[{\"name\":\"a\"},{\"name\":7}]}",
                "events[1].name has the wrong type or size",
                "invalid_type",
            ),
            (
                "{\"app\":\"shop\",\"events\":[{}]}",
                "events[0].name is missing",
                "missing_field",
            ),
            (
                "{\"app\":\"shop\",\"events\":[{\"x\":1}]}",
                "events[0].x is not known here",
                "unknown_field",
            ),
        ] {
            assert_eq!(refusal(body), (detail.to_owned(), 422, code), "{body}");
        }
    }

    #[test]
    fn neither_a_value_nor_an_odd_name_is_ever_repeated() {
        for body in [
            "{\"app\":\"shop\",\"count\":\"hunter2\"}",
            "{\"app\":\"hunter2 at line must \"}",
            "{\"app\":\"shop\",\"hunter2 <b>\":1}",
            "{\"app\":\"shop\",\"`, expected hunter2`\":1}",
            "{\"app\":{\"hunter2\":1}}",
            &format!("{{\"app\":\"shop\",\"hunter2{}\":1}}", "x".repeat(100)),
        ] {
            let (detail, status, _) = refusal(body);
            assert!(
                !detail.contains("hunter2") && status == 422,
                "{body}: {detail}"
            );
        }
    }
}
