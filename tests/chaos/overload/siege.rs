//! A service under attack, and those who poll it meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpStream;

use crate::fleet::{Door, family};
use crate::history::Answer;
use crate::run::p99;
use crate::service::{APP_TOKEN, Service};
use crate::{figure, until};

/// A poll may take as long as this for one in a hundred; the attackers share the processors with the service.
const ANSWERED: Duration = Duration::from_millis(250);
/// How often each poller asks.
const POLL: Duration = Duration::from_millis(10);
/// How often the service's memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// What a service holds may grow by this for reasons that are no attack's: buffers, arenas, first uses.
pub(super) const USUAL: u64 = 24 << 20;

/// How many series a status has that a route answers for the first time.
pub(super) const STATUS: usize = 15;

/// A service under attack.
pub(super) struct Siege {
    pub(super) service: Service,
    row: &'static str,
    before: Cost,
    over: Arc<AtomicBool>,
    pollers: Vec<std::thread::JoinHandle<Vec<Answer>>>,
    look: std::thread::JoinHandle<Peak>,
}

/// What a service costs at one moment.
struct Cost {
    resident: u64,
    series: usize,
    refused: BTreeMap<String, f64>,
}

/// What it cost at most.
#[derive(Default)]
struct Peak {
    resident: u64,
    files: usize,
}

/// What an attack may cost.
pub(super) struct Allowed {
    bytes: u64,
    series: usize,
    /// How long one poll of a hundred may take.
    poll: Duration,
}

impl Allowed {
    /// Memory may grow by so many bytes, and the metrics by so many series.
    pub(super) const fn of(bytes: u64, series: usize) -> Self {
        let poll = ANSWERED;
        Self {
            bytes,
            series,
            poll,
        }
    }

    /// One poll of a hundred may take this long.
    pub(super) const fn within(self, poll: Duration) -> Self {
        Self { poll, ..self }
    }
}

impl Siege {
    /// Starts a service with one live session, and polls it on one connection and on ever new ones.
    pub(super) async fn begin(row: &'static str, variables: &[(&str, &str)]) -> Self {
        let service = Service::start(variables);
        until("ready", async || service.admin("/readyz").await.0 == 200).await;
        let body = json!({"app": "shop", "environment": "production"});
        assert_eq!(service.post("/api/autolog/enable", &body).await.0, 200);
        service.check("shop", "production").await;
        let over = Arc::new(AtomicBool::new(false));
        let before = Cost::of(&service).await;
        let pollers = [true, false].map(|keeps| {
            let (door, over) = (Door::of(&service, keeps), Arc::clone(&over));
            std::thread::spawn(move || poll(&door, &over))
        });
        let (process, until_over) = (service.id(), Arc::clone(&over));
        Self {
            look: std::thread::spawn(move || look(process, &until_over)),
            service,
            row,
            before,
            over,
            pollers: pollers.into(),
        }
    }

    /// Opens a connection to the service.
    pub(crate) async fn connect(&self) -> TcpStream {
        connect(self.service.url()).await.unwrap()
    }

    /// How many requests or connections were refused for this reason since the beginning.
    pub(super) async fn refused(&self, reason: &str) -> f64 {
        let series = format!("autolog_http_refused_total{{reason=\"{reason}\"}}");
        let before = self.before.refused.get(&series).copied();
        self.service.metric(&series).await - before.unwrap_or_default()
    }

    /// Ends it, and fails unless every poll was answered in time and the attack has cost no more than is allowed.
    pub(super) async fn end(self, allowed: Allowed) -> Service {
        let Self { row, before, .. } = self;
        self.over.store(true, Ordering::SeqCst);
        let mut answers = Vec::new();
        for poller in self.pollers {
            answers.extend(poller.join().unwrap());
        }
        let peak = self.look.join().unwrap();
        let after = Cost::of(&self.service).await;
        let good = answers
            .iter()
            .filter(|answer| answer.status == Some(200))
            .count();
        println!(
            "{row}: {good} of {} polls answered 200; memory {} before, {} at most, {} after; {} files at most; {} series of metrics before, {} after",
            answers.len(),
            mebibytes(before.resident),
            mebibytes(peak.resident),
            mebibytes(after.resident),
            peak.files,
            before.series,
            after.series
        );
        for (series, count) in &after.refused {
            let more = count - before.refused.get(series).copied().unwrap_or_default();
            if more > 0.0 {
                println!("{row}: {series} rose by {more}");
            }
        }
        let failed = answers.iter().find(|answer| answer.status != Some(200));
        assert!(failed.is_none(), "{row}: a poll failed: {failed:?}");
        assert!(!answers.is_empty());
        figure(row, "p99 of a poll meanwhile", p99(&answers), allowed.poll);
        let grown = peak.resident.saturating_sub(before.resident);
        assert!(
            grown <= allowed.bytes,
            "{row}: memory grew by {}, and may by {}",
            mebibytes(grown),
            mebibytes(allowed.bytes)
        );
        assert!(
            after.series <= before.series + allowed.series,
            "{row}: {} series of metrics",
            after.series
        );
        self.service
    }
}

impl Cost {
    async fn of(service: &Service) -> Self {
        let text = service.admin("/metrics").await.1;
        Self {
            resident: resident(service.id()).unwrap(),
            series: text.lines().filter(|line| !line.starts_with('#')).count(),
            refused: family(service, "autolog_http_refused_total").await,
        }
    }
}

/// Opens a connection to where the URL points.
pub(crate) async fn connect(url: &str) -> std::io::Result<TcpStream> {
    TcpStream::connect(url.strip_prefix("http://").unwrap()).await
}

/// A poll as the bytes that an application sends.
pub(super) fn poll_of(app: &str) -> String {
    format!(
        "GET /api/autolog/check?app={app}&environment=production HTTP/1.1\r\nhost: autolog\r\n\
         authorization: Bearer {APP_TOKEN}\r\n\r\n"
    )
}

/// The head of a request with a body of this length.
pub(super) fn post_of(path: &str, secret: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: autolog\r\nauthorization: Bearer {secret}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// How many bytes of memory the process has, if it is there.
pub(crate) fn resident(process: u32) -> Option<u64> {
    const PAGE: u64 = 4_096;
    let text = std::fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    Some(text.split(' ').nth(1)?.parse::<u64>().ok()? * PAGE)
}

/// How many files the process has open.
pub(crate) fn files(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, (bytes >> 10) % 1_024 * 10 / 1_024)
}

/// Polls on a thread of its own, so that no attacker stands in its way.
fn poll(door: &Door, over: &AtomicBool) -> Vec<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut answers = Vec::new();
        let mut ticks = tokio::time::interval(POLL);
        while !over.load(Ordering::SeqCst) {
            ticks.tick().await;
            let (asked, began) = (Timestamp::now(), Instant::now());
            let answer = door.check("shop").await;
            answers.push(Answer {
                replica: 0,
                asked,
                took: began.elapsed(),
                status: answer.as_ref().map(|(status, _)| status.as_u16()),
                until: None,
                stale: answer.is_some_and(|(_, body)| body["stale"] == true),
            });
        }
        answers
    })
}

fn look(process: u32, over: &AtomicBool) -> Peak {
    let mut peak = Peak::default();
    while !over.load(Ordering::SeqCst) {
        peak.resident = peak.resident.max(resident(process).unwrap_or_default());
        peak.files = peak.files.max(files(process));
        std::thread::sleep(LOOK); // between two looks
    }
    peak
}
