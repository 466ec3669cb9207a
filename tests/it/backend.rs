//! The stores that every test of stores runs on, and a Redis of its own for each test that needs one.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use autolog::domain::book::Book;
use autolog::domain::policy::Policy;
use autolog::store::Store;
use autolog::store::embedded::Embedded;
use autolog::store::redis::{Endpoint, Login, Redis, RedisAddress};
use tempfile::TempDir;

/// What a missing `redis-server` asks for.
const INSTALL: &str =
    "these tests need redis-server 7 or newer: apt-get install redis-server, or make test";

/// Where the state is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend {
    /// The embedded store without a file.
    Memory,
    /// The embedded store in a file.
    Disk,
    /// A Redis, or the Valkey that `AUTOLOG_TEST_VALKEY` names.
    Redis,
}

/// A store, ready for use, with what must live as long as it.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    _directory: TempDir,
    _server: Option<Server>,
}

impl Backend {
    /// Starts an empty store of this kind.
    pub(crate) async fn start(self, policy: Policy) -> World {
        let directory = TempDir::new().unwrap();
        let policy = Arc::new(policy);
        let mut server = None;
        let store: Arc<dyn Store> = match self {
            Self::Memory => Arc::new(Embedded::in_memory(policy).unwrap()),
            Self::Disk => {
                Arc::new(Embedded::open(&directory.path().join("autolog.redb"), policy).unwrap())
            }
            Self::Redis => {
                let started = server.insert(Server::start(&[]));
                Arc::new(Redis::new(started.address(), policy).unwrap())
            }
        };
        store.list(&Book::default()).await.unwrap();
        World {
            store,
            _directory: directory,
            _server: server,
        }
    }
}

/// A `redis-server` of its own, on a Unix socket in its own directory; killed when dropped.
pub(crate) struct Server {
    directory: TempDir,
    /// What stands before the arguments, such as a file of settings.
    first: Vec<String>,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts one with these arguments and waits until it answers.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(TempDir::new().unwrap(), arguments)
    }

    /// Starts one in a directory that holds what the arguments name.
    pub(crate) fn start_in(directory: TempDir, arguments: &[&str]) -> Self {
        let no_port = ["--port", "0"];
        let mut server = Self::new(directory, &[], &[&no_port, arguments].concat());
        server.restart();
        server
    }

    /// Starts a Sentinel on a port, without waiting, with these settings besides; `PORT` in them stands for the port.
    pub(crate) fn sentinel(port: u16, settings: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let settings = format!("bind 127.0.0.1\nport PORT\n{settings}");
        let settings = settings.replace("PORT", &port.to_string());
        std::fs::write(directory.path().join("sentinel.conf"), settings).unwrap();
        let mut server = Self::new(directory, &["sentinel.conf", "--sentinel"], &[]);
        server.launch();
        server
    }

    /// Starts one on a port, without waiting, with these arguments besides; `PORT` in them stands for the port.
    pub(crate) fn on_port(port: u16, arguments: &[&str]) -> Self {
        let own = ["--bind", "127.0.0.1", "--port", "PORT"];
        let mut server = Self::new(TempDir::new().unwrap(), &[], &[&own, arguments].concat());
        let port = port.to_string();
        for argument in &mut server.arguments {
            *argument = argument.replace("PORT", &port);
        }
        server.launch();
        server
    }

    fn new(directory: TempDir, first: &[&str], arguments: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            directory,
            first: owned(first),
            arguments: owned(arguments),
            child: None,
        }
    }

    /// Starts it, anew or again on the same files, and waits until it answers.
    pub(crate) fn restart(&mut self) {
        self.launch();
        within(Duration::from_secs(10), || self.answers());
    }

    /// Starts it without waiting.
    pub(crate) fn launch(&mut self) {
        self.kill();
        let mut command = Command::new(program());
        command
            .current_dir(self.directory.path())
            .args(&self.first)
            .args(["--save", "", "--unixsocket"])
            .arg(self.socket())
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn();
        assert!(child.is_ok(), "{INSTALL}");
        self.child = child.ok();
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

    /// The address of its socket.
    pub(crate) fn address(&self) -> RedisAddress {
        RedisAddress {
            endpoint: Endpoint::Unix {
                path: self.socket(),
            },
            database: 0,
            login: Login::default(),
            sentinel_login: Login::default(),
            tls: None,
            key_prefix: "al".to_owned(),
        }
    }

    /// A store on it.
    pub(crate) fn store(&self) -> Redis {
        self.store_with(Policy::default())
    }

    /// A store on it, within these limits.
    pub(crate) fn store_with(&self, policy: Policy) -> Redis {
        Redis::new(self.address(), Arc::new(policy)).unwrap()
    }

    /// Runs one command, written with spaces between its arguments, each of which may be in single quotes.
    ///
    /// Once more if the connection is lost: a Sentinel drops all that a server has when it promotes it.
    pub(crate) fn run<T: redis::FromRedisValue>(&self, command: &str) -> T {
        let words = words(command);
        let mut answer = self.try_run(&words);
        if answer.as_ref().is_err_and(redis::RedisError::is_io_error) {
            answer = self.try_run(&words);
        }
        answer.unwrap()
    }

    /// Runs one command.
    pub(crate) fn try_run<T: redis::FromRedisValue>(
        &self,
        words: &[String],
    ) -> redis::RedisResult<T> {
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

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Whether it has a replica, and that has everything.
    pub(crate) fn is_replicated(&self) -> bool {
        let told: String = self.run("INFO replication");
        let value = |name: &str| told.lines().find_map(|line| line.strip_prefix(name));
        let offset = |line: &str| Some(line.split_once("offset=")?.1.split(',').next()?.to_owned());
        let replica = value("slave0:").and_then(offset);
        replica.is_some() && replica.as_deref() == value("master_repl_offset:")
    }

    /// Whether it answers at all.
    pub(crate) fn answers(&self) -> bool {
        self.try_run::<String>(&words("PING")).is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program that plays Redis.
fn program() -> PathBuf {
    std::env::var_os("AUTOLOG_TEST_VALKEY").map_or_else(|| "redis-server".into(), PathBuf::from)
}

/// Splits a line into words; `\0` in a quoted word is a NUL.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split('\'')
        .enumerate()
        .flat_map(|(index, part)| {
            if index % 2 == 1 {
                vec![part.replace("\\0", "\0")]
            } else {
                part.split_whitespace().map(str::to_owned).collect()
            }
        })
        .collect()
}

/// Asks again and again until `reached`, and fails when `deadline` is over.
#[track_caller]
pub(crate) fn within(deadline: Duration, mut reached: impl FnMut() -> bool) {
    let started = Instant::now();
    while !reached() {
        assert!(started.elapsed() < deadline, "not within {deadline:?}");
        std::thread::sleep(Duration::from_millis(5)); // polls until the deadline
    }
}
