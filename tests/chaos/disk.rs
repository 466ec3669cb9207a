//! A disk that is full under the embedded store: F16.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::service::{SOON, Service};
use crate::{figure, until};

/// How large the disk is: the store's file, and a little.
const SIZE: &str = "8m";
/// No write may take longer to be refused.
const REFUSED: Duration = Duration::from_millis(1_250);
/// No answer may say that a session is live for longer than this after its end.
const LATE: Duration = Duration::from_secs(1);

/// A small disk of its own for the data of a service; taken away when dropped.
struct Disk {
    directory: Arc<TempDir>,
}

impl Disk {
    /// Mounts one, or tells why that is not possible.
    fn mount() -> Result<Self, String> {
        let directory = Arc::new(TempDir::new().unwrap());
        let data = directory.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let options = format!("size={SIZE},mode=0700");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&data)
            .output();
        match output {
            Ok(output) if output.status.success() => Ok(Self { directory }),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn ballast(&self) -> PathBuf {
        self.data().join("ballast")
    }

    /// Leaves no room on it.
    fn fill(&self) {
        use std::io::Write;
        let mut ballast = std::fs::File::create(self.ballast()).unwrap();
        while ballast.write_all(&[0; 4_096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.data()).status();
        assert!(unmounted.unwrap().success());
    }
}

/// The service on such a disk, and what it has acknowledged. The service is gone before its disk is.
struct World {
    service: Service,
    acknowledged: BTreeMap<String, String>,
    number: u32,
    disk: Disk,
}

impl World {
    async fn start(disk: Disk) -> Self {
        let variables = [
            ("AUTOLOG_TTL_MIN", "1s"),
            ("AUTOLOG_MAX_SESSIONS", "100000"),
        ];
        let service = Service::start_in(Arc::clone(&disk.directory), &variables);
        until("ready", async || service.admin("/readyz").await.0 == 200).await;
        Self {
            service,
            acknowledged: BTreeMap::new(),
            number: 0,
            disk,
        }
    }

    /// Asks for one more session of an hour, and tells whether that was acknowledged and how long it took.
    async fn enable(&mut self) -> (bool, Duration) {
        self.number += 1;
        let app = format!("app-{}", self.number);
        let body = json!({
            "app": app, "environment": "production", "ttl_seconds": 3_600, "reason": "x".repeat(500),
        });
        let began = Instant::now();
        let (status, answer) = self.service.post("/api/autolog/enable", &body).await;
        if status == 200 {
            let id = answer["session"]["id"].as_str().unwrap().to_owned();
            self.acknowledged.insert(app, id);
        } else {
            assert_eq!(status, 503, "F16: {answer}");
        }
        (status == 200, began.elapsed())
    }

    /// Fails unless every session that was acknowledged is live.
    async fn has_everything(&self) {
        for (app, id) in &self.acknowledged {
            let answer = self.service.check(app, "production").await;
            let found = (&answer["enabled"], &answer["session_id"]);
            assert_eq!(found, (&json!(true), &json!(id)), "F16: {app}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_a_disk_that_is_full_refuses_writes_and_nothing_else() {
    let disk = match Disk::mount() {
        Ok(disk) => disk,
        Err(reason) => {
            println!("NOT CHECKED: F16 a full disk, since none can be mounted: {reason}");
            return;
        }
    };
    let mut world = World::start(disk).await;
    for _ in 0..50 {
        assert!(world.enable().await.0);
    }
    let brief = json!({"app": "brief", "environment": "production", "ttl_seconds": 3});
    let (status, opened) = world.service.post("/api/autolog/enable", &brief).await;
    assert_eq!(status, 200, "{opened}");
    let end: Timestamp = text(&opened["session"]["expires_at"]).parse().unwrap();

    world.disk.fill();
    world.is_full(end).await;
    world.disk.free();
    world.is_free_again().await;
    world.is_killed_on_the_full_disk().await;
    println!(
        "F16: {} acknowledged and kept, also by a kill on the full disk",
        world.acknowledged.len()
    );
}

impl World {
    async fn is_full(&mut self, end: Timestamp) {
        let (mut refused, mut slowest, mut taken) = (0, Duration::ZERO, 0);
        let began = Instant::now();
        // what the file has free within it may be used up first
        while refused < 50 {
            let (is_acknowledged, took) = self.enable().await;
            if is_acknowledged {
                taken += 1;
            } else {
                refused += 1;
                slowest = slowest.max(took);
            }
            assert!(
                began.elapsed() < Duration::from_mins(1),
                "F16: no write is refused"
            );
        }
        println!("F16: {taken} writes more were taken on the full disk, then {refused} refused");
        figure("F16", "a write is refused after, at most", slowest, REFUSED);
        let late = ends(&self.service, end).await;
        figure("F16", "a session ends late by, at most", late, LATE);
        self.has_everything().await;
        assert_eq!(self.service.admin("/livez").await.0, 200);
        assert_eq!(self.service.admin("/readyz").await.0, 200);
        println!(
            "F16: /healthz answers {}, autolog_store_up is {}",
            self.service.admin("/healthz").await.0,
            self.service.metric("autolog_store_up").await
        );
    }

    async fn is_free_again(&mut self) {
        let freed = Instant::now();
        while !self.enable().await.0 {
            assert!(freed.elapsed() < SOON, "F16: no write is taken");
            tokio::time::sleep(Duration::from_millis(10)).await; // polls until the deadline
        }
        let took = freed.elapsed();
        figure("F16", "writes again after", took, Duration::from_secs(2));
        self.has_everything().await;
    }

    async fn is_killed_on_the_full_disk(&mut self) {
        self.disk.fill();
        while self.enable().await.0 {}
        self.service.kill();
        self.disk.free();
        self.service.restart();
        let service = &self.service;
        until("ready", async || service.admin("/readyz").await.0 == 200).await;
        self.has_everything().await;
        assert!(self.enable().await.0);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Polls the brief session until it has ended; tells how long after its end it was still told of.
async fn ends(service: &Service, end: Timestamp) -> Duration {
    let mut latest = Duration::ZERO;
    loop {
        let asked = Timestamp::now();
        if service.check("brief", "production").await["enabled"] == false {
            return latest;
        }
        latest = Duration::try_from(asked.duration_since(end)).unwrap_or_default();
        assert!(latest < SOON, "F16: it lives on");
    }
}
