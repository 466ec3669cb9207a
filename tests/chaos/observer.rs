//! Follows the feed as a replica does, and notes what it sees.

use std::sync::Arc;
use std::time::Duration;

use autolog::domain::book::Book;
use autolog::domain::policy::Policy;
use autolog::store::redis::{Redis, RedisAddress};
use autolog::store::{Changed, Listing, Store};

use crate::history::{History, Seen};

/// Follows until it is dropped; a store that it finds empty gets what it knows, as from a replica.
pub(crate) async fn observe(address: RedisAddress, history: Arc<History>) {
    let store = Redis::new(address, Arc::new(Policy::default())).unwrap();
    let follow = async {
        let mut book = Book::default();
        loop {
            if let Ok(listing) = store.list(&book).await {
                history.saw(listed(&listing));
                book = follow(&store, listing, &history).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await; // as the feed does
        }
    };
    tokio::join!(follow, store.tend());
}

/// Follows until something is wrong, and returns what is known then.
async fn follow(store: &Redis, listing: Listing, history: &History) -> Book {
    let (mut position, mut book) = (listing.position, listing.book);
    while let Ok(changes) = store.changes(&position).await {
        if changes.is_empty() {
            history.saw(Seen::Nothing(position.clone()));
        }
        for change in changes {
            position = change.position;
            history.saw(Seen::Changed(position.clone()));
            match change.what {
                Changed::Written(record) => book.put(record),
                Changed::Removed(target) => book.remove(&target),
                Changed::Halt(halt) => book.set_halt(halt),
            }
        }
    }
    book
}

fn listed(listing: &Listing) -> Seen {
    let live = listing
        .book
        .records()
        .filter(|record| record.session.is_some());
    Seen::Listed {
        position: listing.position.clone(),
        live: live.map(|record| record.target.app.to_string()).collect(),
    }
}
