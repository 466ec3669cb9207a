//! Several replicas on one Redis are one service.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use reqwest::Method;
use serde_json::{Value, json};

use crate::backend::Server;
use crate::replica::{durable, replica};
use crate::service::{APP_TOKEN, SOON, Service, alert, eventually, message};

const THEN: &str = "2026-01-01T00:00:00Z";
/// Within this time a change shows at every replica.
const VISIBLE: Duration = Duration::from_secs(1);

/// Enables; a store that a busy machine makes slow is asked again, as clients do.
async fn enable(service: &Service, app: &str) -> (u16, Value) {
    let body = json!({"app": app, "environment": "production", "ttl_seconds": 600});
    let deadline = Instant::now() + SOON;
    loop {
        let (status, body) = service.post("/api/autolog/enable", &body).await;
        if status != 503 || deadline < Instant::now() {
            return (status.as_u16(), body);
        }
    }
}

/// What `check` answers, without what a moment more or less may change.
async fn checked(service: &Service, app: &str) -> Value {
    let mut answer = service.check(app, "production").await;
    let fields = answer.as_object_mut().unwrap();
    fields.remove("expires_in_seconds");
    for endpoint in answer["endpoints"].as_array_mut().unwrap() {
        endpoint
            .as_object_mut()
            .unwrap()
            .remove("expires_in_seconds");
    }
    answer
}

async fn agree(first: &Service, second: &Service, app: &str) {
    eventually(VISIBLE, async || {
        checked(first, app).await == checked(second, app).await
    })
    .await;
}

#[tokio::test]
async fn what_one_replica_writes_the_other_answers() {
    let server = durable();
    let linger = [("AUTOLOG_ON_RESOLVED", "linger"), ("AUTOLOG_LINGER", "1s")];
    let first = replica(&server, &linger).await;
    let second = replica(&server, &linger).await;
    let pairs = [(&first, &second), (&second, &first)];
    for (here, there) in pairs {
        assert_eq!(enable(here, "shop").await.0, 200);
        agree(here, there, "shop").await;
        assert_eq!(checked(there, "shop").await["enabled"], true);
        let endpoint = json!({"app": "shop", "environment": "production", "endpoint": "/pay", "level": "trace"});
        assert_eq!(here.post("/api/autolog/enable", &endpoint).await.0, 200);
        agree(here, there, "shop").await;
        assert_eq!(
            checked(there, "shop").await["endpoints"][0]["level"],
            "trace"
        );
        let disable = json!({"app": "shop", "environment": "production", "cooldown_seconds": 0});
        assert_eq!(
            there.post("/api/autolog/disable", &disable).await.1["ended"],
            2
        );
        agree(here, there, "shop").await;
        assert_eq!(checked(here, "shop").await["enabled"], false);
    }
    let firing = message(&[alert("f1", "firing", "cart", THEN)]);
    assert_eq!(first.webhook("autolog", &firing).await.0, 200);
    let live =
        async |service: &Service| service.check("cart", "production").await["enabled"] == true;
    eventually(VISIBLE, async || live(&second).await).await;
    let resolved = message(&[alert("f1", "resolved", "cart", THEN)]);
    assert_eq!(second.webhook("autolog", &resolved).await.0, 200);
    eventually(VISIBLE * 3, async || {
        !live(&first).await && !live(&second).await
    })
    .await;
    assert!(first.sessions().await.is_empty() && second.sessions().await.is_empty());
}

#[tokio::test]
async fn the_same_message_at_both_replicas_opens_one_session_per_target() {
    let server = durable();
    let (first, second) = (replica(&server, &[]).await, replica(&server, &[]).await);
    let apps: Vec<String> = (0..9).map(|number| format!("shop-{number}")).collect();
    let alerts: Vec<Value> = apps
        .iter()
        .map(|app| alert(app, "firing", app, THEN))
        .collect();
    let body = message(&alerts);
    let posts = (0..6)
        .flat_map(|_| [&first, &second])
        .map(|service| service.webhook("autolog", &body));
    let mut opened = BTreeMap::new();
    for (status, answer) in join_all(posts).await {
        assert_eq!(status, 200, "{answer}");
        for (app, outcome) in apps.iter().zip(answer["outcomes"].as_array().unwrap()) {
            *opened.entry(app).or_insert(0) += u32::from(outcome["outcome"] == "opened");
        }
    }
    assert!(opened.values().all(|&times| times == 1), "{opened:?}");
    eventually(VISIBLE, async || {
        let sessions = first.sessions().await;
        sessions.len() == 9 && sessions == second.sessions().await
    })
    .await;
    for app in &apps {
        agree(&first, &second, app).await;
    }
}

#[tokio::test]
async fn the_caps_hold_exactly_while_all_replicas_write() {
    let server = durable();
    let caps = [
        ("AUTOLOG_MAX_SESSIONS", "20"),
        ("AUTOLOG_MAX_SESSIONS_PER_APP", "1"),
        ("AUTOLOG_MAX_AUTOMATIC_PER_APP", "1"),
        ("AUTOLOG_MAX_AUTOMATIC", "7"),
    ];
    let (first, second) = (replica(&server, &caps).await, replica(&server, &caps).await);
    let replicas = [&first, &second];
    let alerts = (0..12).map(|number| {
        let app = format!("alerted-{number}");
        let body = message(&[alert(&app, "firing", &app, THEN)]);
        let service = replicas[number % 2];
        async move { service.webhook("autolog", &body).await }
    });
    let mut opened = 0;
    for (status, answer) in join_all(alerts).await {
        assert_eq!(status, 200, "{answer}");
        opened += u32::from(answer["outcomes"][0]["outcome"] == "opened");
    }
    assert_eq!(opened, 7);
    let apps: Vec<String> = (0..20).map(|number| format!("shop-{number}")).collect();
    let enables = apps
        .iter()
        .flat_map(|app| replicas.map(|service| (app, service)));
    let enables = enables.map(|(app, service)| async move { (app, enable(service, app).await) });
    let answers: Vec<_> = stream::iter(enables).buffer_unordered(16).collect().await;
    let mut verbose = BTreeSet::new();
    for (app, (status, answer)) in answers {
        match status {
            200 => drop(verbose.insert((app, answer["session"]["id"].to_string()))),
            409 => assert_eq!(answer["guardrail"], "sessions", "{answer}"),
            _ => panic!("{status} {answer}"),
        }
    }
    assert_eq!(verbose.len(), 13, "{verbose:?}");
    eventually(VISIBLE, async || {
        let sessions = first.sessions().await;
        sessions.len() == 20 && sessions == second.sessions().await
    })
    .await;
}

/// How often each command was run so far.
fn calls(server: &Server) -> BTreeMap<String, i64> {
    let info: String = server.run("INFO commandstats");
    let lines = info.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    });
    lines.collect()
}

fn grown(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let of = |name: &String| before.get(name).copied().unwrap_or(0);
    after
        .iter()
        .map(|(name, calls)| (name.clone(), calls - of(name)))
        .collect()
}

#[tokio::test]
async fn checks_cost_redis_nothing() {
    const CHECKS: usize = 2_000;
    let server = durable();
    let service = replica(&server, &[]).await;
    assert_eq!(enable(&service, "shop").await.0, 200);
    let check = |number: usize| {
        let app = if number.is_multiple_of(2) {
            "shop".to_owned()
        } else {
            format!("unknown-{number}")
        };
        let path = format!("/api/autolog/check?app={app}&environment=production");
        let request = service.request(Method::GET, &path).bearer_auth(APP_TOKEN);
        async move { assert_eq!(request.send().await.unwrap().status(), 200) }
    };
    let before = calls(&server);
    let started = Instant::now();
    stream::iter((0..CHECKS).map(check))
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
    let busy = grown(&before, &calls(&server));
    let length = started.elapsed();
    let before = calls(&server);
    tokio::time::sleep(length).await; // as long as the checks took, for comparison
    let idle = grown(&before, &calls(&server));
    println!("{CHECKS} checks in {length:?}: {busy:?}; as long without any: {idle:?}");
    for (command, calls) in &busy {
        let otherwise = idle.get(command).copied().unwrap_or(0);
        assert!(
            *calls <= otherwise + 20,
            "{command}: {calls} with checks, {otherwise} without"
        );
    }
}
