//! A listener that gives recorded answers and remembers what it was asked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::runtime::Runtime;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// Status, body, and the entity tag whose bearer is told 304.
type Answer = (StatusCode, Value, Option<&'static str>);

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<Asked>>,
}

/// A listener on a port of its own; gone when dropped.
pub(crate) struct Recorded {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

impl Recorded {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            shared,
            _runtime: runtime,
        }
    }

    /// Answers `path`, or that path with just that query, with `status` and `body` from now on.
    pub(crate) fn answer(&self, path: &str, status: u16, body: Value) {
        let status = StatusCode::from_u16(status).unwrap();
        self.set(path, (status, body, None));
    }

    /// Like [`Recorded::answer`], with 304 for those who know `etag`.
    pub(crate) fn tagged(&self, path: &str, body: Value, etag: &'static str) {
        self.set(path, (StatusCode::OK, body, Some(etag)));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    fn set(&self, path: &str, answer: Answer) {
        let mut answers = self.shared.answers.lock().unwrap();
        answers.insert(path.to_owned(), answer);
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let exact = uri.to_string();
    let path = uri.path().to_owned();
    let known = headers.get("if-none-match").cloned();
    shared.asked.lock().unwrap().push(Asked {
        method,
        uri,
        headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    });
    let answers = shared.answers.lock().unwrap();
    let Some((status, body, tag)) = answers.get(&exact).or_else(|| answers.get(&path)) else {
        return (StatusCode::NOT_FOUND, "nothing of this service's").into_response();
    };
    match tag {
        Some(tag) if known.is_some_and(|known| known == tag) => {
            StatusCode::NOT_MODIFIED.into_response()
        }
        Some(tag) => (*status, [("etag", *tag)], body.to_string()).into_response(),
        None => (*status, body.to_string()).into_response(),
    }
}
