//! A listener with a small router of its own, and raw bytes to talk to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use autolog::credentials::{Credentials, Source, Sources};
use autolog::domain::name::App;
use autolog::http::auth::{Application, Authority, Operator, Poller, Webhook};
use autolog::http::error::ApiError;
use autolog::http::extract::{JsonBody, Params, WebhookBody, WebhookPath};
use autolog::http::limits::{BodyLimits, Limits};
use autolog::http::room::Room;
use autolog::http::{openapi, server};
use autolog::metrics::{Build, Live, Metrics};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::reply::problem;

pub(crate) const OPERATOR: &str = "fake-operator-token-000000";
pub(crate) const APP: &str = "fake-application-token-0000";
pub(crate) const WEBHOOK: &str = "fake:webhook:secret:000000";

/// Nothing in a test takes longer than this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A listener with a small router of its own.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) shutdown: CancellationToken,
    /// Requests to `list` wait for a permit.
    pub(crate) gate: Arc<Semaphore>,
    served: JoinHandle<()>,
}

#[derive(Clone, FromRef)]
struct Shared {
    authority: Authority,
    body: BodyLimits,
    room: Room,
    gate: Arc<Semaphore>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    app: App,
    ttl_seconds: Option<u32>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::with_open_check(limits, true).await
    }

    pub(crate) async fn with_open_check(limits: Limits, open_check: bool) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let shared = Shared {
            authority: Authority {
                credentials: Arc::new(credentials()),
                open_check,
            },
            body: limits.body,
            room: Room::of(limits.body.webhook_bytes),
            gate: Arc::clone(&gate),
        };
        Self::serve(router(shared), limits, gate).await
    }

    pub(crate) async fn serve(router: Router, limits: Limits, gate: Arc<Semaphore>) -> Self {
        let build = Build {
            version: "0.0.0",
            revision: "test",
        };
        let metrics = Arc::new(Metrics::new(build).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serve = server::serve(
            listener,
            router,
            limits,
            Arc::clone(&metrics),
            shutdown.clone(),
        );
        Self {
            address,
            metrics,
            shutdown,
            gate,
            served: tokio::spawn(serve),
        }
    }

    pub(crate) async fn connect(&self) -> Wire {
        Wire(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, request: &str) -> Reply {
        let mut wire = self.connect().await;
        wire.send(request).await;
        wire.reply().await
    }

    pub(crate) fn metrics(&self) -> String {
        self.metrics.render(&Live::default()).unwrap()
    }

    /// Waits until the metrics have this line.
    pub(crate) async fn sees(&self, line: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.metrics().lines().any(|found| found == line) {
            assert!(
                Instant::now() < deadline,
                "{line} not in\n{}",
                self.metrics()
            );
            tokio::time::sleep(Duration::from_millis(5)).await; // polls until the deadline
        }
    }

    /// Waits until the listener has shut down, and tells how long that took.
    pub(crate) async fn ended(self) -> Duration {
        let begun = Instant::now();
        timeout(PATIENCE, self.served).await.unwrap().unwrap();
        begun.elapsed()
    }
}

fn credentials() -> Credentials {
    let variable = |text: String| Source::Variable(text.into());
    let sources = Sources {
        webhook: variable(WEBHOOK.to_owned()),
        operators: variable(format!("ada:{OPERATOR}")),
        apps: variable(APP.to_owned()),
    };
    Credentials::open(sources, None).unwrap()
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/api/autolog/check", get(check))
        .route("/api/autolog/enable", post(enable))
        .route("/api/autolog/disable", post(unavailable))
        .route("/api/autolog/list", get(list))
        .route("/api/autolog/explain", get(explain))
        .route("/api/autolog/watch", get(watch))
        .route(
            "/api/autolog/errors",
            post(async |_: Application| "counted"),
        )
        .route("/webhook/{type}", post(webhook))
        .merge(openapi::router())
        .with_state(shared)
}

async fn check(_: Poller, params: Params<'static>) -> Result<String, ApiError> {
    let app: App = params.required_name("app")?;
    Ok(format!("app {app}"))
}

async fn enable(operator: Operator, JsonBody(order): JsonBody<Order>) -> String {
    let ttl = order.ttl_seconds.unwrap_or_default();
    format!("{} enabled {} for {ttl}", operator.0, order.app)
}

async fn unavailable(_: Operator) -> ApiError {
    let cause = std::io::Error::other("connection to redis://ada:hunter2@store refused");
    ApiError::StoreUnavailable(Box::new(cause))
}

async fn list(State(gate): State<Arc<Semaphore>>, _: Operator) -> &'static str {
    gate.acquire().await.unwrap().forget();
    "listed"
}

async fn explain(_: Operator) -> &'static str {
    panic!("hunter2 is broken")
}

async fn webhook(_: Webhook, WebhookPath(kind): WebhookPath, body: WebhookBody) -> String {
    format!("{} {}", kind.as_str(), body.bytes.len())
}

/// Answers without an end.
async fn watch(_: Poller) -> Body {
    let blocks = futures_util::stream::unfold((), |()| async {
        tokio::task::yield_now().await;
        Some((Ok::<_, std::io::Error>(vec![b'x'; 65_536]), ()))
    });
    Body::from_stream(blocks)
}

/// One connection.
pub(crate) struct Wire(pub(crate) TcpStream);

impl Wire {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sending = self.0.write_all(bytes.as_ref());
        timeout(PATIENCE, sending).await.unwrap().unwrap();
    }

    /// Reads one answer with a Content-Length, or one that ends with the connection.
    pub(crate) async fn reply(&mut self) -> Reply {
        timeout(PATIENCE, self.read_reply(true)).await.unwrap()
    }

    /// Reads the answer to a HEAD request.
    pub(crate) async fn head(&mut self) -> Reply {
        timeout(PATIENCE, self.read_reply(false)).await.unwrap()
    }

    /// Waits until the peer closes, however it does that.
    pub(crate) async fn closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let reading = self.0.read_to_end(&mut rest);
        let _ = timeout(PATIENCE, reading).await.unwrap();
        rest
    }

    async fn read_reply(&mut self, has_body: bool) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = self.0.read_u8().await;
            head.push(byte.unwrap_or_else(|error| {
                panic!("{error} after {:?}", String::from_utf8_lossy(&head))
            }));
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply {
            status,
            head,
            body: String::new(),
        };
        let length = reply
            .header("content-length")
            .map(|text| text.parse().unwrap());
        if let Some(length) = length.filter(|_| has_body) {
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).await.unwrap();
            reply.body = String::from_utf8(body).unwrap();
        }
        reply
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The members of the problem document, after what every one of them must have.
    pub(crate) fn problem(&self) -> serde_json::Value {
        assert!(!self.body.contains("hunter2"), "{self:?}");
        let headers = ["content-type", "x-request-id"].map(|name| self.header(name));
        problem(self.status, headers, &self.body)
    }

    pub(crate) fn code(&self) -> String {
        self.problem()["code"].as_str().unwrap().to_owned()
    }
}

/// A request with a body.
pub(crate) fn post_json(path: &str, token: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request without a body.
pub(crate) fn get_with(path: &str, header: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\n{header}\r\n\r\n")
}

pub(crate) const CHECK: &str = "GET /api/autolog/check?app=shop HTTP/1.1\r\nhost: a\r\n\r\n";
