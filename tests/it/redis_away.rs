//! What happens while Redis is away, and when it comes back.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::backend::Server;
use crate::replica::{durable, ready, replica, unready_replica};
use crate::service::{APP_TOKEN, SOON, Service, alert, answer, eventually, message};

const CHECK: &str = "/api/autolog/check?app=brief&environment=production";
/// How long a write may take to fail.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);

/// How Redis goes away.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// It is killed, and starts again from its file.
    Killed,
    /// It hangs, with its connections open.
    Paused,
}

impl Outage {
    fn begin(self, server: &mut Server) {
        match self {
            Self::Killed => server.kill(),
            Self::Paused => server.pause(),
        }
    }

    fn end(self, server: &mut Server) {
        match self {
            Self::Killed => server.restart(),
            Self::Paused => server.resume(),
        }
    }
}

async fn enable(service: &Service, app: &str, seconds: u64) -> (StatusCode, Value) {
    let body = json!({"app": app, "environment": "production", "ttl_seconds": seconds});
    service.post("/api/autolog/enable", &body).await
}

async fn count(service: &Service) -> (StatusCode, Value) {
    let body = json!({"events": [{"app": "cart", "environment": "production"}]});
    let request = service.request(Method::POST, "/api/autolog/errors");
    answer(request.bearer_auth(APP_TOKEN).json(&body)).await
}

/// The write is refused in time, so that its sender tries again.
async fn refused(what: &str, write: impl Future<Output = (StatusCode, Value)>) {
    let started = Instant::now();
    let (status, body) = write.await;
    let took = started.elapsed();
    assert_eq!(status, 503, "{what}: {body}");
    assert_eq!(body["code"], "store_unavailable", "{what}: {body}");
    assert!(took < REFUSED_WITHIN, "{what} took {took:?}");
}

/// Every kind of write is refused in time, also if several come at once.
async fn refuses_writes(service: &Service) {
    let alerts = message(&[alert("f1", "firing", "cart", "2026-01-01T00:00:00Z")]);
    let later = async {
        tokio::time::sleep(Duration::from_millis(150)).await; // while the count before is under way
        refused("another count", count(service)).await;
    };
    tokio::join!(
        refused("an enable", enable(service, "cart", 600)),
        refused("another enable", enable(service, "till", 600)),
        refused("a webhook", service.webhook("autolog", &alerts)),
        refused("a count", count(service)),
        later,
    );
}

/// One poll: whether it says that it is stale, and whether the brief session is live.
async fn poll(service: &Service) -> (bool, bool) {
    let request = service.request(Method::GET, CHECK);
    let response = request.bearer_auth(APP_TOKEN).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let marked = response.headers().get("autolog-stale").is_some();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["stale"], marked);
    (marked, body["enabled"] == true)
}

/// Polls until answers are marked stale, and sees to it that the brief session ends at its time meanwhile.
async fn becomes_stale(service: &Service, brief_until: Timestamp) -> Duration {
    let started = Instant::now();
    loop {
        let before = Timestamp::now();
        let (stale, live) = poll(service).await;
        let after = Timestamp::now();
        if live {
            let late = before.duration_since(brief_until);
            assert!(late.as_millis() < 10, "it outlives its end by {late}");
        } else {
            let early = brief_until.duration_since(after);
            assert!(early.as_millis() < 500, "it ended early by {early}");
        }
        if stale {
            return started.elapsed();
        }
        assert!(started.elapsed() < SOON, "not stale yet");
        tokio::time::sleep(Duration::from_millis(20)).await; // polls until the deadline
    }
}

async fn lives_through(outage: Outage) {
    let mut server = durable();
    let service = replica(&server, &[("AUTOLOG_TTL_MIN", "1s")]).await;
    let (_, shop) = enable(&service, "shop", 600).await;
    let (_, brief) = enable(&service, "brief", 3).await;
    let brief_until = brief["session"]["expires_at"].as_str().unwrap();

    outage.begin(&mut server);
    let after = becomes_stale(&service, brief_until.parse().unwrap()).await;
    let seconds = after.as_secs_f64();
    assert!((4.0..6.0).contains(&seconds), "stale after {after:?}");
    refuses_writes(&service).await;
    assert_eq!(service.admin("/readyz").await.0, 200);
    assert_eq!(service.admin("/healthz").await.0, 503);
    assert_eq!(service.metric("autolog_store_up").await, 0.0);
    assert_eq!(service.check("shop", "production").await["enabled"], true);

    outage.end(&mut server);
    let returned = Instant::now();
    eventually(SOON, async || {
        !poll(&service).await.0 && service.admin("/healthz").await.0 == 200
    })
    .await;
    assert_eq!(enable(&service, "back", 600).await.0, 200);
    let took = returned.elapsed();
    assert!(took < Duration::from_secs(2), "back after {took:?}");
    println!("{outage:?}: stale after {after:?}, back after {took:?}");
    let sessions = service.sessions().await;
    let kept = sessions.iter().find(|session| session["app"] == "shop");
    let kept = kept.unwrap();
    assert_eq!(kept["id"], shop["session"]["id"]);
    assert_eq!(kept["expires_at"], shop["session"]["expires_at"]);
}

#[tokio::test]
async fn a_redis_that_is_killed_is_lived_through() {
    lives_through(Outage::Killed).await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_lived_through() {
    lives_through(Outage::Paused).await;
}

#[tokio::test]
async fn a_replica_that_starts_without_its_redis_becomes_ready_by_itself() {
    let mut server = durable();
    server.kill();
    let service = unready_replica(&server, &[]);
    assert_eq!(service.admin("/livez").await.0, 200);
    assert_eq!(service.admin("/readyz").await.0, 503);
    assert_eq!(service.admin("/healthz").await.0, 503);
    let request = service.request(Method::GET, CHECK).bearer_auth(APP_TOKEN);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 503);
    let retry_after = response.headers()["retry-after"].to_str().unwrap();
    assert!(retry_after.parse::<u64>().unwrap() > 0);
    refuses_writes(&service).await;
    let (status, body) = service.get("/api/autolog/list").await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("not_synced"))
    );
    // It has tried several times by now, and says so once.
    let warned = |line: &&Value| line["level"] == "WARN";
    let warnings: Vec<_> = service.log().iter().filter(warned).cloned().collect();
    let of_feed = |line: &&Value| line["target"] == "autolog::feed";
    let told: Vec<_> = warnings.iter().filter(of_feed).collect();
    assert_eq!(told.len(), 1, "{warnings:#?}");
    let cause = told[0]["error"].as_str().unwrap();
    assert!(cause.contains("Connection refused"), "{cause}");

    server.restart();
    let returned = Instant::now();
    ready(&service).await;
    assert_eq!(enable(&service, "shop", 600).await.0, 200);
    let took = returned.elapsed();
    assert!(took < Duration::from_secs(2), "ready after {took:?}");
    assert_eq!(service.check("shop", "production").await["enabled"], true);
}

/// What the service tells of its sessions: application, id and end.
async fn told(service: &Service) -> Vec<[Value; 3]> {
    let sessions = service.sessions().await;
    let columns = ["app", "id", "expires_at"];
    sessions
        .iter()
        .map(|session| columns.map(|column| session[column].clone()))
        .collect()
}

#[tokio::test]
async fn a_redis_that_was_flushed_gets_its_sessions_back() {
    let server = durable();
    let first = replica(&server, &[]).await;
    let second = replica(&server, &[]).await;
    for number in 0..5 {
        assert_eq!(enable(&first, &format!("shop-{number}"), 600).await.0, 200);
    }
    let before = told(&first).await;
    eventually(SOON, async || told(&second).await == before).await;

    for _ in 0..2 {
        server.run::<String>("FLUSHALL");
        // A write may meet the empty store before any replica has noticed: it must not be the only thing in there.
        let (status, body) = enable(&second, "later", 900).await;
        assert!([200, 503].contains(&status.as_u16()), "{body}");
        eventually(SOON, async || server.run::<u64>("HLEN {al}:records") >= 5).await;
        assert_eq!(enable(&second, "later", 900).await.0, 200);
        for service in [&first, &second] {
            eventually(SOON, async || {
                let mut told = told(service).await;
                assert!(told.len() >= before.len(), "{told:?}");
                told.retain(|row| row[0] != "later");
                told == before
            })
            .await;
        }
    }
    let third = replica(&server, &[]).await;
    assert_eq!(told(&third).await, told(&second).await);
}

#[tokio::test]
async fn a_service_ends_in_time_while_its_redis_hangs() {
    let server = durable();
    let mut service = replica(&server, &[]).await;
    assert_eq!(enable(&service, "shop", 600).await.0, 200);
    server.pause();
    let stop = json!({"all": true});
    let writes = async {
        tokio::join!(
            service.post("/api/autolog/disable", &stop),
            count(&service),
            enable(&service, "cart", 600)
        )
    };
    let open = || service.metric("autolog_http_connections");
    let signal = async {
        // while they wait for the store, each on a connection, and this question on another
        eventually(SOON, async || open().await >= 4.0).await;
        service.signal("TERM");
    };
    let (((stopped, _), (counted, _), (enabled, _)), ()) = tokio::join!(writes, signal);
    assert_eq!([stopped, counted, enabled], [503; 3]);
    assert_eq!(service.wait_for_exit(SOON), Some(0));
}
