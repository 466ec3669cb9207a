//! Writes all the time, and polls ten times a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::RwLock;

use crate::fleet::Door;
use crate::history::{Answer, History, Promise};
use crate::service::alert;

/// How long a writer rests after each round.
const REST: Duration = Duration::from_millis(40);
/// How often a poller asks.
const POLL: Duration = Duration::from_millis(100);
/// How long the sessions last that pollers see end.
const BRIEF: u64 = 2;

/// What the writers are at, for the pollers.
#[derive(Default)]
pub(crate) struct Board {
    brief: AtomicU64,
}

/// One who writes to a replica until it is dropped.
pub(crate) struct Writer {
    pub(crate) number: usize,
    pub(crate) door: Door,
    pub(crate) history: Arc<History>,
    pub(crate) board: Arc<Board>,
    /// How long its sessions last, in seconds.
    pub(crate) length: u64,
    /// Whether the sessions of its alerts live to the end, so that it can be told whether one is lost.
    pub(crate) alerts_last: bool,
    /// Closed while nobody may write.
    pub(crate) gate: Arc<RwLock<()>>,
}

impl Writer {
    #[expect(clippy::infinite_loop, reason = "whoever runs it drops it")]
    pub(crate) async fn write(self) {
        let mut number = 0_u64;
        loop {
            number += 1;
            let open = self.gate.read().await;
            let app = format!("w{}-{number}", self.number);
            let opened = self.enable(&app, self.length).await;
            if opened && number.is_multiple_of(3) {
                self.disable(&app).await;
            } else if number.is_multiple_of(4) {
                self.pair(&app).await;
            } else if number.is_multiple_of(5) && self.number == 0 {
                let brief = self.board.brief.load(Ordering::SeqCst) + 1;
                if self.enable(&format!("brief-{brief}"), BRIEF).await {
                    self.board.brief.store(brief, Ordering::SeqCst);
                }
            }
            drop(open);
            tokio::time::sleep(REST).await;
        }
    }

    /// Writes, and returns what a good answer says; a bad one may be nothing but a refusal.
    async fn promised(
        &self,
        what: impl Future<Output = Option<(StatusCode, Value)>>,
    ) -> Option<Value> {
        let asked = Instant::now();
        let (status, body) = what.await?;
        match status.as_u16() {
            200 => Some(body),
            503 => {
                self.history.refused(self.number, asked.elapsed());
                None
            }
            _ => panic!("{status} {body}"),
        }
    }

    async fn enable(&self, app: &str, seconds: u64) -> bool {
        let body = json!({"app": app, "environment": "production", "ttl_seconds": seconds});
        let Some(answer) = self.promised(self.door.post("enable", &body)).await else {
            return false;
        };
        let session = &answer["session"];
        self.history.promised(Promise::Verbose {
            app: app.to_owned(),
            id: session["id"].as_str().unwrap().to_owned(),
            until: session["expires_at"].as_str().unwrap().parse().unwrap(),
        });
        true
    }

    async fn disable(&self, app: &str) {
        let body = json!({"app": app, "environment": "production", "cooldown_seconds": 0});
        self.history.promised(Promise::Asked {
            app: app.to_owned(),
        });
        if self
            .promised(self.door.post("disable", &body))
            .await
            .is_some()
        {
            self.history.promised(Promise::Quiet {
                app: app.to_owned(),
            });
        }
    }

    async fn pair(&self, app: &str) {
        let apps = ["a", "b"].map(|which| format!("pair-{app}-{which}"));
        let alerts = |status| {
            [0, 1].map(|which| alert(&apps[which], status, &apps[which], "2026-01-01T00:00:00Z"))
        };
        if self
            .promised(self.door.alert(&alerts("firing")))
            .await
            .is_none()
        {
            return;
        }
        if self.alerts_last {
            self.history.promised(Promise::Pair { apps });
        } else {
            // An alert that is never resolved is remembered for half a day.
            let _a_refusal_is_noted = self.promised(self.door.alert(&alerts("resolved"))).await;
        }
    }
}

/// Polls a replica, which is never to fail, until it is dropped.
#[expect(clippy::infinite_loop, reason = "whoever runs it drops it")]
pub(crate) async fn poll(replica: usize, door: Door, history: Arc<History>, board: Arc<Board>) {
    let mut ticks = tokio::time::interval(POLL);
    loop {
        for _ in 0..2 {
            ticks.tick().await;
            let newest = board.brief.load(Ordering::SeqCst);
            let oldest = newest.saturating_sub(10).max(1);
            for brief in [newest.max(1), oldest] {
                let (asked, began) = (Timestamp::now(), Instant::now());
                let answer = door.check(&format!("brief-{brief}")).await;
                let body = answer.as_ref().map_or(&Value::Null, |(_, body)| body);
                history.answered(Answer {
                    replica,
                    asked,
                    took: began.elapsed(),
                    status: answer.as_ref().map(|(status, _)| status.as_u16()),
                    until: body["expires_at"]
                        .as_str()
                        .map(|text| text.parse().unwrap()),
                    stale: body["stale"] == true,
                });
            }
        }
    }
}
