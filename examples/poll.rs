//! An application that logs at DEBUG while autolog grants it, and is quiet again by its own clock.
//!
//! `AUTOLOG_APP=shop AUTOLOG_ENVIRONMENT=production cargo run --example poll`; `AUTOLOG_URL` and `AUTOLOG_TOKEN` too.
#![expect(
    clippy::disallowed_methods,
    clippy::infinite_loop,
    reason = "a program of its own"
)]

use std::{env, error::Error, time::Duration};

use reqwest::header::{ETAG, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use serde::Deserialize;
use tokio::time::{Instant, sleep, sleep_until};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::{Registry, prelude::*, reload};

const TIMEOUT: Duration = Duration::from_secs(5);
/// No lease is believed beyond this.
const MAX_LEASE: Duration = Duration::from_hours(4);

/// What of the answer matters; fields may be added to it at any time.
#[derive(Deserialize)]
struct Answer {
    enabled: bool,
    level: Option<String>,
    expires_in_seconds: Option<u64>,
    poll_interval_seconds: Option<u64>,
}

/// What this application knows.
#[derive(Default)]
struct State {
    lease: Option<(LevelFilter, Instant)>,
    etag: Option<String>,
    interval: u64,
    failures: u32,
}

/// Asks for ever, and shows in `filter` what is granted. A lease ends at its deadline, whatever the network does.
async fn follow(ask: impl Fn() -> RequestBuilder, filter: reload::Handle<Targets, Registry>) {
    let mut state = State {
        interval: 15,
        ..State::default()
    };
    let mut next = Instant::now() + spread(5, 0.0, 1.0); // a fleet that restarts does not ask all at once
    loop {
        let ends = state.lease.map(|(_, deadline)| deadline);
        sleep_until(ends.map_or(next, |deadline| deadline.min(next))).await;
        let sent = Instant::now(); // before the request: the service's lease begins later, so ours never ends later
        if ends.is_some_and(|deadline| deadline <= sent) {
            (state.lease, state.etag) = (None, None); // no tag: a 304 says "as before", and that is over
            show(&filter, None);
        }
        let left = state.lease.map(|(_, deadline)| deadline - sent);
        let patience = left.map_or(TIMEOUT, |left| TIMEOUT.min(left));
        let mut request = ask().timeout(patience);
        if let Some(etag) = &state.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let pause = match request.send().await {
            Ok(response) => state.read(sent, response).await,
            Err(_) => state.back_off(0),
        };
        show(&filter, state.lease);
        next = Instant::now() + pause;
    }
}

impl State {
    /// Takes in an answer and returns how long to wait. Only a 200 changes the lease.
    async fn read(&mut self, sent: Instant, response: Response) -> Duration {
        let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let (etag, retry_after) = (header(ETAG), header(RETRY_AFTER));
        match response.status() {
            StatusCode::OK => match response.json().await {
                Ok(answer) => self.accept(sent, &answer, etag),
                Err(_) => return self.back_off(0),
            },
            StatusCode::NOT_MODIFIED => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                return spread(300, 0.9, 1.1);
            }
            _ => return self.back_off(retry_after.and_then(|text| text.parse().ok()).unwrap_or(0)),
        }
        self.failures = 0;
        spread(self.interval, 0.9, 1.1)
    }

    fn accept(&mut self, sent: Instant, answer: &Answer, etag: Option<String>) {
        self.etag = etag;
        self.interval = answer
            .poll_interval_seconds
            .unwrap_or(self.interval)
            .clamp(5, 300);
        let trace = answer.level.as_deref() == Some("trace");
        let level = if trace {
            LevelFilter::TRACE
        } else {
            LevelFilter::DEBUG
        };
        let seconds = answer.expires_in_seconds.unwrap_or(3 * self.interval);
        let deadline = sent + Duration::from_secs(seconds).min(MAX_LEASE);
        self.lease = (answer.enabled && seconds > 0).then_some((level, deadline));
    }

    fn back_off(&mut self, retry_after: u64) -> Duration {
        self.failures = (self.failures + 1).min(5);
        let pause = spread((self.interval << self.failures).min(300), 0.5, 1.0);
        pause.max(Duration::from_secs(retry_after.min(900)))
    }
}

/// Makes this program, and not its libraries, as verbose as the lease says.
fn show(filter: &reload::Handle<Targets, Registry>, lease: Option<(LevelFilter, Instant)>) {
    let level = lease.map_or(LevelFilter::INFO, |(level, _)| level);
    let targets = Targets::new().with_default(LevelFilter::INFO);
    let _nothing_logs_any_more = filter.reload(targets.with_target("poll", level));
}

/// A random share of `seconds`, between `from` and `to`: a fleet does not ask in step.
fn spread(seconds: u64, from: f64, to: f64) -> Duration {
    let random = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    Duration::from_secs(seconds).mul_f64((to - from).mul_add(random, from))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, filter) = reload::Layer::new(Targets::new().with_default(LevelFilter::INFO));
    tracing_subscriber::registry()
        .with(layer)
        .with(tracing_subscriber::fmt::layer())
        .try_init()?;
    let _installed_already = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .build()?;
    let url = env::var("AUTOLOG_URL").unwrap_or_else(|_| "http://127.0.0.1:5000".to_owned());
    let place = [
        ("app", env::var("AUTOLOG_APP")?),
        ("environment", env::var("AUTOLOG_ENVIRONMENT")?),
    ];
    let token = env::var("AUTOLOG_TOKEN").unwrap_or_default();
    let ask = move || {
        client
            .get(format!("{url}/api/autolog/check"))
            .query(&place)
            .bearer_auth(&token)
    };
    tokio::spawn(follow(ask, filter));
    loop {
        tracing::info!("an order came in");
        tracing::debug!("its basket, its prices, and what the warehouse said");
        sleep(Duration::from_secs(1)).await;
    }
}
