//! The other way to build `check`: the same checks and metrics, and a GET of Redis for each poll.
//!
//! `redis-get ADDRESS REDIS-URL TOKEN`

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Histogram, HistogramOpts, IntCounter, Registry};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

const NOTHING: &str = r#"{"enabled":false}"#;

#[derive(Clone)]
struct Service {
    redis: MultiplexedConnection,
    tokens: Arc<HashSet<[u8; 32]>>,
    polls: IntCounter,
    seconds: Histogram,
}

#[derive(Deserialize)]
struct Poll {
    app: String,
    environment: String,
}

impl Service {
    fn lets(&self, headers: &HeaderMap) -> bool {
        let presented = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        presented.is_some_and(|token| {
            let digest: [u8; 32] = Sha256::digest(token).into();
            let known = self.tokens.get(&digest);
            known.is_some_and(|known| bool::from(known.ct_eq(&digest)))
        })
    }
}

async fn check(
    State(mut service): State<Service>,
    Query(poll): Query<Poll>,
    headers: HeaderMap,
) -> Response {
    let begun = Instant::now();
    if !service.lets(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let key = format!("session:{}:{}", poll.app, poll.environment);
    let found: Result<Option<String>, _> = service.redis.get(key).await;
    service.polls.inc();
    service.seconds.observe(begun.elapsed().as_secs_f64());
    match found {
        Ok(session) => {
            let body = session.unwrap_or_else(|| NOTHING.to_owned());
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().unwrap_or_default();
    let (address, url, token) = (next(), next(), next());
    let registry = Registry::new();
    let polls = IntCounter::new("polls_total", "Polls.")?;
    let seconds = Histogram::with_opts(HistogramOpts::new("poll_seconds", "Time."))?;
    registry.register(Box::new(polls.clone()))?;
    registry.register(Box::new(seconds.clone()))?;
    let client = redis::Client::open(url)?;
    let service = Service {
        redis: client.get_multiplexed_async_connection().await?,
        tokens: Arc::new(HashSet::from([Sha256::digest(token).into()])),
        polls,
        seconds,
    };
    let routes = Router::new()
        .route("/api/autolog/check", get(check))
        .with_state(service);
    axum::serve(TcpListener::bind(address).await?, routes).await?;
    Ok(())
}
