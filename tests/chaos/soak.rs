//! Steady load for long, with a fault a minute: nothing may grow.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use autolog::store::redis::Endpoint;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::backend::{Server, within};
use crate::chance::Chance;
use crate::fleet::{Door, Fleet};
use crate::lasts;
use crate::overload::siege::{connect, files, mebibytes, resident};
use crate::run::{Losses, Run};
use crate::service::APP_TOKEN;
use crate::topology::{address, free_port, local};

/// How long sessions last: so short that as many end as open.
const SESSION: u64 = 20;
const FAULT: Duration = Duration::from_mins(1);
/// How often everything is measured.
const LOOK: Duration = Duration::from_secs(2);
/// The replica that stands still now and then.
const STANDS_STILL: usize = 2;
/// For so long Redis remembers each operation, so that its memory grows until then.
const REMEMBERED: Duration = Duration::from_mins(10);
/// The feed is trimmed to about 10,000 entries, in whole nodes of the stream.
const FEED: u64 = 11_000;

/// What is measured at one moment.
struct Sample {
    at: Duration,
    /// Of each replica: bytes of memory, open files, threads.
    replicas: Vec<[u64; 3]>,
    /// Of Redis: bytes of memory, length of the feed. None while it is away.
    redis: Option<[u64; 2]>,
}

/// How many minutes it goes on; not at all if nobody says so.
fn minutes() -> Option<u64> {
    let text = std::env::var("AUTOLOG_CHAOS_MINUTES").ok()?;
    Some(text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn nothing_grows_under_steady_load_and_a_fault_a_minute() {
    let Some(minutes) = minutes() else {
        println!(
            "NOT CHECKED: that nothing grows in the long run, which make chaos AUTOLOG_CHAOS_MINUTES=30 does"
        );
        return;
    };
    let length = Duration::from_mins(minutes);
    let (mut server, mut run) = start().await;
    run.excuse(STANDS_STILL);
    let mut load = load(&run);
    let (mut chance, mut samples) = (Chance::new(), Vec::new());
    let (began, mut faults) = (Instant::now(), 0);
    while began.elapsed() < length {
        samples.push(Sample::of(&run, &server, began.elapsed()));
        lasts(LOOK).await;
        if began.elapsed() > FAULT * faults + FAULT / 2 {
            faults += 1;
            samples[samples.len() - 1].tell();
            fault(chance.below(6), &mut server, &run).await;
            run.writes_again().await;
        }
    }
    load.shutdown().await;
    println!("soak: {faults} faults in {minutes} minutes");
    judge(&samples, length);
    run.judge("soak", Losses::None).await;
}

async fn start() -> (Server, Run) {
    let port = free_port();
    let server = Server::on_port(port, &["--appendonly", "yes", "--appendfsync", "always"]);
    within(Duration::from_secs(20), || server.answers());
    let store = format!("redis://127.0.0.1:{port}");
    let variables = [
        ("AUTOLOG_TTL", "20s"),
        ("AUTOLOG_ERROR_WINDOW", "10s"),
        ("AUTOLOG_LOG", "warn,autolog::app=info"),
    ];
    let fleet = Fleet::start_with(&[store.clone(), store.clone(), store], &variables).await;
    let run = Run::with_brief_sessions_of(SESSION, fleet, address(Endpoint::Tcp(local(port))));
    run.warm_up().await;
    (server, run)
}

/// What the writers and the pollers do not do: reports of errors, under ever new names, and watchers that come and go.
fn load(run: &Run) -> JoinSet<()> {
    let mut load = JoinSet::new();
    for (number, door) in run.fleet.doors().into_iter().enumerate() {
        load.spawn(report(number, door));
        load.spawn(watch(run.fleet.replicas[number].url().into()));
    }
    load
}

#[expect(clippy::infinite_loop, reason = "whoever runs it drops it")]
async fn report(number: usize, door: Door) {
    let mut reported = 0_u64;
    loop {
        reported += 1;
        let app = format!("failing-{number}-{reported}");
        let event = json!({"app": app, "environment": "production", "count": 3});
        let _may_be_away = door.post("errors", &json!({"events": [event]})).await;
        tokio::time::sleep(Duration::from_millis(50)).await; // the pace of the load
    }
}

#[expect(clippy::infinite_loop, reason = "whoever runs it drops it")]
async fn watch(url: Arc<str>) {
    loop {
        let watched: std::io::Result<TcpStream> = async {
            let mut stream = connect(&url).await?;
            let head = format!(
                "GET /api/autolog/watch?app=shop&environment=production HTTP/1.1\r\nhost: autolog\r\n\
                 authorization: Bearer {APP_TOKEN}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
            stream.read_u8().await?;
            Ok(stream)
        }
        .await;
        tokio::time::sleep(Duration::from_millis(200)).await; // how long it is watched
        drop(watched);
    }
}

async fn fault(which: u64, server: &mut Server, run: &Run) {
    let length = Duration::from_secs(3);
    println!("soak: fault {which}");
    match which {
        0 => {
            server.kill();
            lasts(length).await;
            server.restart();
        }
        1 => {
            server.pause();
            lasts(length).await;
            server.resume();
        }
        2 => {
            run.fleet.replicas[STANDS_STILL].signal("STOP");
            lasts(length).await;
            run.fleet.replicas[STANDS_STILL].signal("CONT");
        }
        3 => drop(server.run::<u64>("CLIENT KILL TYPE normal")),
        4 => drop(server.run::<String>("SCRIPT FLUSH")),
        _ => drop(server.run::<u64>("XTRIM {al}:feed MAXLEN 100")),
    }
}

impl Sample {
    fn of(run: &Run, server: &Server, at: Duration) -> Self {
        let replicas = run.fleet.replicas.iter().map(|replica| {
            let process = replica.id();
            let open = u64::try_from(files(process)).unwrap();
            [resident(process).unwrap(), open, threads(process)]
        });
        Self {
            at,
            replicas: replicas.collect(),
            redis: redis(server),
        }
    }
}

impl Sample {
    fn tell(&self) {
        let memory = self.replicas.iter().map(|replica| mebibytes(replica[0]));
        let memory = memory.collect::<Vec<_>>().join(", ");
        let [redis, feed] = self.redis.unwrap_or_default();
        println!(
            "soak: after {:.0?}: replicas {memory}; Redis {}, {feed} in the feed",
            self.at,
            mebibytes(redis)
        );
    }
}

fn threads(process: u32) -> u64 {
    let tasks = Path::new("/proc").join(process.to_string()).join("task");
    u64::try_from(std::fs::read_dir(tasks).unwrap().count()).unwrap()
}

fn redis(server: &Server) -> Option<[u64; 2]> {
    let words = |line: &str| crate::backend::words(line);
    let told: String = server.try_run(&words("INFO memory")).ok()?;
    let mut lines = told.lines();
    let used = lines.find_map(|line| line.strip_prefix("used_memory:"))?;
    let feed = server.try_run(&words("XLEN {al}:feed")).ok()?;
    Some([used.trim().parse().ok()?, feed])
}

/// Compares the first quarter after the warm-up with the last one.
///
/// The warm-up is two fifths of the run, or more if Redis would still be filling up then.
fn judge(samples: &[Sample], length: Duration) {
    let full = REMEMBERED + LOOK * 5;
    let warm_up = (length * 2 / 5).max(full.min(length * 3 / 5));
    let warm: Vec<_> = samples
        .iter()
        .filter(|sample| sample.at > warm_up)
        .collect();
    let quarter = warm.len() / 4;
    let (first, last) = (&warm[..quarter], &warm[warm.len() - quarter..]);
    let compare =
        |what: &str, of: &dyn Fn(&Sample) -> Option<u64>, by: u64, unit: fn(u64) -> String| {
            let (before, after) = (median(first, of), median(last, of));
            println!(
                "soak: {what}: {} in the first quarter, {} in the last (may grow by {})",
                unit(before),
                unit(after),
                unit(by)
            );
            assert!(after <= before + by, "soak: {what} grows");
        };
    let number = |number: u64| number.to_string();
    for replica in 0..3 {
        let of = |index: usize| move |sample: &Sample| Some(sample.replicas[replica][index]);
        compare(
            &format!("memory of replica {replica}"),
            &of(0),
            8 << 20,
            mebibytes,
        );
        compare(&format!("files of replica {replica}"), &of(1), 8, number);
        compare(&format!("threads of replica {replica}"), &of(2), 2, number);
    }
    if warm_up > REMEMBERED {
        let of = |sample: &Sample| Some(sample.redis?[0]);
        compare("memory of Redis", &of, 8 << 20, mebibytes);
    } else {
        println!(
            "NOT CHECKED: soak: memory of Redis, which grows for the first {REMEMBERED:?}: run it for twenty minutes"
        );
    }
    let longest = samples
        .iter()
        .filter_map(|sample| Some(sample.redis?[1]))
        .max();
    let longest = longest.unwrap_or_default();
    println!("soak: the feed had at most {longest} entries (promised {FEED})");
    assert!(longest <= FEED, "soak: the feed grows");
}

fn median(samples: &[&Sample], of: &dyn Fn(&Sample) -> Option<u64>) -> u64 {
    let mut values: Vec<u64> = samples.iter().filter_map(|sample| of(sample)).collect();
    values.sort_unstable();
    values[values.len() / 2]
}
