//! Where sessions are kept, as an address.

mod written;

use std::fmt;
use std::path::PathBuf;

use crate::store::redis::{Endpoint, List, RedisAddress};

pub(super) use written::{Written, WrittenRedis};

/// Where sessions are kept. `Display` shows no password.
#[derive(Clone, Debug)]
pub enum StoreAddress {
    /// The embedded store, in a file.
    Redb {
        /// The file.
        path: PathBuf,
    },
    /// The embedded store, in memory: gone with the process.
    Memory,
    /// A Redis.
    Redis(RedisAddress),
}

impl StoreAddress {
    /// Whether only this process can use the store.
    pub const fn is_embedded(&self) -> bool {
        match self {
            Self::Redb { .. } | Self::Memory => true,
            Self::Redis(_) => false,
        }
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redb { path } => write!(formatter, "redb:{}", path.display()),
            Self::Memory => formatter.write_str("memory:"),
            Self::Redis(address) => write_redis(formatter, address),
        }
    }
}

/// Writes the address as `AUTOLOG_STORE` would name it, without what gets in.
fn write_redis(formatter: &mut fmt::Formatter<'_>, address: &RedisAddress) -> fmt::Result {
    let scheme = if address.tls.is_some() {
        "rediss"
    } else {
        "redis"
    };
    let database = address.database;
    match &address.endpoint {
        Endpoint::Tcp(node) => write!(formatter, "{scheme}://{node}/{database}"),
        Endpoint::Unix { path } => {
            write!(formatter, "redis+unix://{}?db={database}", path.display())
        }
        Endpoint::Sentinel { sentinels, primary } => {
            let sentinels = List(sentinels);
            write!(
                formatter,
                "{scheme}+sentinel://{sentinels}/{primary}/{database}"
            )
        }
        Endpoint::Cluster { seeds } => write!(formatter, "{scheme}+cluster://{}", List(seeds)),
    }
}

/// Why a text is no store address. Never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not one of the known schemes.
    #[error(
        "must begin with redb:, memory:, redis://, rediss://, redis+unix://, redis[s]+sentinel:// or redis[s]+cluster://"
    )]
    Scheme,
    /// `redb:` without a file.
    #[error("needs a path after redb:")]
    Path,
    /// `memory:` followed by something.
    #[error("takes nothing after memory:")]
    Memory,
    /// No host, or none that could be one.
    #[error("needs a host name or address, an IPv6 address in brackets")]
    Host,
    /// Several hosts where one is needed.
    #[error("takes one host; several need redis+sentinel:// or redis+cluster://")]
    Hosts,
    /// No number from 1 to 65535.
    #[error("needs a port from 1 to 65535 after the colon")]
    Port,
    /// No number of a database.
    #[error("needs a database number, such as /0 or ?db=0")]
    Database,
    /// Two numbers of a database.
    #[error("has a database number in the path and in ?db=")]
    Databases,
    /// Another database than the only one of a Cluster.
    #[error("has a database number, and a Redis Cluster has only 0")]
    ClusterDatabase,
    /// A parameter other than `db`.
    #[error("has a parameter other than db")]
    Parameter,
    /// A bad escape in user or password.
    #[error("has a bad % escape in the user or the password")]
    Escape,
    /// A socket path that is not absolute.
    #[error("needs an absolute path, such as redis+unix:///run/redis.sock")]
    Socket,
    /// No name of a primary.
    #[error("needs the name of the primary after the hosts, such as /mymaster")]
    Primary,
}
