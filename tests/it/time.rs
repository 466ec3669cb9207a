//! Time alone changes what is answered, at the instant, on both kinds of store.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::backend::Server;
use crate::replica::{durable, ready, unready_replica};
use crate::service::{APP_TOKEN, SOON, Service, alert, eventually, message};

const THEN: &str = "2026-01-01T00:00:00Z";
/// How late a busy machine may make any one answer; far below a second, at which the sweeper would show.
const LATE: Duration = Duration::from_millis(150);

/// Where the service keeps its state.
#[derive(Clone, Copy, Debug)]
enum Store {
    Embedded,
    Redis,
}

/// A service, with the Redis that it may need.
struct World {
    service: Service,
    _server: Option<Server>,
}

impl World {
    async fn start(store: Store) -> Self {
        let variables = [("AUTOLOG_TTL_MIN", "1s")];
        let server = match store {
            Store::Embedded => None,
            Store::Redis => Some(durable()),
        };
        let service = match &server {
            None => Service::start(&variables),
            Some(server) => unready_replica(server, &variables),
        };
        ready(&service).await;
        Self {
            service,
            _server: server,
        }
    }

    async fn enable(&self, body: &Value) -> Value {
        let (status, body) = self.service.post("/api/autolog/enable", body).await;
        assert_eq!(status, 200, "{body}");
        body["session"].clone()
    }
}

fn instant(text: &Value) -> Timestamp {
    text.as_str().unwrap().parse().unwrap()
}

/// A poller that knows the last answer, as applications do.
struct Poller<'a> {
    service: &'a Service,
    tag: String,
    level: Option<String>,
}

impl Poller<'_> {
    /// Asks with `If-None-Match`, and returns the level, from the new answer or the known one.
    async fn poll(&mut self) -> Option<String> {
        let path = "/api/autolog/check?app=shop&environment=production";
        let request = self
            .service
            .request(Method::GET, path)
            .bearer_auth(APP_TOKEN);
        let response = request
            .header("if-none-match", &self.tag)
            .send()
            .await
            .unwrap();
        if response.status() != StatusCode::NOT_MODIFIED {
            assert_eq!(response.status(), 200);
            self.tag = response.headers()["etag"].to_str().unwrap().to_owned();
            let body: Value = response.json().await.unwrap();
            self.level = body["level"].as_str().map(str::to_owned);
        }
        self.level.clone()
    }
}

#[rstest]
#[case(Store::Embedded)]
#[case(Store::Redis)]
#[tokio::test]
async fn levels_drop_and_sessions_end_at_the_instant_for_who_asks_conditionally(
    #[case] store: Store,
) {
    let world = World::start(store).await;
    let mut alert = alert("f1", "firing", "shop", THEN);
    alert["labels"]["autolog_ttl"] = json!("3s");
    let (status, answer) = world.service.webhook("autolog", &message(&[alert])).await;
    assert_eq!(
        (status, &answer["outcomes"][0]["outcome"]),
        (StatusCode::OK, &json!("opened"))
    );
    let trace =
        json!({"app": "shop", "environment": "production", "level": "trace", "ttl_seconds": 1});
    let session = world.enable(&trace).await;
    let holders = session["holders"].as_array().unwrap();
    let of = |source: &str| {
        let mut holders = holders.iter();
        let holder = holders.find(|holder| holder["source"] == source);
        instant(&holder.unwrap()["expires_at"])
    };
    let (trace_until, debug_until) = (of("operator"), of("alert"));
    assert_eq!(instant(&session["expires_at"]), debug_until);

    let mut poller = Poller {
        service: &world.service,
        tag: String::new(),
        level: None,
    };
    let mut seen = Vec::new();
    loop {
        let before = Timestamp::now();
        let level = poller.poll().await;
        let after = Timestamp::now();
        let (until, earliest) = match level.as_deref() {
            Some("trace") => (Some(trace_until), None),
            Some(_) => (Some(debug_until), Some(trace_until)),
            None => (None, Some(debug_until)),
        };
        assert!(
            until.is_none_or(|until| before < until + LATE),
            "{level:?} at {before}"
        );
        assert!(
            earliest.is_none_or(|earliest| after + LATE / 10 >= earliest),
            "{level:?} at {after}"
        );
        if seen.last() != Some(&level) {
            seen.push(level.clone());
        }
        if level.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(3)).await; // polls until the session ends
    }
    assert_eq!(
        seen,
        [Some("trace".to_owned()), Some("debug".to_owned()), None]
    );
    assert!(world.service.sessions().await.is_empty());
    let ended = "autolog_sessions_ended_total{cause=\"expired_firing\"}";
    eventually(SOON, async || world.service.metric(ended).await == 1.0).await;
}

#[rstest]
#[case(Store::Embedded)]
#[case(Store::Redis)]
#[tokio::test]
async fn leftovers_are_swept_and_told_of_once(#[case] store: Store) {
    let world = World::start(store).await;
    for endpoint in ["/a", "/b", "/c"] {
        let body = json!({"app": "shop", "environment": "production", "endpoint": endpoint, "ttl_seconds": 1});
        world.enable(&body).await;
    }
    let active = "autolog_sessions_active{environment=\"production\",source=\"operator\"}";
    assert_eq!(world.service.metric(active).await, 3.0);
    let ended = "autolog_sessions_ended_total{cause=\"expired\"}";
    eventually(SOON, async || world.service.metric(ended).await == 3.0).await;
    assert_eq!(world.service.metric(active).await, 0.0);
    assert!(world.service.sessions().await.is_empty());
    let told = world.service.log();
    let told = told
        .iter()
        .filter(|line| line["message"] == "session ended");
    assert_eq!(told.count(), 3);
    if let Some(server) = &world._server {
        eventually(SOON, async || server.run::<u64>("HLEN {al}:records") == 0).await;
        assert_eq!(server.run::<u64>("ZCARD {al}:expiry"), 0);
        assert_eq!(server.run::<u64>("ZCARD {al}:targets"), 0);
    }
}

#[rstest]
#[case(Store::Embedded)]
#[case(Store::Redis)]
#[tokio::test]
async fn an_alert_that_waits_opens_when_the_cooldown_is_over(#[case] store: Store) {
    let world = World::start(store).await;
    let place = json!({"app": "shop", "environment": "production", "cooldown_seconds": 1});
    let (status, disabled) = world.service.post("/api/autolog/disable", &place).await;
    assert_eq!(status, 200, "{disabled}");
    let until = instant(&disabled["cooldown_until"]);
    let body = message(&[alert("f1", "firing", "shop", THEN)]);
    let (_, answer) = world.service.webhook("autolog", &body).await;
    let outcome = &answer["outcomes"][0];
    assert_eq!(
        (&outcome["outcome"], &outcome["guardrail"]),
        (&json!("waiting"), &json!("cooldown"))
    );
    assert_eq!(world.service.metric("autolog_waiting").await, 1.0);
    eventually(SOON, async || {
        let live = world.service.check("shop", "production").await["enabled"] == true;
        assert!(!live || Timestamp::now() >= until);
        live
    })
    .await;
    assert!(Timestamp::now() < until + Duration::from_secs(2));
    assert_eq!(world.service.metric("autolog_waiting").await, 0.0);
    let explained = world
        .service
        .get("/api/autolog/explain?app=shop&environment=production")
        .await
        .1;
    assert_eq!(explained["waiting"], json!([]), "{explained}");
}
