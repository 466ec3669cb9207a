//! Secrets that are changed in their files while the service runs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tempfile::TempDir;

use crate::replica::ready;
use crate::service::{Service, eventually, message};

const FIRST: &str = "the-first-secret-of-this-test-4711";
const SECOND: &str = "the-second-secret-of-this-test-4712";
const FAILED: &str = "autolog_credentials_reload_failed";
/// Within this time a changed file is in force.
const IN_FORCE: Duration = Duration::from_secs(10);
/// What a busy machine may need besides.
const BUSY: Duration = Duration::from_secs(5);

/// A service with a secret from a file, and a request that needs it.
struct World {
    service: Service,
    directory: Arc<TempDir>,
    request: fn(&Service) -> RequestBuilder,
}

impl World {
    /// Starts with the first secret in the file of the variable.
    async fn start(variable: &str, request: fn(&Service) -> RequestBuilder) -> Self {
        let directory = Arc::new(TempDir::new().unwrap());
        write(directory.path(), FIRST);
        let file = format!("{variable}_FILE");
        let variables = [(variable, ""), (file.as_str(), "secrets")];
        let service = Service::start_in(Arc::clone(&directory), &variables);
        ready(&service).await;
        Self {
            service,
            directory,
            request,
        }
    }

    async fn status(&self, secret: &str) -> u16 {
        let request = (self.request)(&self.service).bearer_auth(secret);
        request.send().await.unwrap().status().as_u16()
    }

    /// Writes the file anew, and waits until the two secrets are answered so.
    async fn rewrite(&self, content: &str, first: u16, second: u16) {
        write(self.directory.path(), content);
        let written = Instant::now();
        eventually(IN_FORCE + BUSY, async || {
            (self.status(FIRST).await, self.status(SECOND).await) == (first, second)
        })
        .await;
        println!("F23: in force {:.1?} after", written.elapsed());
    }

    async fn rotate(self, good: u16) {
        assert_eq!(
            (self.status(FIRST).await, self.status(SECOND).await),
            (good, 401)
        );
        self.rewrite(&format!("{FIRST}\n{SECOND}\n"), good, good)
            .await;
        self.rewrite(&format!("{SECOND}\n"), 401, good).await;
        assert_eq!(self.service.metric(FAILED).await, 0.0);
        write(self.directory.path(), "short");
        eventually(IN_FORCE + BUSY, async || {
            self.service.metric(FAILED).await == 1.0
        })
        .await;
        assert_eq!(
            (self.status(FIRST).await, self.status(SECOND).await),
            (401, good),
            "a file that is bad changes nothing"
        );
        self.rewrite(FIRST, good, 401).await;
        eventually(BUSY, async || self.service.metric(FAILED).await == 0.0).await;
        for line in self.service.log() {
            let line = line.to_string();
            assert!(!line.contains(FIRST) && !line.contains(SECOND), "{line}");
        }
    }
}

fn write(directory: &Path, content: &str) {
    std::fs::write(directory.join("secrets"), content).unwrap();
}

#[tokio::test]
async fn an_application_s_token_is_rotated_while_the_service_runs() {
    let report = |service: &Service| {
        let request = service.request(Method::POST, "/api/autolog/errors");
        request.json(&json!({"events": []}))
    };
    World::start("AUTOLOG_APP_TOKENS", report)
        .await
        .rotate(202)
        .await;
}

#[tokio::test]
async fn the_webhook_s_secret_is_rotated_while_the_service_runs() {
    let post = |service: &Service| {
        let request = service.request(Method::POST, "/webhook/autolog");
        request.json(&message(&[]))
    };
    World::start("AUTOLOG_WEBHOOK_SECRET", post)
        .await
        .rotate(200)
        .await;
}
