//! The service as a process of its own, with real listeners, and what talks to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything that should happen soon may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// The webhook's secret, unless a test configures another.
pub(crate) const WEBHOOK_SECRET: &str = "webhook-secret-for-tests-only-1";
/// The token of the operator `alice`, unless a test configures another.
pub(crate) const OPERATOR_TOKEN: &str = "operator-token-for-tests-only-1";
/// An application's token, unless a test configures another.
pub(crate) const APP_TOKEN: &str = "application-token-for-tests-only-1";

/// The service as a process of its own; killed when dropped.
pub(crate) struct Service {
    directory: Arc<TempDir>,
    variables: BTreeMap<String, String>,
    child: Option<Child>,
    log: Arc<Mutex<Vec<String>>>,
    api: String,
    admin: String,
    client: reqwest::Client,
}

impl Service {
    /// Starts the service on the embedded store, with `variables` set besides.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_in(Arc::new(TempDir::new().unwrap()), variables)
    }

    /// Starts the service with its data in `directory`, with `variables` set besides.
    pub(crate) fn start_in(directory: Arc<TempDir>, variables: &[(&str, &str)]) -> Self {
        let mut all = BTreeMap::from([
            ("AUTOLOG_LISTEN", "127.0.0.1:0"),
            ("AUTOLOG_ADMIN_LISTEN", "127.0.0.1:0"),
            ("AUTOLOG_WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("AUTOLOG_LOG_FORMAT", "json"),
        ]);
        let operators = format!("alice:{OPERATOR_TOKEN}");
        all.insert("AUTOLOG_OPERATOR_TOKENS", &operators);
        all.insert("AUTOLOG_APP_TOKENS", APP_TOKEN);
        all.extend(variables.iter().copied());
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut service = Self {
            directory,
            variables: all.into_iter().map(owned).collect(),
            child: None,
            log: Arc::default(),
            api: String::new(),
            admin: String::new(),
            client: client(),
        };
        service.restart();
        service
    }

    /// Starts the process, again if it has run before, and waits until it listens.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut child = self.command().spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        self.child = Some(child);
        let log = Arc::clone(&self.log);
        log.lock().unwrap().clear();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                log.lock().unwrap().push(line);
            }
        });
        let line = self.wait_for_log("listening");
        let address = |name: &str| format!("http://{}", line[name].as_str().unwrap());
        self.api = address("api");
        self.admin = address("admin");
    }

    /// The program with its environment, ready to be started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autolog"));
        command
            .env_clear()
            .env("AUTOLOG_DATA_DIR", self.data_dir())
            .envs(&self.variables)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Where the service keeps its data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The directory that the data directory lies in, for a service that goes on where this one ended.
    pub(crate) fn directory(&self) -> Arc<TempDir> {
        Arc::clone(&self.directory)
    }

    /// Kills the process without a warning.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone_already = child.kill();
            child.wait().unwrap();
        }
    }

    /// Sends a signal such as `TERM` to the process.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill")
            .args([format!("-{name}"), id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits until the process has ended by itself, and returns its exit code.
    pub(crate) fn wait_for_exit(&mut self, patience: Duration) -> Option<i32> {
        let child = self.child.as_mut().unwrap();
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "still running");
            std::thread::sleep(Duration::from_millis(10)); // polls until the deadline
        }
    }

    /// What was logged so far, line by line.
    pub(crate) fn log(&self) -> Vec<Value> {
        let log = self.log.lock().unwrap();
        log.iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.clone())))
            .collect()
    }

    /// Waits for a line whose message begins with `message`, and returns it.
    pub(crate) fn wait_for_log(&self, message: &str) -> Value {
        let deadline = Instant::now() + SOON;
        loop {
            let line = self.log().into_iter().find(|line| {
                line["message"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(message))
            });
            if let Some(line) = line {
                return line;
            }
            assert!(
                Instant::now() < deadline,
                "no {message:?} in {:#?}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(2)); // polls until the deadline
        }
    }

    /// A request to the API listener without any token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.api))
            .timeout(SOON)
    }

    /// The URL of the API listener.
    pub(crate) fn url(&self) -> &str {
        &self.api
    }

    /// `GET path` as the operator.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path).bearer_auth(OPERATOR_TOKEN)).await
    }

    /// `POST path` as the operator.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(
            self.request(Method::POST, path)
                .bearer_auth(OPERATOR_TOKEN)
                .json(body),
        )
        .await
    }

    /// Posts a body to `/webhook/{kind}` with the right secret.
    pub(crate) async fn webhook(&self, kind: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.request(Method::POST, &format!("/webhook/{kind}"));
        answer(
            request
                .header("X-Webhook-Secret", WEBHOOK_SECRET)
                .json(body),
        )
        .await
    }

    /// What `check` answers for the application in the environment.
    pub(crate) async fn check(&self, app: &str, environment: &str) -> Value {
        let path = format!("/api/autolog/check?app={app}&environment={environment}");
        let (status, body) = self.get(&path).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The live sessions.
    pub(crate) async fn sessions(&self) -> Vec<Value> {
        let (status, body) = self.get("/api/autolog/list?limit=1000").await;
        assert_eq!(status, 200, "{body}");
        body["sessions"].as_array().unwrap().clone()
    }

    /// The value of a metric, written as in the exposition: `name{label="value"}`; zero if it is not there.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let text = self.admin("/metrics").await.1;
        let of_series = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
        text.lines().find_map(of_series).unwrap_or(0.0)
    }

    /// `GET path` from the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> (StatusCode, String) {
        let response = self
            .client
            .get(format!("{}{path}", self.admin))
            .timeout(SOON)
            .send()
            .await
            .unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

fn client() -> reqwest::Client {
    let _installed_by_another_test = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a request and reads the JSON of its answer; null if there is none.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let bytes = response.bytes().await.unwrap();
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

/// Tries again until `condition` holds, and fails if it does not within `patience`.
pub(crate) async fn eventually<F: Future<Output = bool>>(
    patience: Duration,
    mut condition: impl FnMut() -> F,
) {
    let deadline = Instant::now() + patience;
    while !condition().await {
        assert!(
            Instant::now() < deadline,
            "it did not come true within {patience:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await; // polls until the deadline
    }
}

/// A message of Alertmanager's with these alerts.
pub(crate) fn message(alerts: &[Value]) -> Value {
    serde_json::json!({
        "receiver": "autolog", "status": "firing", "alerts": alerts, "groupLabels": {}, "commonLabels": {},
        "commonAnnotations": {}, "externalURL": "http://alertmanager", "version": "4", "groupKey": "{}",
        "truncatedAlerts": 0,
    })
}

/// An alert, `firing` or `resolved`, that began at `starts_at`.
pub(crate) fn alert(fingerprint: &str, status: &str, app: &str, starts_at: &str) -> Value {
    serde_json::json!({
        "status": status,
        "labels": {"alertname": "Broken", "autolog": "true", "app": app, "environment": "production"},
        "annotations": {}, "startsAt": starts_at, "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "",
        "fingerprint": fingerprint,
    })
}
