//! Where a Redis is and how to get in.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

/// Where a Redis is, how to get in, and under which prefix the keys live there.
#[derive(Clone, Debug)]
pub struct RedisAddress {
    /// Where it listens, or who knows.
    pub endpoint: Endpoint,
    /// The number of the database.
    pub database: i64,
    /// Who autolog is to the Redis.
    pub login: Login,
    /// Who autolog is to the Sentinels.
    pub sentinel_login: Login,
    /// How to encrypt, to Sentinels as well; in the clear if none. Ignored on a Unix socket.
    pub tls: Option<Tls>,
    /// What all keys begin with, in braces, so that they share a slot.
    pub key_prefix: String,
}

/// Where a Redis listens, or who knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// At this address, always.
    Tcp(Node),
    /// On a Unix socket.
    Unix {
        /// The socket.
        path: PathBuf,
    },
    /// Where Sentinels say that the primary of this name is.
    Sentinel {
        /// The Sentinels.
        sentinels: Vec<Node>,
        /// The name they know the primary by.
        primary: String,
    },
    /// At the node of a Cluster that owns the slot of the keys.
    Cluster {
        /// The nodes that are asked first.
        seeds: Vec<Node>,
    },
}

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The host's name or address; an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(formatter, "[{host}]:{port}")
        } else {
            write!(formatter, "{host}:{port}")
        }
    }
}

/// Who autolog is to a server.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// The ACL user; the default user if none.
    pub username: Option<String>,
    /// The password of that user.
    pub password: Option<SecretString>,
}

/// How to encrypt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The only certificate authorities to trust, as PEM; the system's if none.
    pub ca_file: Option<PathBuf>,
}

/// Why an address cannot be used, whether or not the Redis is there.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The file of certificate authorities cannot be read.
    #[error("cannot read the certificate authorities in {}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file of certificate authorities has none.
    #[error("there is no certificate in {}", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The client library refuses the address.
    #[error("the address of the Redis cannot be used")]
    Refused(#[source] redis::RedisError),
}

impl fmt::Display for RedisAddress {
    /// Writes where it is, never how to get in.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Endpoint::Tcp(node) => node.fmt(formatter),
            Endpoint::Unix { path } => path.display().fmt(formatter),
            Endpoint::Sentinel { sentinels, primary } => {
                write!(formatter, "{primary} of {}", List(sentinels))
            }
            Endpoint::Cluster { seeds } => write!(formatter, "cluster of {}", List(seeds)),
        }
    }
}

/// Nodes as an address lists them: separated by commas.
#[derive(Debug)]
pub struct List<'a>(pub &'a [Node]);

impl fmt::Display for List<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, node) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{node}")?;
        }
        Ok(())
    }
}
