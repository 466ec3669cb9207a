//! Writes that the feed has not brought yet: none that Redis loses stays untold, none that it has is told as lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use autolog::control::{Control, Parts};
use autolog::domain::book::Book;
use autolog::domain::level::Level;
use autolog::domain::loss::{Loss, LostWrite};
use autolog::domain::name::Reason;
use autolog::domain::operation::{Disable, Enable, Operation, Selection};
use autolog::domain::policy::Policy;
use autolog::domain::target::Place;
use autolog::domain::window::WindowRule;
use autolog::feed::{Feed, News};
use autolog::metrics::{Build, Metrics};
use autolog::snapshot::{Snapshot, Stop};
use autolog::store::redis::Redis;
use autolog::store::{Applied, Change, Counted, Listing, OpId, Position, Store, StoreError, Tally};
use rstest::rstest;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::Server;
use crate::replica::forgetful;
use crate::service::{SOON, eventually};

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    BeforeTheList,
    AfterTheList,
}

/// A Redis at which something is written while it is listed, as by another task of the same replica.
#[derive(Debug)]
struct Busy {
    store: Redis,
    snapshot: Arc<Snapshot>,
    write: Mutex<Option<(When, Operation)>>,
}

impl Busy {
    async fn write(&self, when: When) {
        let mut write = self.write.lock().unwrap().take_if(|write| write.0 == when);
        if let Some((_, operation)) = write.take() {
            acknowledge(&self.store, &self.snapshot, &operation).await;
        }
    }
}

#[async_trait]
impl Store for Busy {
    async fn apply(&self, id: OpId, operation: &Operation) -> Result<Applied, StoreError> {
        self.store.apply(id, operation).await
    }

    async fn count(
        &self,
        id: OpId,
        tallies: &[Tally],
        rule: WindowRule,
    ) -> Result<Vec<Counted>, StoreError> {
        self.store.count(id, tallies, rule).await
    }

    async fn list(&self, seed: &Book) -> Result<Listing, StoreError> {
        self.write(When::BeforeTheList).await;
        let listing = self.store.list(seed).await;
        self.write(When::AfterTheList).await;
        listing
    }

    async fn lost(&self, seen: &[Position], found: &Position) -> Result<Vec<Position>, StoreError> {
        self.store.lost(seen, found).await
    }

    async fn changes(&self, position: &Position) -> Result<Vec<Change>, StoreError> {
        self.store.changes(position).await
    }
}

fn place(app: &str) -> Place {
    Place {
        app: app.parse().unwrap(),
        environment: "production".parse().unwrap(),
    }
}

fn enable(app: &str) -> Operation {
    Operation::Enable(Enable {
        target: place(app).whole(),
        by: "ann".parse().unwrap(),
        level: Level::Debug,
        ttl: Duration::from_mins(10),
        reason: Reason::default(),
    })
}

fn disable(snapshot: &Snapshot, app: &str) -> Stop {
    Stop {
        id: OpId::random().unwrap(),
        operation: Operation::Disable(Disable {
            selection: Selection::Place(place(app)),
            by: "ann".parse().unwrap(),
            cooldown: None,
            reason: Reason::default(),
            began_by: snapshot.seen_until(),
        }),
    }
}

/// Writes as a replica does.
async fn acknowledge(store: &dyn Store, snapshot: &Snapshot, operation: &Operation) {
    let rollbacks = snapshot.rollbacks();
    let id = OpId::random().unwrap();
    let applied = store.apply(id, operation).await.unwrap();
    snapshot.owe(rollbacks, &applied, None);
}

/// Follows the feed until everything was read once, and returns which writes at which applications were lost.
async fn read_once(store: &Arc<dyn Store>, snapshot: &Arc<Snapshot>) -> Vec<(LostWrite, String)> {
    let feed = Feed {
        store: Arc::clone(store),
        snapshot: Arc::clone(snapshot),
    };
    let stop = CancellationToken::new();
    let losses = Mutex::new(Vec::new());
    let tell = |news| match news {
        News::RolledBack(lost) => losses.lock().unwrap().extend(lost),
        News::Resynced(_) => stop.cancel(),
    };
    let followed = tokio::time::timeout(SOON, feed.follow(stop.clone(), tell)).await;
    assert!(followed.is_ok(), "it was not read in time");
    let named = |loss: Loss| {
        let app = loss.target.map(|target| target.app.to_string());
        (loss.write, app.unwrap_or_default())
    };
    let losses = losses.into_inner().unwrap();
    losses.into_iter().map(named).collect()
}

/// A replica's memory of an empty store, which has saved itself.
async fn synced(server: &Server) -> (Arc<dyn Store>, Arc<Snapshot>) {
    let store: Arc<dyn Store> = Arc::new(server.store());
    let snapshot = Arc::new(Snapshot::new(Arc::new(Policy::default())));
    assert_eq!(read_once(&store, &snapshot).await, []);
    server.run::<String>("SAVE");
    (store, snapshot)
}

fn opened(app: &str) -> (LostWrite, String) {
    (LostWrite::Open, app.to_owned())
}

fn is_live(snapshot: &Snapshot, app: &str) -> bool {
    snapshot.with_book(|book| book.record(&place(app).whole()).is_some())
}

#[tokio::test]
async fn a_write_that_was_lost_before_the_feed_brought_it_is_told() {
    let mut server = forgetful();
    let (store, snapshot) = synced(&server).await;
    acknowledge(&*store, &snapshot, &enable("shop")).await;
    server.kill();
    server.restart();
    assert_eq!(read_once(&store, &snapshot).await, [opened("shop")]);
}

#[rstest]
#[tokio::test]
async fn a_write_that_is_acknowledged_while_a_loss_is_found_is_not_told_as_lost(
    #[values(When::BeforeTheList, When::AfterTheList)] when: When,
) {
    let mut server = forgetful();
    let (store, snapshot) = synced(&server).await;
    acknowledge(&*store, &snapshot, &enable("lost")).await;
    server.kill();
    server.restart();
    let store: Arc<dyn Store> = Arc::new(Busy {
        store: server.store(),
        snapshot: Arc::clone(&snapshot),
        write: Mutex::new(Some((when, enable("kept")))),
    });
    assert_eq!(read_once(&store, &snapshot).await, [opened("lost")]);
    assert_eq!(is_live(&snapshot, "kept"), when == When::BeforeTheList);
    assert_eq!(read_once(&store, &snapshot).await, []);
    assert!(is_live(&snapshot, "kept"));
    assert_eq!(snapshot.known().len(), 1, "nothing is owed any more");
}

#[rstest]
#[tokio::test]
async fn a_write_that_was_in_flight_while_a_loss_was_found_is_told_only_if_it_is_lost(
    #[values(true, false)] is_kept: bool,
) {
    let mut server = forgetful();
    let (store, snapshot) = synced(&server).await;
    let rollbacks = snapshot.rollbacks();
    acknowledge(&*store, &snapshot, &enable("lost")).await;
    let in_flight = |store: Arc<dyn Store>| async move {
        let id = OpId::random().unwrap();
        store.apply(id, &enable("in-flight")).await.unwrap()
    };
    let before = in_flight(Arc::clone(&store)).await;
    server.kill();
    server.restart();
    assert_eq!(read_once(&store, &snapshot).await, [opened("lost")]);
    let applied = if is_kept {
        in_flight(Arc::clone(&store)).await
    } else {
        before
    };
    snapshot.owe(rollbacks, &applied, None);
    assert!(snapshot.is_doubted(), "the store is to be asked");
    let told = read_once(&store, &snapshot).await;
    let lost: Vec<_> = (!is_kept)
        .then(|| opened("in-flight"))
        .into_iter()
        .collect();
    assert_eq!(told, lost);
    assert_eq!(is_live(&snapshot, "in-flight"), is_kept);
}

/// Repeats stops until the store has taken all of them.
async fn repair(control: &Control) {
    let shutdown = CancellationToken::new();
    tokio::select! {
        () = control.repair(shutdown.clone()) => {}
        () = eventually(SOON, async || control.snapshot().stops().is_empty()) => {}
    }
}

#[tokio::test]
async fn a_repeated_stop_that_is_lost_again_is_made_again() {
    let mut server = forgetful();
    let (store, snapshot) = synced(&server).await;
    let build = Build {
        version: "1.2.3",
        revision: "abc",
    };
    let control = Control::new(Parts {
        store: Arc::clone(&store),
        snapshot: Arc::clone(&snapshot),
        policy: Arc::new(Policy::default()),
        metrics: Arc::new(Metrics::new(build).unwrap()),
        tasks: TaskTracker::new(),
    });
    let stop = disable(&snapshot, "shop");
    snapshot.stop(stop.clone());
    repair(&control).await;
    server.kill();
    server.restart();
    let lost = read_once(&store, &snapshot).await;
    assert_eq!(lost, [(LostWrite::End, String::new())]);
    let pending = snapshot.stops();
    assert_eq!(
        pending.iter().map(|stop| stop.id).collect::<Vec<_>>(),
        [stop.id]
    );
    repair(&control).await;
    let book = store.list(&Book::default()).await.unwrap().book;
    let record = book.record(&place("shop").whole()).unwrap();
    assert!(record.cooldown_until.is_some());
}

#[tokio::test]
async fn an_entry_of_somebody_else_in_the_feed_stops_no_resync() {
    let server = forgetful();
    let (store, snapshot) = synced(&server).await;
    acknowledge(&*store, &snapshot, &enable("first")).await;
    server.run::<String>("XADD {al}:feed * some thing");
    acknowledge(&*store, &snapshot, &enable("second")).await;
    assert_eq!(read_once(&store, &snapshot).await, []);
    assert!(is_live(&snapshot, "first") && is_live(&snapshot, "second"));
}
