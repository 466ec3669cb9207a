//! Reads what a client knows already.

use axum::http::HeaderMap;
use axum::http::header::IF_NONE_MATCH;

/// Whether the client has this revision already; validators are compared weakly (RFC 9110, 13.1.2).
pub fn knows(headers: &HeaderMap, revision: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut tags = texts.flat_map(|text| text.split(',')).map(str::trim);
    tags.any(|tag| {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let opaque = opaque
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        tag == "*" || opaque == Some(revision)
    })
}
