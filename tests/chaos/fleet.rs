//! Replicas of the service, as processes, on one store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::service::{APP_TOKEN, OPERATOR_TOKEN, Service, WEBHOOK_SECRET, message};
use crate::until;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it may take to ask all replicas for everything.
const ASKING: Duration = Duration::from_secs(4);

/// Replicas of the service.
pub(crate) struct Fleet {
    pub(crate) replicas: Vec<Service>,
}

/// Sessions that live on.
pub(crate) struct Live {
    /// Their applications, and their ids.
    pub(crate) sessions: BTreeMap<String, String>,
    /// Longer than until then.
    pub(crate) beyond: Timestamp,
}

/// Where a replica is, for whoever talks to it.
#[derive(Clone)]
pub(crate) struct Door {
    url: Arc<str>,
    client: reqwest::Client,
}

impl Fleet {
    /// Starts a replica for each of these addresses of the store, and waits until all are ready.
    pub(crate) async fn start(stores: &[String]) -> Self {
        Self::start_with(stores, &[]).await
    }

    /// The same, with `variables` set besides.
    pub(crate) async fn start_with(stores: &[String], variables: &[(&str, &str)]) -> Self {
        let start = |store: &String| {
            let usual = [
                ("AUTOLOG_STORE", store.as_str()),
                ("AUTOLOG_TTL_MIN", "1s"),
                ("AUTOLOG_MAX_SESSIONS", "100000"),
                ("AUTOLOG_MAX_AUTOMATIC", "100000"),
                ("AUTOLOG_LOG", "autolog=debug,info"),
            ];
            Service::start(&[&usual, variables].concat())
        };
        let fleet = Self {
            replicas: stores.iter().map(start).collect(),
        };
        fleet.ready().await;
        fleet
    }

    /// Waits until every replica is ready.
    pub(crate) async fn ready(&self) {
        for replica in &self.replicas {
            until("ready", async || replica.admin("/readyz").await.0 == 200).await;
        }
    }

    pub(crate) fn doors(&self) -> Vec<Door> {
        self.replicas
            .iter()
            .map(|replica| Door::of(replica, true))
            .collect()
    }

    /// The sum of a metric over all replicas.
    pub(crate) async fn sum(&self, metric: &str) -> f64 {
        let mut sum = 0.0;
        for replica in &self.replicas {
            sum += replica.metric(metric).await;
        }
        sum
    }

    /// What the replicas say is live, once all of them say the same.
    ///
    /// What ends while they are asked is left out.
    pub(crate) async fn agreed(&self) -> (Live, Duration) {
        let mut all: Vec<BTreeMap<String, String>> = Vec::new();
        let mut beyond = Timestamp::now();
        let took = until("all replicas agree", async || {
            beyond = Timestamp::now() + ASKING;
            let doors = self.doors();
            let asked = join_all(doors.iter().map(|door| door.live(beyond))).await;
            all = asked.into_iter().flatten().collect();
            all.len() == doors.len() && all.windows(2).all(|pair| pair[0] == pair[1])
        })
        .await;
        let sessions = all.pop().unwrap();
        (Live { sessions, beyond }, took)
    }
}

impl Door {
    /// The door of a replica; every request comes on a connection of its own unless it `keeps` them.
    pub(crate) fn of(service: &Service, keeps: bool) -> Self {
        Self {
            url: service.url().into(),
            client: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(if keeps { usize::MAX } else { 0 })
                .timeout(PATIENCE)
                .build()
                .unwrap(),
        }
    }

    /// Asks; nothing if there was no answer, null if it had no body.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Option<(StatusCode, Value)> {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = request.bearer_auth(token);
        let request = body
            .into_iter()
            .fold(request, reqwest::RequestBuilder::json);
        let response = request.send().await.ok()?;
        let status = response.status();
        Some((status, response.json().await.unwrap_or(Value::Null)))
    }

    /// Posts as the operator.
    pub(crate) async fn post(&self, verb: &str, body: &Value) -> Option<(StatusCode, Value)> {
        let path = format!("/api/autolog/{verb}");
        self.ask(Method::POST, &path, OPERATOR_TOKEN, Some(body))
            .await
    }

    /// Is Alertmanager.
    pub(crate) async fn alert(&self, alerts: &[Value]) -> Option<(StatusCode, Value)> {
        let body = message(alerts);
        self.ask(
            Method::POST,
            "/webhook/autolog",
            WEBHOOK_SECRET,
            Some(&body),
        )
        .await
    }

    /// Polls.
    pub(crate) async fn check(&self, app: &str) -> Option<(StatusCode, Value)> {
        let path = format!("/api/autolog/check?app={app}&environment=production");
        self.ask(Method::GET, &path, APP_TOKEN, None).await
    }

    /// Every session that lives on beyond an instant: its application and its id.
    async fn live(&self, beyond: Timestamp) -> Option<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/autolog/list?limit=1000{cursor}");
            let (status, page) = self.ask(Method::GET, &path, OPERATOR_TOKEN, None).await?;
            assert_eq!(status, 200, "{page}");
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let lives_on = |session: &&Value| {
                text(&session["expires_at"]).parse::<Timestamp>().unwrap() > beyond
            };
            let sessions = page["sessions"].as_array().unwrap().iter().filter(lives_on);
            found.extend(sessions.map(|session| (text(&session["app"]), text(&session["id"]))));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={}", escaped(next)),
                None => return Some(found),
            }
        }
    }
}

/// Escapes what a query cannot carry as it is.
fn escaped(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        write!(escaped, "%{byte:02X}").unwrap();
        escaped
    })
}

/// Every series of a metric of a replica, and its value.
pub(crate) async fn family(replica: &Service, name: &str) -> BTreeMap<String, f64> {
    let text = replica.admin("/metrics").await.1;
    let of_family = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let rest = series.strip_prefix(name)?;
        let is_it = rest.is_empty() || rest.starts_with('{');
        is_it.then_some((series.to_owned(), value.parse().ok()?))
    };
    text.lines().filter_map(of_family).collect()
}
