//! Keeps connections, and gives up on them early.
//!
//! The library never rebuilds a connection that has gone silent, and blocks for seconds when it rebuilds a broken one;
//! so it is asked for plain connections only. One that failed is dropped, and whoever needs one next builds it anew.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult,
    ScriptInvocation,
};

use super::address::{AddressError, RedisAddress};
use crate::store::{FEED_WAIT, StoreError};

/// How long a connection may take to be made, and a command to be answered.
const TIMEOUT: Duration = Duration::from_millis(250);
/// How long the answer to a script may take that touches every record there can be.
const LONG_TIMEOUT: Duration = Duration::from_millis(600);
/// How long an answer may take on the feed's connection, where the store may wait for something to happen.
const FEED_TIMEOUT: Duration = FEED_WAIT.saturating_add(Duration::from_millis(400));
/// The most commands in flight on one connection.
const IN_FLIGHT: usize = 1024;

/// One connection for commands, and one that may block for the feed.
pub(super) struct Connections {
    client: Client,
    name: String,
    command: Slot,
    feed: Slot,
}

/// Which of the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Short commands of everybody.
    Command,
    /// One of those that touches about this many records.
    Long(usize),
    /// The one follower's, whose commands may block or return everything.
    Feed,
}

impl Purpose {
    /// How long the answer may take: some more for each record, since a busy machine is not a dead one.
    fn patience(self) -> Duration {
        match self {
            Self::Command => TIMEOUT,
            Self::Long(records) => {
                let records = u32::try_from(records).unwrap_or(u32::MAX);
                let more = Duration::from_micros(100).saturating_mul(records);
                TIMEOUT.saturating_add(more).min(LONG_TIMEOUT)
            }
            Self::Feed => FEED_TIMEOUT,
        }
    }
}

impl Connections {
    pub(super) fn new(address: &RedisAddress) -> Result<Self, AddressError> {
        Ok(Self {
            client: address.client()?,
            name: address.to_string(),
            command: Slot::default(),
            feed: Slot::default(),
        })
    }

    /// Runs a script, which is loaded first if the store does not have it.
    pub(super) async fn script<T: FromRedisValue>(
        &self,
        purpose: Purpose,
        script: &ScriptInvocation<'_>,
    ) -> RedisResult<T> {
        let mut lease = self.lease(purpose).await?;
        lease.connection.set_response_timeout(purpose.patience());
        let answer = script.invoke_async(&mut lease.connection).await;
        self.settle(purpose, lease, answer)
    }

    /// Runs one command.
    pub(super) async fn command<T: FromRedisValue>(
        &self,
        purpose: Purpose,
        command: &Cmd,
    ) -> RedisResult<T> {
        let mut lease = self.lease(purpose).await?;
        let answer = command.query_async(&mut lease.connection).await;
        self.settle(purpose, lease, answer)
    }

    async fn lease(&self, purpose: Purpose) -> RedisResult<Lease> {
        match purpose {
            Purpose::Command | Purpose::Long(_) => match self.command.share() {
                Some(lease) => Ok(lease),
                None => Ok(self.command.put(self.connect(purpose).await?)),
            },
            // Taken out for the time of the command, so that a caller who goes away takes a blocked one along.
            Purpose::Feed => match self.feed.take() {
                Some(lease) => Ok(lease),
                None => Ok(Lease::new(self.connect(purpose).await?)),
            },
        }
    }

    fn settle<T>(&self, purpose: Purpose, lease: Lease, answer: RedisResult<T>) -> RedisResult<T> {
        let failed = answer.as_ref().err().is_some_and(ends_connection);
        match purpose {
            Purpose::Command | Purpose::Long(_) if failed => self.command.forget(lease.number),
            // What the follower noticed in its wait, the next command need not wait for.
            Purpose::Feed if failed => drop(self.command.take()),
            Purpose::Feed => self.feed.restore(lease),
            Purpose::Command | Purpose::Long(_) => {}
        }
        answer
    }

    async fn connect(&self, purpose: Purpose) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(purpose.patience()))
            .set_pipeline_buffer_size(IN_FLIGHT);
        let connected = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await;
        match &connected {
            Ok(_) => tracing::debug!(store.address = self.name, "connected to the store"),
            Err(error) => {
                tracing::debug!(store.address = self.name, %error, "cannot connect to the store");
            }
        }
        connected
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Connections")
            .field(&self.name)
            .finish()
    }
}

/// Keeps a connection, each of which has its number.
#[derive(Default)]
struct Slot(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    made: u64,
    connection: Option<MultiplexedConnection>,
}

/// A connection in use.
struct Lease {
    number: u64,
    connection: MultiplexedConnection,
}

impl Lease {
    const fn new(connection: MultiplexedConnection) -> Self {
        Self {
            number: 0,
            connection,
        }
    }
}

impl Slot {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn share(&self) -> Option<Lease> {
        let kept = self.kept();
        let connection = kept.connection.clone()?;
        Some(Lease {
            number: kept.made,
            connection,
        })
    }

    fn take(&self) -> Option<Lease> {
        self.kept().connection.take().map(Lease::new)
    }

    fn put(&self, connection: MultiplexedConnection) -> Lease {
        let mut kept = self.kept();
        kept.made += 1;
        kept.connection = Some(connection.clone());
        Lease {
            number: kept.made,
            connection,
        }
    }

    fn restore(&self, lease: Lease) {
        self.kept().connection = Some(lease.connection);
    }

    /// Drops the connection unless it has been replaced already.
    fn forget(&self, number: u64) {
        let mut kept = self.kept();
        if kept.made == number {
            kept.connection = None;
        }
    }
}

/// Whether an error means that another connection may do better.
///
/// This one broke, fell silent, or leads to a server that is not, or no longer, the one to write to.
fn ends_connection(error: &RedisError) -> bool {
    is_lost(error)
        || error.kind() == ErrorKind::AuthenticationFailed
        || matches!(
            error.code(),
            Some("READONLY" | "LOADING" | "MASTERDOWN" | "NOAUTH" | "UNBLOCKED")
        )
}

/// Whether the answer never came, so that what became of the command is unknown.
pub(super) fn is_lost(error: &RedisError) -> bool {
    error.is_io_error() || error.kind() == ErrorKind::Parse
}

/// Says what an error of the library means for the caller.
pub(super) fn store_error(error: RedisError) -> StoreError {
    let unreadable =
        error.code() == Some("WRONGTYPE") || error.kind() == ErrorKind::UnexpectedReturnType;
    if unreadable {
        StoreError::corrupt(error)
    } else {
        StoreError::unavailable(error)
    }
}
