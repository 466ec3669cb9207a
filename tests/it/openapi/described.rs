//! A service and the description of itself that it serves.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::schema::Document;
use crate::reply::Reply;
use crate::service::{OPERATOR_TOKEN, Service, WEBHOOK_SECRET};

/// A service whose answers are compared with the description that it serves.
pub(super) struct Described {
    pub(super) service: Service,
    pub(super) document: Document,
    /// The operations and statuses that were compared.
    pub(super) seen: BTreeSet<(String, String, u16)>,
}

impl Described {
    pub(super) async fn start(variables: &[(&str, &str)]) -> Self {
        let service = Service::start(variables);
        let reply = Reply::to(service.request(Method::GET, "/api/openapi.json")).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, "application/json")
        );
        Self {
            service,
            document: Document::new(reply.json()),
            seen: BTreeSet::new(),
        }
    }

    pub(super) fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        let secret = if path.starts_with("/webhook/") {
            WEBHOOK_SECRET
        } else {
            OPERATOR_TOKEN
        };
        self.service
            .request(method.clone(), path)
            .bearer_auth(secret)
    }

    /// Sends a request and compares its answer with what the description says of this status.
    pub(super) async fn compare(
        &mut self,
        method: Method,
        path: &str,
        request: RequestBuilder,
    ) -> Reply {
        let reply = Reply::to(request).await;
        let route = path.split('?').next().unwrap();
        let route = if route.starts_with("/webhook/") {
            "/webhook/{type}"
        } else {
            route
        };
        let verb = method.as_str().to_lowercase();
        let problems = self.document.compare(route, &verb, &reply);
        assert!(
            problems.is_empty(),
            "{verb} {path} {reply:?}: {problems:#?}"
        );
        self.seen.insert((route.to_owned(), verb, reply.status));
        reply
    }

    pub(super) async fn get(&mut self, path: &str) -> Reply {
        let request = self.request(&Method::GET, path);
        self.compare(Method::GET, path, request).await
    }

    /// Posts what the description must allow, if it is answered with a success, and compares the answer.
    pub(super) async fn post(&mut self, path: &str, body: Value) -> Reply {
        let request = self.request(&Method::POST, path).json(&body);
        let reply = self.compare(Method::POST, path, request).await;
        let route = if path.starts_with("/webhook/") {
            "/webhook/{type}"
        } else {
            path
        };
        let allowed = self.document.request(route, &body);
        let is_valid = reply.status < 300 || reply.status == 409;
        assert_eq!(
            allowed.is_empty(),
            is_valid,
            "{path} {body}: {allowed:?} {reply:?}"
        );
        reply
    }
}
