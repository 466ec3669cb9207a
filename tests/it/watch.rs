//! `GET /api/autolog/watch`: whoever watches is told when to ask again.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::replica::{durable, ready, replica, unready_replica};
use crate::service::{APP_TOKEN, OPERATOR_TOKEN, SOON, Service, WEBHOOK_SECRET, eventually};
use crate::shutdown::{read_to, send, unfinished};

const WATCH_SHOP: &str = "/api/autolog/watch?app=shop&environment=production";

/// A stream of events that was opened.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(service: &Service) -> Self {
        ready(service).await;
        Self::at(service, WATCH_SHOP).await
    }

    async fn at(service: &Service, path: &str) -> Self {
        let request = service.request(Method::GET, path).bearer_auth(APP_TOKEN);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event, however many comments come before it; none when the stream has ended.
    async fn event(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = Event::of(&block) {
                    return Some(event);
                }
            }
            let chunk = tokio::time::timeout(SOON, self.response.chunk()).await;
            let chunk = chunk.unwrap().ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn revision(&mut self) -> String {
        self.event().await.unwrap().id
    }
}

#[derive(Debug)]
struct Event {
    id: String,
    retry: Option<u64>,
    data: Value,
}

impl Event {
    fn of(block: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut lines = block.lines();
            lines.find_map(|line| line.strip_prefix(&format!("{name}: ")))
        };
        let event = Self {
            id: field("id")?.to_owned(),
            retry: field("retry").map(|text| text.parse().unwrap()),
            data: serde_json::from_str(field("data")?).unwrap(),
        };
        assert_eq!(field("event"), Some("message"));
        assert_eq!(event.data["revision"], event.id);
        assert_eq!(event.data["etag"], format!("W/\"{}\"", event.id));
        assert_eq!(event.data["type"], "refetchEvaluation");
        assert!(event.data["lastModified"].as_u64().unwrap() > 1_700_000_000);
        Some(event)
    }
}

async fn enable(service: &Service, app: &str, seconds: u64) {
    let body = json!({"app": app, "environment": "production", "ttl_seconds": seconds});
    // a store that a busy machine makes slow is asked again, as clients do
    eventually(SOON, async || {
        service.post("/api/autolog/enable", &body).await.0 == 200
    })
    .await;
}

async fn checked(service: &Service) -> String {
    let answer = service.check("shop", "production").await;
    answer["revision"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_watcher_is_told_the_state_at_once_and_every_change_of_it() {
    let service = Service::start(&[]);
    let mut stream = Stream::open(&service).await;
    let first = stream.event().await.unwrap();
    assert!((2_000..=8_000).contains(&first.retry.unwrap()));
    assert_eq!(first.id, checked(&service).await);
    enable(&service, "shop", 600).await;
    let second = stream.event().await.unwrap();
    assert_eq!((second.retry, &second.id), (None, &checked(&service).await));
    let disable = json!({"app": "shop", "environment": "production"});
    service.post("/api/autolog/disable", &disable).await;
    assert_eq!(stream.revision().await, first.id);
}

#[tokio::test]
async fn a_watcher_is_told_when_a_session_ends_by_time_alone() {
    let service = Service::start(&[("AUTOLOG_TTL_MIN", "1s")]);
    let mut stream = Stream::open(&service).await;
    let nothing = stream.revision().await;
    enable(&service, "shop", 1).await;
    let begun = Instant::now();
    assert_ne!(stream.revision().await, nothing);
    assert_eq!(stream.revision().await, nothing);
    let late = begun.elapsed().saturating_sub(Duration::from_secs(1));
    assert!(late < Duration::from_secs(3), "{late:?} late");
}

#[tokio::test]
async fn a_watcher_hears_nothing_of_other_applications() {
    let service = Service::start(&[]);
    let mut stream = Stream::open(&service).await;
    stream.event().await.unwrap();
    enable(&service, "cart", 600).await;
    enable(&service, "shop", 600).await;
    assert_eq!(stream.revision().await, checked(&service).await);
}

#[tokio::test]
async fn a_watcher_hears_of_what_another_replica_does() {
    let server = durable();
    let (here, there) = (replica(&server, &[]).await, replica(&server, &[]).await);
    let mut stream = Stream::open(&there).await;
    stream.event().await.unwrap();
    enable(&here, "shop", 600).await;
    assert_eq!(stream.revision().await, checked(&here).await);
}

#[tokio::test]
async fn a_replica_that_knows_nothing_yet_has_nothing_to_watch() {
    let mut server = durable();
    server.kill();
    let service = unready_replica(&server, &[]);
    let (status, body) = service.get(WATCH_SHOP).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("not_synced"))
    );
}

#[tokio::test]
async fn over_the_cap_a_watcher_is_told_to_poll_and_others_are_not_disturbed() {
    let service = Service::start(&[("AUTOLOG_MAX_WATCHERS", "2")]);
    let first = Stream::open(&service).await;
    let mut second = Stream::open(&service).await;
    second.event().await.unwrap();
    let refused = service
        .request(Method::GET, WATCH_SHOP)
        .bearer_auth(APP_TOKEN)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let count = service.metric("autolog_http_refused_total{reason=\"watchers\"}");
    assert_eq!(count.await, 1.0);
    assert_eq!(service.metric("autolog_watchers").await, 2.0);
    drop(first);
    eventually(SOON, async || {
        service.metric("autolog_watchers").await == 1.0
    })
    .await;
    let mut third = Stream::open(&service).await;
    third.event().await.unwrap();
    enable(&service, "shop", 600).await;
    assert_eq!(second.revision().await, third.revision().await);
}

#[tokio::test]
async fn whoever_may_poll_may_watch() {
    for (open, secret, expected) in [
        ("false", None, 401),
        ("false", Some(WEBHOOK_SECRET), 401),
        ("false", Some(APP_TOKEN), 200),
        ("false", Some(OPERATOR_TOKEN), 200),
        ("true", None, 200),
    ] {
        let service = Service::start(&[("AUTOLOG_OPEN_CHECK", open)]);
        ready(&service).await;
        let mut request = service.request(Method::GET, WATCH_SHOP);
        if let Some(secret) = secret {
            request = request.bearer_auth(secret);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), expected, "{open} {secret:?}");
    }
}

#[tokio::test]
async fn a_watch_without_an_application_is_refused() {
    let service = Service::start(&[]);
    let (status, body) = service
        .get("/api/autolog/watch?environment=production")
        .await;
    assert_eq!((status.as_u16(), &body["field"]), (400, &json!("app")));
}

#[tokio::test]
async fn a_thousand_watchers_and_500_requests_in_flight_do_not_hold_up_the_end_and_nothing_is_lost()
{
    let mut service = Service::start(&[]);
    ready(&service).await;
    let mut streams = Vec::new();
    for number in 0..1_000 {
        let path = format!(
            "/api/autolog/watch?app=app-{}&environment=production",
            number % 50
        );
        streams.push(Stream::at(&service, &path).await);
    }
    assert_eq!(service.metric("autolog_watchers").await, 1_000.0);
    let mut told = BTreeSet::new();
    for stream in &mut streams {
        told.insert(stream.revision().await);
    }
    assert_eq!(told.len(), 1, "nothing is granted to anyone");
    let mut requests = Vec::new();
    for number in 0..500 {
        requests.push(unfinished(&service, &format!("in-flight-{number}")).await);
    }
    eventually(SOON, async || {
        service.metric("autolog_http_connections").await >= 1_500.0
    })
    .await;

    let begun = Instant::now();
    service.signal("TERM");
    for stream in &mut streams {
        assert!(stream.event().await.is_none());
    }
    let ended = begun.elapsed();
    for request in &mut requests {
        send(request, "}").await;
    }
    for request in &mut requests {
        let reply = read_to(request, "never").await;
        assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    }
    assert_eq!(service.wait_for_exit(Duration::from_secs(10)), Some(0));
    let took = begun.elapsed();
    println!(
        "F22: 1,000 streams ended {ended:.1?} after the signal; 500 of 500 requests answered; gone after {took:.1?}"
    );
    assert!(took < Duration::from_secs(10), "{took:?}");
    service.restart();
    ready(&service).await;
    assert_eq!(service.sessions().await.len(), 500);
}

#[tokio::test]
async fn the_command_line_is_told_and_does_not_wait_for_its_next_poll() {
    let service = Service::start(&[]);
    let mut command = service.command();
    command
        .args([
            "watch",
            "shop",
            "production",
            "--interval",
            "1h",
            "--output",
            "json",
        ])
        .env("AUTOLOG_URL", service.url())
        .env("AUTOLOG_TOKEN", APP_TOKEN)
        .stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (lines, mut printed) = tokio::sync::mpsc::channel(8);
    let output = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            lines.blocking_send(line).unwrap();
        }
    });
    let mut next = async || -> Value {
        let line = tokio::time::timeout(SOON, printed.recv()).await.unwrap();
        serde_json::from_str(&line.unwrap()).unwrap()
    };
    assert_eq!(next().await["enabled"], false);
    eventually(SOON, async || {
        service.metric("autolog_watchers").await == 1.0
    })
    .await;
    enable(&service, "shop", 600).await;
    assert_eq!(next().await["enabled"], true);
    child.kill().unwrap();
    child.wait().unwrap();
}
