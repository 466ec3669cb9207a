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
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert_eq!(
            problem["request_id"],
            self.header("x-request-id"),
            "{self:?}"
        );
        assert!(problem["retryable"].is_boolean(), "{self:?}");
        for member in ["type", "title", "detail", "code", "request_id"] {
            let text = problem[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{member}: {self:?}");
        }
        problem["code"].as_str().unwrap().to_owned()
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
