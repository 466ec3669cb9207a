//! Reads what a client knows already.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::IF_NONE_MATCH;
use axum::http::request::Parts;

/// The values of `If-None-Match`; all other headers stay where they are, since a copy of them costs more than the answer.
#[derive(Clone, Debug)]
pub struct IfNoneMatch(Vec<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let values = parts.headers.get_all(IF_NONE_MATCH).iter();
        Ok(Self(values.cloned().collect()))
    }
}

impl IfNoneMatch {
    /// Whether the client has this revision already; validators are compared weakly (RFC 9110, 13.1.2).
    pub fn has(&self, revision: &str) -> bool {
        let texts = self.0.iter().filter_map(|value| value.to_str().ok());
        let mut tags = texts.flat_map(|text| text.split(',')).map(str::trim);
        tags.any(|tag| {
            let opaque = tag.strip_prefix("W/").unwrap_or(tag);
            let opaque = opaque
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'));
            tag == "*" || opaque == Some(revision)
        })
    }
}
