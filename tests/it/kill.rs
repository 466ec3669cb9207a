//! The service is killed while it writes, again and again, and loses nothing that it has acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::replica::ready;
use crate::service::{APP_TOKEN, OPERATOR_TOKEN, Service, WEBHOOK_SECRET, alert, answer, message};

/// How many errors open a session: more than a test counts before it asks for the count.
const THRESHOLD: u64 = 100_000;

/// What was acknowledged.
#[derive(Default)]
struct Acknowledged {
    /// The session of each application that went verbose.
    sessions: BTreeMap<String, String>,
    /// Applications that were made quiet again.
    quiet: BTreeSet<String>,
    /// How many errors were counted in this round.
    errors: u64,
    /// The number of the last freeze of this round.
    freeze: u64,
}

/// Writers of one round, and what was acknowledged to them.
struct Round<'a> {
    service: &'a Service,
    number: u64,
    acknowledged: &'a Mutex<Acknowledged>,
}

impl Round<'_> {
    /// Posts, and returns the body of a good answer; nothing once the service is gone.
    async fn post(&self, path: &str, token: &str, body: &Value) -> Option<Value> {
        let request = self.service.request(Method::POST, path).bearer_auth(token);
        let response = request.json(body).send().await.ok()?;
        let status = response.status();
        let body = response.json().await.ok()?;
        let good = [StatusCode::OK, StatusCode::ACCEPTED].contains(&status);
        assert!(good, "{status} {body}");
        Some(body)
    }

    async fn enable(&self, writer: u64) -> Option<()> {
        for number in 0_u64.. {
            let app = format!("enabled-{}-{writer}-{number}", self.number);
            let id = self.enable_one(&app).await?;
            let mut acknowledged = self.acknowledged.lock().unwrap();
            acknowledged.sessions.insert(app, id);
        }
        None
    }

    async fn enable_one(&self, app: &str) -> Option<String> {
        let body = json!({"app": app, "environment": "production", "ttl_seconds": 14_400});
        let answer = self.post("/api/autolog/enable", OPERATOR_TOKEN, &body);
        Some(answer.await?["session"]["id"].as_str()?.to_owned())
    }

    async fn disable(&self) -> Option<()> {
        for number in 0_u64.. {
            let app = format!("disabled-{}-{number}", self.number);
            self.enable_one(&app).await?;
            let body = json!({"app": app, "environment": "production"});
            self.post("/api/autolog/disable", OPERATOR_TOKEN, &body)
                .await?;
            self.acknowledged.lock().unwrap().quiet.insert(app);
        }
        None
    }

    async fn observe(&self) -> Option<()> {
        for number in 0_u64.. {
            let app = |index| format!("alerted-{}-{number}-{index}", self.number);
            let one = |index| {
                let app = app(index);
                alert(&app, "firing", &app, "2026-01-01T00:00:00Z")
            };
            let body = message(&[one(0), one(1)]);
            let answer = self.post("/webhook/autolog", WEBHOOK_SECRET, &body).await?;
            for index in 0..2 {
                let outcome = answer["outcomes"][index]["outcome"].as_str()?;
                assert!(["opened", "waiting"].contains(&outcome), "{answer}");
                if outcome == "opened" {
                    let mut acknowledged = self.acknowledged.lock().unwrap();
                    acknowledged.sessions.insert(app(index), String::new());
                }
            }
        }
        None
    }

    async fn count(&self) -> Option<()> {
        loop {
            let event =
                json!({"app": self.failing(), "environment": "production", "endpoint": "/pay"});
            let body = json!({"events": [event.clone(), event]});
            let answer = self.post("/api/autolog/errors", APP_TOKEN, &body).await?;
            assert_eq!(answer["accepted"], 2, "{answer}");
            self.acknowledged.lock().unwrap().errors += 2;
        }
    }

    /// Freezes under growing numbers, in every other round: alerts and errors open nothing meanwhile.
    async fn freeze(&self) -> Option<()> {
        let numbers = (1_u64..).take_while(|_| self.number.is_multiple_of(2));
        for number in numbers {
            let body = json!({"frozen": true, "reason": number.to_string()});
            self.post("/api/autolog/freeze", OPERATOR_TOKEN, &body)
                .await?;
            self.acknowledged.lock().unwrap().freeze = number;
        }
        None
    }

    fn failing(&self) -> String {
        format!("failing-{}", self.number)
    }

    /// Lets everybody write until the service is killed, `moment` from now.
    async fn run(&self, moment: Duration) {
        let kill = async {
            tokio::time::sleep(moment).await; // the moment of the kill is what is tested
            self.service.signal("KILL");
        };
        tokio::join!(
            kill,
            self.enable(0),
            self.enable(1),
            self.disable(),
            self.observe(),
            self.count(),
            self.freeze()
        );
    }

    /// Compares what the service knows after its restart with what was acknowledged.
    async fn verify(&self) {
        let found = sessions(self.service).await;
        let (errors, freeze) = {
            let acknowledged = self.acknowledged.lock().unwrap();
            for (app, id) in &acknowledged.sessions {
                let kept = found.get(app);
                let same = kept.is_some_and(|kept| id.is_empty() || kept == id);
                assert!(same, "{app} was {id:?} and is {kept:?}");
            }
            let quiet = &acknowledged.quiet;
            let again: Vec<_> = found.keys().filter(|app| quiet.contains(*app)).collect();
            assert!(again.is_empty(), "verbose again: {again:?}");
            (acknowledged.errors, acknowledged.freeze)
        };
        let (_, state) = self.service.get("/api/autolog/freeze").await;
        let kept = state["reason"]
            .as_str()
            .map_or(0, |text| text.parse().unwrap());
        // The freeze that was under way at the kill may have been written.
        assert!((freeze..=freeze + 1).contains(&kept), "{freeze}: {state}");
        let release = json!({"frozen": false});
        self.post("/api/autolog/freeze", OPERATOR_TOKEN, &release)
            .await;
        let failing = self.failing();
        let rest = THRESHOLD - errors;
        let event = json!({"app": failing, "environment": "production", "count": rest});
        self.post(
            "/api/autolog/errors",
            APP_TOKEN,
            &json!({"events": [event]}),
        )
        .await;
        let opened = &self.service.check(&failing, "production").await["enabled"];
        assert_eq!(opened, true, "some of {errors} errors do not count");
    }
}

/// Every live session: its application and its id.
async fn sessions(service: &Service) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let mut query = vec![("limit", "1000")];
        query.extend(Some(("cursor", cursor.as_str())).filter(|_| !cursor.is_empty()));
        let request = service
            .request(Method::GET, "/api/autolog/list")
            .query(&query);
        let (_, page) = answer(request.bearer_auth(OPERATOR_TOKEN)).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let sessions = page["sessions"].as_array().unwrap().iter();
        found.extend(sessions.map(|session| (text(&session["app"]), text(&session["id"]))));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return found,
        }
    }
}

/// A sequence that looks random and is the same for the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let seed = number("AUTOLOG_SEED", u64::from(std::process::id()));
    let mut chance = Chance(seed);
    println!("AUTOLOG_SEED={seed}");
    let many = "1000000";
    let mut service = Service::start(&[
        ("AUTOLOG_ERROR_THRESHOLD", &THRESHOLD.to_string()),
        ("AUTOLOG_MAX_SESSIONS", many),
        ("AUTOLOG_MAX_AUTOMATIC", many),
        ("AUTOLOG_TTL", "4h"),
    ]);
    let acknowledged = Mutex::new(Acknowledged::default());
    for number in 0..number("AUTOLOG_KILLS", 20) {
        ready(&service).await;
        let round = Round {
            service: &service,
            number,
            acknowledged: &acknowledged,
        };
        round.run(Duration::from_millis(chance.below(300))).await;
        service.kill();
        if chance.below(2) == 0 {
            kill_while_it_starts(&service, Duration::from_millis(chance.below(40))).await;
        }
        service.restart();
        ready(&service).await;
        let round = Round {
            service: &service,
            number,
            acknowledged: &acknowledged,
        };
        round.verify().await;
        let mut acknowledged = acknowledged.lock().unwrap();
        (acknowledged.errors, acknowledged.freeze) = (0, 0);
    }
    let acknowledged = acknowledged.lock().unwrap();
    let (sessions, quiet) = (acknowledged.sessions.len(), acknowledged.quiet.len());
    println!("acknowledged and kept: {sessions} sessions, {quiet} disabled");
    assert!(sessions > 0 && quiet > 0);
}

/// Kills it once more before or just after it has opened its store.
async fn kill_while_it_starts(service: &Service, moment: Duration) {
    let mut child = service.command().spawn().unwrap();
    tokio::time::sleep(moment).await; // the moment of the kill is what is tested
    child.kill().unwrap();
    child.wait().unwrap();
}
