//! A Redis of its own for each test that needs one, and replicas of the service on it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::service::{SOON, Service, eventually};

/// What a missing `redis-server` asks for.
const INSTALL: &str =
    "these tests need redis-server 7 or newer: apt-get install redis-server, or make test";

/// A `redis-server` (or the Valkey that `AUTOLOG_TEST_VALKEY` names) on a socket in its own directory, which syncs
/// every write to its file; killed when dropped.
pub(crate) struct Server {
    directory: TempDir,
    child: Option<Child>,
}

impl Server {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> Self {
        let mut server = Self::prepare();
        server.restart();
        server
    }

    /// A directory for one, which does not run yet.
    pub(crate) fn prepare() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            child: None,
        }
    }

    /// Starts it, anew or again on the same files, and waits until it answers.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let program = std::env::var_os("AUTOLOG_TEST_VALKEY");
        let mut command = Command::new(program.unwrap_or_else(|| "redis-server".into()));
        command
            .current_dir(self.directory.path())
            .args(["--save", "", "--appendonly", "yes", "--appendfsync"])
            .args(["always", "--port", "0", "--unixsocket"])
            .arg(self.socket())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn();
        assert!(child.is_ok(), "{INSTALL}");
        self.child = child.ok();
        let deadline = Instant::now() + SOON;
        while self.try_run::<String>(&["PING"]).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5)); // polls until the deadline
        }
    }

    /// Kills it without a warning.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone_already = child.kill();
            child.wait().unwrap();
        }
    }

    /// Stops it from running, with its sockets open.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Runs one command.
    pub(crate) fn run<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_run(words).unwrap()
    }

    fn try_run<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let address = redis::ConnectionAddr::Unix(self.socket());
        let mut connection =
            redis::Client::open(redis::IntoConnectionInfo::into_connection_info(address)?)?
                .get_connection_with_timeout(Duration::from_secs(1))?;
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.query(&mut connection)
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    /// What `AUTOLOG_STORE` must be for a service on it.
    pub(crate) fn address(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Starts a replica of the service on it, with `variables` set besides, and waits until it is ready.
    pub(crate) async fn replica(&self, variables: &[(&str, &str)]) -> Service {
        let service = self.unready_replica(variables);
        ready(&service).await;
        service
    }

    /// Starts a replica of the service on it, with `variables` set besides.
    pub(crate) fn unready_replica(&self, variables: &[(&str, &str)]) -> Service {
        let address = self.address();
        let mut all = vec![("AUTOLOG_STORE", address.as_str())];
        all.extend(variables);
        Service::start(&all)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until the service says that it is ready.
pub(crate) async fn ready(service: &Service) {
    eventually(SOON, async || service.admin("/readyz").await.0 == 200).await;
}
