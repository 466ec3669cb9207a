//! What a replica has seen is told from what another history has, whatever else stands in the feed.

use std::collections::HashSet;

use autolog::domain::book::Book;
use autolog::domain::operation::{Operation, Selection};
use autolog::domain::policy::Policy;
use autolog::store::{Position, Store};

use super::{alert, apply, assert_unavailable, disable, enable, list};
use crate::backend::Server;

const NONE: [&Position; 0] = [];

/// Which of `seen` the history up to `found` has lost.
async fn lost<'seen>(
    store: &dyn Store,
    seen: &[&'seen Position],
    found: &Position,
) -> Vec<&'seen Position> {
    let owned: Vec<Position> = seen.iter().copied().cloned().collect();
    let lost = store.lost(&owned, found).await.unwrap();
    let lost: HashSet<Position> = lost.into_iter().collect();
    let seen = seen.iter().copied();
    seen.filter(|seen| lost.contains(seen)).collect()
}

/// The same place in a history that was written anew.
fn elsewhere(position: &Position) -> Position {
    Position {
        chain: "another history of the same length".to_owned(),
        ..position.clone()
    }
}

#[tokio::test]
async fn another_history_is_told_from_the_one_that_was_seen_however_far_it_has_come() {
    let mut server = Server::start(&["--appendonly", "no"]);
    let store = server.store();
    list(&store).await;
    apply(&store, &enable("kept")).await;
    server.run::<String>("SAVE");
    let kept = list(&store).await.position;
    apply(&store, &enable("lost")).await;
    let seen = list(&store).await.position;
    assert_eq!(lost(&store, &[&kept], &seen).await, NONE);
    server.kill();
    server.restart();
    // notices that the connection of before is gone
    assert_unavailable(&store.list(&Book::default()).await);

    let fewer = list(&store).await.position;
    assert_eq!(lost(&store, &[&kept], &fewer).await, NONE);
    assert_eq!(lost(&store, &[&seen], &fewer).await, [&seen]);
    apply(&store, &enable("other")).await;
    let as_many = list(&store).await.position;
    assert_eq!(as_many.seq, seen.seq);
    assert_eq!(lost(&store, &[&seen], &as_many).await, [&seen]);
    apply(&store, &enable("another")).await;
    let more = list(&store).await.position;
    assert_eq!(lost(&store, &[&seen], &more).await, [&seen]);
    assert_eq!(lost(&store, &[&kept], &more).await, NONE);
    let all = lost(&store, &[&kept, &seen, &more], &more).await;
    assert_eq!(all, [&seen], "and no other");
    server.run::<String>("FLUSHALL");
    let emptied = list(&store).await.position;
    assert_eq!(lost(&store, &[&more], &emptied).await, [&more]);
}

#[tokio::test]
async fn entries_that_are_not_ours_tell_nothing_and_hide_nothing() {
    let server = Server::start(&[]);
    let store = server.store();
    list(&store).await;
    apply(&store, &enable("first")).await;
    let seen = list(&store).await.position;
    for entry in [
        "some thing".to_owned(),
        format!("epoch {} seq many chain x op put payload x", seen.epoch),
        format!("epoch other seq {} chain x op put payload x", seen.seq + 1),
    ] {
        server.run::<String>(&format!("XADD {{al}}:feed * {entry}"));
    }
    apply(&store, &enable("second")).await;
    server.run::<String>("XADD {al}:feed * some thing");
    let found = list(&store).await.position;
    let other = elsewhere(&seen);
    assert_eq!(lost(&store, &[&seen, &other], &found).await, [&other]);
}

#[tokio::test]
async fn a_place_more_than_a_page_behind_is_judged_as_well() {
    let server = Server::start(&[]);
    let mut policy = Policy::default();
    policy.caps.automatic = 1_000;
    let store = server.store_with(policy);
    list(&store).await;
    apply(&store, &enable("first")).await;
    let seen = list(&store).await.position;
    let alerts = (0..700).map(|index| alert(&format!("app-{index}"), "1"));
    apply(&store, &Operation::Observe(alerts.collect())).await;
    let between = list(&store).await.position;
    apply(&store, &disable(Selection::Everything)).await;
    let found = list(&store).await.position;
    assert_eq!(found.seq, seen.seq + 1_401);
    let others = [elsewhere(&seen), elsewhere(&between)];
    let asked = [&seen, &others[0], &between, &others[1]];
    assert_eq!(lost(&store, &asked, &found).await, [&others[0], &others[1]]);
}
