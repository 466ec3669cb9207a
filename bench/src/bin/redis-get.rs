//! The other way to build `check`: the same checks, metrics and answers, and a GET of Redis for each poll.
//!
//! `redis-get ADDRESS REDIS-URL TOKEN`; a session is a JSON object at `session:<app>:<environment>`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus::{Histogram, HistogramOpts, IntCounter, Registry};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

/// How often applications ask.
const POLL_INTERVAL: u64 = 15;

/// A session as Redis has it.
#[derive(Deserialize)]
struct Session {
    id: String,
    level: String,
    expires_at_ms: u128,
}

/// What a poll is answered, field by field as the service does.
#[derive(Serialize)]
struct Answer<'a> {
    enabled: bool,
    app: &'a str,
    environment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    revision: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_seconds: Option<u128>,
    poll_interval_seconds: u64,
    stale: bool,
    endpoints: [(); 0],
}

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
    let response = match found {
        Ok(session) => answer(&poll, session.as_deref(), &headers),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    service.polls.inc();
    service.seconds.observe(begun.elapsed().as_secs_f64());
    response
}

fn answer(poll: &Poll, stored: Option<&str>, headers: &HeaderMap) -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_millis());
    let session: Option<Session> = stored.and_then(|text| serde_json::from_str(text).ok());
    let session = session.filter(|session| now < session.expires_at_ms);
    let digest = Sha256::digest(stored.unwrap_or_default());
    let head = digest.first_chunk().copied().unwrap_or_default();
    let revision = format!("{:016x}", u64::from_be_bytes(head));
    let tag = format!("W/\"{revision}\"");
    let known = headers.get(header::IF_NONE_MATCH);
    let marks = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, marks).into_response();
    }
    let answer = Answer {
        enabled: session.is_some(),
        app: &poll.app,
        environment: &poll.environment,
        level: session.as_ref().map(|session| session.level.as_str()),
        session_id: session.as_ref().map(|session| session.id.as_str()),
        revision: &revision,
        expires_in_seconds: session.as_ref().map(|it| (it.expires_at_ms - now) / 1000),
        poll_interval_seconds: POLL_INTERVAL,
        stale: false,
        endpoints: [],
    };
    (marks, Json(answer)).into_response()
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
