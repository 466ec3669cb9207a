//! Whole answers, and what every answer must be.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// Sends a request and reads its answer to the end.
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// The value of a header; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Checks that it is a problem document as every refusal must be, and returns its code.
    pub(crate) fn problem(&self) -> String {
        let headers = ["content-type", "x-request-id"].map(|name| Some(self.header(name)));
        problem(self.status, headers, &self.text)["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Checks that it is a problem with this status and code.
    pub(crate) fn refuses(&self, status: u16, code: &str) -> &Self {
        assert_eq!(
            (self.status, self.problem().as_str()),
            (status, code),
            "{self:?}"
        );
        self
    }
}

/// Checks that an answer is a problem document as every refusal must be, and returns the document.
///
/// The headers are the media type and the request's identity.
pub(crate) fn problem(status: u16, headers: [Option<&str>; 2], text: &str) -> Value {
    let [media_type, request_id] = headers;
    assert_eq!(media_type, Some("application/problem+json"), "{text}");
    let problem: Value = serde_json::from_str(text).unwrap();
    assert_eq!(problem["type"], "about:blank", "{text}");
    assert_eq!(problem["status"], status, "{text}");
    assert_eq!(problem["request_id"].as_str(), request_id, "{text}");
    assert!(problem["retryable"].is_boolean(), "{text}");
    for member in ["title", "detail", "code"] {
        let words = problem[member].as_str().unwrap_or_default();
        assert!(!words.is_empty(), "{member}: {text}");
    }
    problem
}
