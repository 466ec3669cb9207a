//! The routes of the service on a store in memory, without a network.

use std::sync::Arc;
use std::time::Duration;

use autolog::alertmanager::Mapping;
use autolog::control::counter::counter;
use autolog::control::{Control, Parts};
use autolog::credentials::{Credentials, Source, Sources};
use autolog::domain::book::Book;
use autolog::domain::policy::Policy;
use autolog::domain::window::WindowRule;
use autolog::http::api::{Api, routes};
use autolog::http::auth::Authority;
use autolog::http::limits::BodyLimits;
use autolog::metrics::{Build, Metrics};
use autolog::snapshot::Snapshot;
use autolog::store::Store;
use autolog::store::embedded::Embedded;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use tokio::runtime::Runtime;
use tower::Service as _;

const OPERATOR: &str = "probe-operator-4b7e1c9a2d";
const WEBHOOK: &str = "probe-webhook-93fa6be01c7d";
const BUILD: Build = Build {
    version: "0",
    revision: "none",
};
/// An answer is not longer than this: a page of a list, or a problem.
const MOST: usize = 1 << 20;

/// The routes of the service on a store in memory.
#[derive(Debug)]
pub(crate) struct Service {
    runtime: Runtime,
    routes: Router,
    snapshot: Arc<Snapshot>,
    store: Arc<dyn Store>,
}

impl Service {
    /// Joins the parts; nothing runs in the background.
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let policy = Arc::new(Policy::default());
        let store: Arc<dyn Store> = Arc::new(Embedded::in_memory(Arc::clone(&policy)).unwrap());
        let snapshot = Arc::new(Snapshot::new(Arc::clone(&policy)));
        let control = Control::new(Parts {
            store: Arc::clone(&store),
            snapshot: Arc::clone(&snapshot),
            policy: Arc::clone(&policy),
            metrics: Arc::new(Metrics::new(BUILD).unwrap()),
            tasks: tokio_util::task::TaskTracker::new(),
        });
        let rule = WindowRule::default();
        let (counter, _counts) = counter(control.clone(), rule);
        let sources = Sources {
            webhook: Source::Variable(WEBHOOK.to_owned().into()),
            operators: Source::Variable(format!("probe:{OPERATOR}").into()),
            apps: Source::Unset,
        };
        let routes = routes(Api {
            control,
            counter,
            authority: Authority {
                credentials: Arc::new(Credentials::open(sources, None).unwrap()),
                open_check: false,
            },
            mapping: Mapping::new(&policy),
            body: BodyLimits {
                bytes: 64 << 10,
                webhook_bytes: 16 << 20,
                deadline: Duration::from_secs(5),
            },
            poll_interval: Duration::from_secs(15),
            max_page: 1_000,
            max_watchers: 1,
            streams: tokio_util::sync::CancellationToken::new(),
        });
        let service = Self {
            runtime,
            routes: routes.router,
            snapshot,
            store,
        };
        service.sync();
        service
    }

    /// Asks every route that reads a query string, with these bytes as the string.
    pub(crate) fn query(&self, bytes: &[u8]) {
        for path in ["check", "list", "explain"] {
            let uri = [b"/api/autolog/", path.as_bytes(), b"?", bytes].concat();
            let request = Request::get(uri.as_slice())
                .header("Authorization", format!("Bearer {OPERATOR}"))
                .body(Body::empty());
            if let Ok(request) = request {
                self.ask(request);
            }
        }
    }

    /// Posts the bytes to every route that opens, ends or stops something.
    pub(crate) fn bodies(&self, bytes: &[u8]) {
        for path in ["enable", "disable", "freeze"] {
            let request = Request::post(format!("/api/autolog/{path}"))
                .header("Authorization", format!("Bearer {OPERATOR}"))
                .header("Content-Type", "application/json")
                .body(Body::from(bytes.to_vec()));
            self.ask(request.unwrap());
        }
        self.sync();
    }

    fn ask(&self, request: Request<Body>) {
        let mut routes = self.routes.clone();
        self.runtime.block_on(async move {
            let answer = routes.call(request).await.unwrap();
            check(answer).await;
        });
    }

    /// Reads the store, as the feed does in the service.
    fn sync(&self) {
        let listing = self.runtime.block_on(self.store.list(&Book::default()));
        self.snapshot.replace(listing.unwrap());
    }
}

/// Whatever was asked, the answer is one of ours: JSON, or a refusal that the front writes its document for.
async fn check(answer: Response<Body>) {
    let status = answer.status();
    let body = to_bytes(answer.into_body(), MOST).await.unwrap();
    if status == StatusCode::OK {
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(body.is_object());
        return;
    }
    assert!(
        [400, 409, 413, 415, 422].contains(&status.as_u16()),
        "{status}"
    );
    assert!(body.is_empty(), "a refusal says nothing of its own");
}
