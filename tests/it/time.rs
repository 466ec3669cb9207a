//! Time alone changes what is answered, at the instant, on both kinds of store.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

use crate::backend::Server;
use crate::replica::{durable, ready, unready_replica};
use crate::service::{APP_TOKEN, SOON, Service, alert, eventually, message};

const THEN: &str = "2026-01-01T00:00:00Z";
/// Instants are whole milliseconds.
const LATE: Duration = Duration::from_millis(10);
/// How long Redis may take to answer a replica on a busy machine, by which sessions end early there.
const EARLY: Duration = Duration::from_millis(500);

/// Where the service keeps its state.
#[derive(Clone, Copy, Debug)]
enum Store {
    Embedded,
    Redis,
}

/// A service, with the Redis that it may need.
struct World {
    service: Service,
    server: Option<Server>,
}

impl World {
    async fn start(store: Store) -> Self {
        match store {
            Store::Embedded => Self::on(None).await,
            Store::Redis => Self::on(Some(durable())).await,
        }
    }

    async fn on(server: Option<Server>) -> Self {
        let variables = [("AUTOLOG_TTL_MIN", "1s")];
        let service = match &server {
            None => Service::start(&variables),
            Some(server) => unready_replica(server, &variables),
        };
        ready(&service).await;
        Self { service, server }
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
            response.headers()["etag"]
                .to_str()
                .unwrap()
                .clone_into(&mut self.tag);
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
            earliest.is_none_or(|earliest| after + EARLY >= earliest),
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
    if let Some(server) = &world.server {
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

/// Passes on what a Redis says after a while.
async fn delay(server: &Server, pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = server.socket();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let redis = UnixStream::connect(&socket).await.unwrap();
            let (mut requests, mut replies) = client.into_split();
            let (mut said, mut asked) = redis.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut requests, &mut asked).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                while let Ok(read @ 1..) = said.read(&mut buffer).await {
                    tokio::time::sleep(pause).await; // the way that is tested
                    if replies.write_all(&buffer[..read]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn at_a_replica_far_from_redis_no_session_outlives_its_end() {
    let near = World::on(Some(durable())).await;
    let server = near.server.as_ref().unwrap();
    let address = delay(server, Duration::from_millis(100)).await;
    let far = Service::start(&[("AUTOLOG_STORE", &format!("redis://{address}"))]);
    ready(&far).await;
    let body = json!({"app": "shop", "environment": "production", "ttl_seconds": 2});
    let until = instant(&near.enable(&body).await["expires_at"]);
    let live = async || far.check("shop", "production").await["enabled"] == true;
    eventually(SOON, live).await;
    loop {
        let before = Timestamp::now();
        if !live().await {
            break;
        }
        assert!(before < until + LATE, "it lives on at {before}");
    }
    assert!(Timestamp::now() + EARLY >= until);
}
