//! A Redis behind Sentinels: the primary is followed wherever it goes.

use std::time::Instant;

use autolog::domain::book::Book;
use autolog::domain::outcome::Outcome;
use autolog::store::Store;
use autolog::store::redis::{Endpoint, Login};
use secrecy::SecretString;

use super::address::admit;
use super::failover::{FAILOVER, store_at, tended, until_it_works};
use super::{assert_unavailable, at_once, enable, list, outcome, target};
use crate::backend::{Server, within};
use crate::topology::Sentinels;

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_is_followed_when_it_dies_and_when_it_comes_back_from_a_pause() {
    let mut sentinels = Sentinels::start(&[], "");
    let store = tended(sentinels.address());
    list(&*store).await;
    assert_eq!(outcome(&*store, &enable("before")).await, Outcome::Opened);
    within(FAILOVER, || sentinels.servers[0].is_replicated());

    sentinels.servers[0].kill();
    let outage = until_it_works(&store, "after-the-kill").await;
    println!("killed: writes again after {outage:?}");
    let book = list(&*store).await.book;
    assert!(book.record(&target("before")).is_some());
    assert_eq!(sentinels.servers[1].run::<i64>("HLEN {al}:records"), 2);

    sentinels.servers[0].restart();
    let follows = |server: &Server| {
        server
            .run::<String>("INFO replication")
            .contains("master_link_status:up")
    };
    within(FAILOVER, || follows(&sentinels.servers[0]));
    assert_eq!(sentinels.primary(), Some(1));

    // The new primary stands still; when it goes on it believes for a while that it is the primary still.
    sentinels.servers[1].pause();
    let outage = until_it_works(&store, "after-the-pause").await;
    println!("paused: writes again after {outage:?}");
    sentinels.servers[1].resume();
    for index in 0..20 {
        let opened = at_once(&*store, &enable(&format!("later-{index}"))).await;
        assert_eq!(opened, Outcome::Opened);
    }
    assert_eq!(sentinels.servers[0].run::<i64>("HLEN {al}:records"), 23);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_primary_that_nobody_told_is_left_within_seconds() {
    let sentinels = Sentinels::start(&[], "");
    let store = tended(sentinels.address());
    let position = list(&*store).await.position;
    assert_eq!(outcome(&*store, &enable("before")).await, Outcome::Opened);
    assert!(!store.changes(&position).await.unwrap().is_empty());
    within(FAILOVER, || sentinels.servers[0].is_replicated());
    // Another server has taken over, and the old one still says that it is a primary, as after a partition.
    sentinels.servers[1].run::<String>("REPLICAOF NO ONE");
    for sentinel in &sentinels.watchers {
        sentinel.run::<String>("SENTINEL REMOVE main");
        let port = sentinels.port(1);
        sentinel.run::<String>(&format!("SENTINEL MONITOR main 127.0.0.1 {port} 2"));
    }
    assert_eq!(connected(&sentinels.servers[0]), 2);
    within(FAILOVER, || connected(&sentinels.servers[0]) == 0);
    until_it_works(&store, "after").await;
    assert_eq!(sentinels.servers[1].run::<i64>("HLEN {al}:records"), 2);
    assert_eq!(sentinels.servers[0].run::<i64>("HLEN {al}:records"), 1);
}

/// How many connections a server has from autolog: not from Sentinels, and not the one that asks, on a Unix socket.
fn connected(server: &Server) -> usize {
    let clients: String = server.run("CLIENT LIST TYPE normal");
    let others = ["name=sentinel-", "/socket:0"];
    let ours = |line: &&str| !others.iter().any(|other| line.contains(other));
    clients.lines().filter(ours).count()
}

#[tokio::test]
async fn servers_and_sentinels_each_get_their_own_user_and_need_no_more_than_is_documented() {
    let sentinels = Sentinels::start(&[], "");
    for server in &sentinels.servers {
        admit(server);
    }
    for sentinel in &sentinels.watchers {
        let rights =
            "on >another-fake-password -@all +sentinel|master +sentinel|get-master-addr-by-name";
        sentinel.run::<String>(&format!("ACL SETUSER watcher {rights}"));
    }
    let login = |user: &str, password: &str| Login {
        username: Some(user.to_owned()),
        password: Some(SecretString::from(password)),
    };
    let mut address = sentinels.address();
    address.login = login("autolog", "not-a-real-password");
    address.sentinel_login = login("watcher", "another-fake-password");
    let careful = store_at(address.clone());
    list(&careful).await;
    assert_eq!(outcome(&careful, &enable("shop")).await, Outcome::Opened);
    for servers in [&sentinels.servers, &sentinels.watchers] {
        for server in servers {
            let refused: Vec<redis::Value> = server.run("ACL LOG");
            assert!(refused.is_empty(), "{refused:?}");
        }
    }
    address.sentinel_login = login("watcher", "not-the-password");
    let error = store_at(address).list(&Book::default()).await.unwrap_err();
    assert!(!format!("{error:?}").contains("not-the-password"));
    assert_unavailable::<()>(&Err(error));
}

#[tokio::test]
async fn a_name_that_the_sentinels_do_not_know_is_an_unavailable_store() {
    let sentinels = Sentinels::start(&[], "");
    let mut address = sentinels.address();
    if let Endpoint::Sentinel { primary, .. } = &mut address.endpoint {
        "nobody".clone_into(primary);
    }
    let error = store_at(address).list(&Book::default()).await.unwrap_err();
    assert!(format!("{error:?}").contains("No such master"), "{error:?}");
}

#[tokio::test]
async fn sentinels_that_are_down_or_hang_are_done_without() {
    let mut sentinels = Sentinels::start(&[], "");
    sentinels.watchers[0].kill();
    sentinels.watchers[1].pause();
    let store = store_at(sentinels.address());
    let started = Instant::now();
    list(&store).await;
    println!(
        "found by one Sentinel of three within {:?}",
        started.elapsed()
    );
    assert_eq!(outcome(&store, &enable("shop")).await, Outcome::Opened);
    sentinels.watchers[1].resume();
}
