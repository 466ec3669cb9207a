//! Keeps connections to the primary, and gives up on them early.
//!
//! The library never rebuilds a connection that has gone silent, and blocks for seconds when it rebuilds a broken one;
//! so it is asked for plain connections only. One that failed is dropped, and whoever needs one next builds it anew.

use std::fmt;
use std::time::{Duration, Instant};

use redis::{Cmd, FromRedisValue, RedisError, RedisResult, ScriptInvocation};

use super::address::{AddressError, RedisAddress};
use super::dialer::{Place, TIMEOUT};
use super::failure::{ends_connection, leads_elsewhere};
use super::primary::{Found, Primary};
use crate::store::FEED_WAIT;
use call::{Asking, Call};
use slot::{Lease, Slot};

mod call;
mod slot;
#[cfg(test)]
mod tests;

/// How long the answer to a script may take that touches every record there can be.
const LONG_TIMEOUT: Duration = Duration::from_millis(600);
/// How long an answer may take on the feed's connection, where the store may wait for something to happen.
const FEED_TIMEOUT: Duration = FEED_WAIT.saturating_add(Duration::from_millis(400));
/// How long the connection for commands may be idle before it is tried.
const IDLE: Duration = Duration::from_millis(900);
/// How long to leave a primary alone that is not there.
const AWAY: Duration = Duration::from_millis(250);
/// How often it is made sure that the primary is still the primary.
const CONFIRM: Duration = Duration::from_secs(5);
/// How often a call is made of which nothing was done.
const TRIES: usize = 4;
/// How long to wait for a slot that is on the move.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// One connection for commands, and one that may block for the feed; both to the primary.
pub(super) struct Connections {
    primary: Primary,
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
            primary: Primary::new(address)?,
            name: address.to_string(),
            command: Slot::default(),
            feed: Slot::default(),
        })
    }

    /// Whether the primary is always at the same address.
    pub(super) const fn are_fixed(&self) -> bool {
        self.primary.is_fixed()
    }

    /// Where the feed's connection leads, if there is one.
    pub(super) fn place(&self) -> Option<Place> {
        self.feed.place()
    }

    /// Runs a script, which is loaded first if the store does not have it.
    pub(super) async fn script<T: FromRedisValue>(
        &self,
        purpose: Purpose,
        script: &ScriptInvocation<'_>,
    ) -> RedisResult<T> {
        self.call(purpose, Call::Script(script)).await
    }

    /// Runs one command.
    pub(super) async fn command<T: FromRedisValue>(
        &self,
        purpose: Purpose,
        command: &Cmd,
    ) -> RedisResult<T> {
        self.call(purpose, Call::Command(command)).await
    }

    /// Calls, again if nothing was done for a reason that passes.
    async fn call<T: FromRedisValue>(&self, purpose: Purpose, call: Call<'_>) -> RedisResult<T> {
        let mut answer = self.call_once(purpose, call).await;
        for _ in 1..TRIES {
            match answer.as_ref().err().and_then(RedisError::code) {
                // The slot is on the move between two nodes.
                Some("TRYAGAIN") => tokio::time::sleep(TRY_AGAIN).await,
                // The script was forgotten between being loaded and being run.
                Some("NOSCRIPT") => {}
                _ => break,
            }
            answer = self.call_once(purpose, call).await;
        }
        answer
    }

    async fn call_once<T: FromRedisValue>(
        &self,
        purpose: Purpose,
        call: Call<'_>,
    ) -> RedisResult<T> {
        let mut lease = self.lease(purpose).await?;
        lease.connection.set_response_timeout(purpose.patience());
        let answer = call.on(&mut lease.connection).await;
        let answer = self.settle(purpose, lease, answer);
        match answer {
            Err(error) if error.code() == Some("ASK") => {
                let mut connection = self.primary.elsewhere(&error).await?;
                connection.set_response_timeout(purpose.patience());
                call.on(&mut Asking(connection)).await
            }
            answer => answer,
        }
    }

    async fn lease(&self, purpose: Purpose) -> RedisResult<Lease<'_>> {
        match purpose {
            Purpose::Command | Purpose::Long(_) => {
                if let Some(lease) = self.command.share() {
                    return Ok(lease);
                }
                let found = self.connect().await?;
                // Whoever was faster has found the newer primary: it takes longer to find one that has just come back.
                if let Some(lease) = self.command.share() {
                    return Ok(lease);
                }
                Ok(self.command.put(found.connection, found.at))
            }
            // Taken out for the time of the command, so that a caller who goes away takes a blocked one along.
            Purpose::Feed => {
                if let Some(lease) = self.feed.take() {
                    return Ok(lease);
                }
                let found = self.connect().await?;
                Ok(self.feed.lend(found.connection, found.at))
            }
        }
    }

    fn settle<T>(
        &self,
        purpose: Purpose,
        lease: Lease<'_>,
        answer: RedisResult<T>,
    ) -> RedisResult<T> {
        if let Err(error) = &answer {
            self.primary.note(error);
            if leads_elsewhere(error) {
                // a late answer tells nothing of the connection that has replaced this one
                if lease.is_current() {
                    self.leave();
                }
                return answer;
            }
        }
        let failed = answer.as_ref().err().is_some_and(ends_connection);
        match purpose {
            Purpose::Command | Purpose::Long(_) if failed => lease.forget(),
            Purpose::Feed if !failed => lease.restore(),
            // What the follower noticed in its wait, the next command need not wait for.
            Purpose::Feed if lease.is_current() => self.command.clear(),
            Purpose::Command | Purpose::Long(_) | Purpose::Feed => {}
        }
        answer
    }

    async fn connect(&self) -> RedisResult<Found> {
        let connected = self.primary.connect().await;
        let address = &self.name;
        match &connected {
            Ok(Found { at, .. }) => {
                tracing::debug!(store.address = address, %at, "connected to the store");
            }
            Err(error) => {
                tracing::debug!(store.address = address, %error, "cannot connect to the store");
            }
        }
        connected
    }

    /// Drops both connections: they lead to a server that is not the primary any more.
    fn leave(&self) {
        self.command.clear();
        self.feed.clear();
    }

    /// Looks after the connections until it is dropped.
    ///
    /// Tries the one for commands when it is idle, and rebuilds it if it is dead or silent, so that no write has to find
    /// out; the follower does the same for its own. Leaves a primary that is one no more.
    #[expect(clippy::infinite_loop, reason = "whoever runs it drops it")]
    pub(super) async fn tend(&self) {
        let mut confirmed = Instant::now();
        loop {
            tokio::time::sleep(self.command.idle_in(IDLE)).await;
            if self.command.idle_in(IDLE).is_zero() && !self.answers().await {
                // It is noted as it fails; what comes of the next one shows when it is used.
                drop(self.lease(Purpose::Command).await);
                tokio::time::sleep(AWAY).await;
            }
            if confirmed.elapsed() >= CONFIRM {
                self.confirm().await;
                confirmed = Instant::now();
            }
        }
    }

    /// Whether the connection for commands, which is made if there is none, answers.
    async fn answers(&self) -> bool {
        let mut ping = Cmd::new();
        ping.arg("PING");
        match self.command::<String>(Purpose::Command, &ping).await {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!(store.address = self.name, %error, "the idle connection is dead");
                false
            }
        }
    }

    /// Makes sure that the connection for commands leads to the primary.
    async fn confirm(&self) {
        let Some(mut lease) = self.command.share() else {
            return;
        };
        let still = self
            .primary
            .is_still(&mut lease.connection, &lease.at)
            .await;
        match still {
            Ok(false) if lease.is_current() => {
                tracing::info!(
                    store.address = self.name,
                    "the primary is another one by now: leaving the old one"
                );
                self.leave();
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(store.address = self.name, %error, "cannot confirm the primary");
                if ends_connection(&error) {
                    lease.forget();
                }
            }
        }
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
