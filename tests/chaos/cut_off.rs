//! A replica that never hears of its store again: F27.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use crate::fleet::Door;
use crate::run::Losses;
use crate::service::Service;
use crate::wires::Wired;
use crate::{figure, until};

/// How long the sessions last that end while the replica is cut off, in seconds.
const LENGTH: u64 = 8;
/// A replica ends a session early by as much as its store took to tell it the time, on a busy machine.
const EARLY: Duration = Duration::from_millis(500);
/// No answer may say that a session is live for longer than this after its end.
const LATE: Duration = Duration::from_secs(1);

/// What the cut-off replica says of the sessions that it knew.
#[derive(Default)]
struct Seen {
    /// How often it said of a live session that it is live.
    live: usize,
    /// How often it said so, and that it may be wrong.
    live_and_stale: usize,
    /// How long after its end it said so at the latest.
    latest: Duration,
    /// How many sessions it has ended.
    ended: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "only in make chaos"]
async fn f27_a_replica_that_is_cut_off_for_ever_says_so_and_ends_every_session_on_time() {
    let Wired {
        server: _server,
        wires,
        mut run,
    } = Wired::start(LENGTH).await;
    let alone = &run.fleet.replicas[2];
    let door = run.fleet.doors().remove(2);
    until("sessions of every age", async || {
        ending(alone).await.len() > 50
    })
    .await;
    wires[2].cut();
    let cut = Timestamp::now();
    let seen = watch_them_end(&door, ending(alone).await).await;
    println!(
        "F27: {} sessions ended while it was cut off; it said {} times that one is live, {} times that this may be wrong",
        seen.ended, seen.live, seen.live_and_stale
    );
    figure(
        "F27",
        "says that a session is live after its end, at most",
        seen.latest,
        LATE,
    );
    assert!(seen.ended >= 20, "F27: {} sessions ended", seen.ended);
    assert!(seen.live_and_stale > 0, "F27: none lived on while stale");
    assert!(ending(alone).await.is_empty(), "F27: some are listed still");
    assert_eq!(alone.admin("/readyz").await.0, 200);
    assert_eq!(alone.admin("/livez").await.0, 200);
    assert_eq!(alone.admin("/healthz").await.0, 503);
    assert!(alone.metric("autolog_store_up").await < 0.5);
    let answers = run.history.answers();
    let mine = || {
        answers
            .iter()
            .filter(|answer| answer.replica == 2 && answer.asked > cut)
    };
    let marked = mine().find(|answer| answer.stale).unwrap();
    let after = Duration::try_from(marked.asked.duration_since(cut)).unwrap();
    figure(
        "F27",
        "answers are marked stale after",
        after,
        Duration::from_secs(6),
    );
    let unmarked = mine()
        .filter(|answer| answer.asked > marked.asked && !answer.stale)
        .count();
    assert_eq!(
        unmarked, 0,
        "F27: answers that do not say that they are stale"
    );
    assert!(mine().all(|answer| answer.status == Some(200)));
    wires[2].mend();
    run.excuse(2);
    run.judge("F27", Losses::None).await;
}

/// The sessions of the writers that this replica lists, and their ends.
async fn ending(replica: &Service) -> BTreeMap<String, Timestamp> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sessions = replica.sessions().await.into_iter();
    let written = sessions.filter(|session| text(&session["app"]).starts_with('w'));
    written
        .map(|session| {
            (
                text(&session["app"]),
                text(&session["expires_at"]).parse().unwrap(),
            )
        })
        .collect()
}

/// Asks the replica about these sessions until it has ended every one of them.
async fn watch_them_end(door: &Door, mut open: BTreeMap<String, Timestamp>) -> Seen {
    let mut seen = Seen::default();
    until("every session has ended", async || {
        let asked = open.keys().map(async |app| {
            let before = Timestamp::now();
            let (status, body) = door.check(app).await.unwrap();
            assert_eq!(status, 200, "F27: {body}");
            (app.clone(), before, body)
        });
        for (app, before, body) in join_all(asked).await {
            let end = open[&app];
            if body["enabled"] == true {
                seen.live += 1;
                seen.live_and_stale += usize::from(body["stale"] == true);
                let after = Duration::try_from(before.duration_since(end)).unwrap_or_default();
                seen.latest = seen.latest.max(after);
            } else {
                assert!(
                    Timestamp::now() + EARLY >= end,
                    "F27: {app} ended before {end}"
                );
                seen.ended += 1;
                open.remove(&app);
            }
        }
        open.is_empty()
    })
    .await;
    seen
}
