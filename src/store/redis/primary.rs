//! Finds the one server that takes our writes: at a fixed address, or by asking those who know.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, Value};

use super::address::{AddressError, Endpoint, Node, RedisAddress};
use super::dialer::{Dialer, Place};
use witnesses::{Question, Witnesses};

mod cluster;
mod sentinel;
mod testimony;
mod witnesses;

/// How long finding the primary may take in all, so that a write that needs it still fails in time.
const FIND_TIMEOUT: Duration = Duration::from_millis(700);

/// Finds the primary and connects to it.
pub(super) struct Primary {
    dialer: Dialer,
    way: Way,
    /// Where the last answer sent us: more recent than what anybody else knows.
    sent_to: Mutex<Option<Node>>,
}

/// How the primary is found.
enum Way {
    /// It is always here.
    Fixed(Place),
    /// These know.
    Told(Witnesses),
}

/// A connection to the primary.
pub(super) struct Found {
    pub(super) connection: MultiplexedConnection,
    pub(super) at: Place,
}

impl Primary {
    pub(super) fn new(address: &RedisAddress) -> Result<Self, AddressError> {
        let tls = address.tls.as_ref();
        let dialer = Dialer::new(&address.login, address.database, tls)?;
        let way = match &address.endpoint {
            Endpoint::Tcp(node) => Way::Fixed(Place::Node(node.clone())),
            Endpoint::Unix { path } => Way::Fixed(Place::Socket(path.clone())),
            Endpoint::Sentinel { sentinels, primary } => Way::Told(Witnesses::new(
                Dialer::new(&address.sentinel_login, 0, tls)?,
                sentinels.clone(),
                Question::Named(primary.clone()),
            )),
            Endpoint::Cluster { seeds } => Way::Told(Witnesses::new(
                Dialer::new(&address.login, 0, tls)?,
                seeds.clone(),
                Question::OwnerOf(cluster::slot(&address.key_prefix)),
            )),
        };
        if let Way::Fixed(place) = &way {
            dialer.client(place).map_err(AddressError::Refused)?;
        }
        Ok(Self {
            dialer,
            way,
            sent_to: Mutex::default(),
        })
    }

    /// Whether the primary is always at the same address.
    pub(super) const fn is_fixed(&self) -> bool {
        matches!(self.way, Way::Fixed(_))
    }

    /// Connects to the primary, wherever it is by now.
    pub(super) async fn connect(&self) -> RedisResult<Found> {
        match &self.way {
            Way::Fixed(place) => Ok(Found {
                connection: self.dialer.connect(place).await?,
                at: place.clone(),
            }),
            Way::Told(witnesses) => {
                let late = |_| Err(unknown("the primary was not found in time", String::new()));
                tokio::time::timeout(FIND_TIMEOUT, self.find(witnesses))
                    .await
                    .unwrap_or_else(late)
            }
        }
    }

    async fn find(&self, witnesses: &Witnesses) -> RedisResult<Found> {
        let sent_to = self.sent_to().take();
        if let Some(node) = sent_to
            && let Ok(found) = self.connect_to_primary(node).await
        {
            return Ok(found);
        }
        let mut why = unknown("nobody knows the primary", String::new());
        for told in witnesses.ask().await? {
            match self.connect_to_primary(told.node).await {
                Ok(found) => return Ok(found),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Connects to a node, which must say of itself that it is a primary.
    async fn connect_to_primary(&self, node: Node) -> RedisResult<Found> {
        let at = Place::Node(node);
        let mut connection = self.dialer.connect(&at).await?;
        if is_primary(&mut connection).await? {
            Ok(Found { connection, at })
        } else {
            Err(unknown("this server is not a primary", at.to_string()))
        }
    }

    /// Whether the primary is still where `connection` leads; true if nobody knows better.
    pub(super) async fn is_still(
        &self,
        connection: &mut MultiplexedConnection,
        at: &Place,
    ) -> RedisResult<bool> {
        let (Way::Told(witnesses), Place::Node(node)) = (&self.way, at) else {
            return Ok(true);
        };
        if !is_primary(connection).await? {
            return Ok(false);
        }
        let told = witnesses.ask().await.unwrap_or_else(|error| {
            tracing::debug!(%at, %error, "nobody tells whether the primary is still here");
            Vec::new()
        });
        let ours = told.iter().find(|told| told.node == *node);
        Ok(match (&told[..], ours) {
            ([], _) => true,
            ([best, ..], Some(ours)) => ours.epoch >= best.epoch,
            // While they do not agree, what is heard of may be older than what we know.
            ([_, others @ ..], None) => !others.is_empty(),
        })
    }

    /// Remembers where an answer sent us, so that the next connection begins there.
    pub(super) fn note(&self, error: &RedisError) {
        if error.code() == Some("MOVED") {
            *self.sent_to() = cluster::redirected(error);
        }
    }

    /// Connects to the node that alone has the keys of this one answer, while a slot moves.
    pub(super) async fn elsewhere(&self, error: &RedisError) -> RedisResult<MultiplexedConnection> {
        let node = cluster::redirected(error)
            .ok_or_else(|| unknown("sent to no address", error.to_string()))?;
        self.dialer.connect(&Place::Node(node)).await
    }

    fn sent_to(&self) -> std::sync::MutexGuard<'_, Option<Node>> {
        self.sent_to.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Primary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Primary").finish_non_exhaustive()
    }
}

/// Whether the server says of itself that it is a primary (ROLE).
async fn is_primary(connection: &mut MultiplexedConnection) -> RedisResult<bool> {
    let role: Vec<Value> = Cmd::new().arg("ROLE").query_async(connection).await?;
    Ok(matches!(role.first(), Some(Value::BulkString(name)) if name == b"master"))
}

/// An error of ours about what was, or was not, found.
fn unknown(what: &'static str, detail: String) -> RedisError {
    RedisError::from((ErrorKind::Client, what, detail))
}
