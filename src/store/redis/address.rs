//! Where a Redis is and how to get in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    TlsCertificates,
};
use secrecy::{ExposeSecret, SecretString};

/// How a PEM certificate begins.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Where a Redis is, how to get in, and under which prefix the keys live there.
#[derive(Clone, Debug)]
pub struct RedisAddress {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The number of the database.
    pub database: i64,
    /// The ACL user; the default user if none.
    pub username: Option<String>,
    /// The password of that user.
    pub password: Option<SecretString>,
    /// How to encrypt; in the clear if none. Ignored on a Unix socket.
    pub tls: Option<Tls>,
    /// What all keys begin with, in braces, so that they share a slot.
    pub key_prefix: String,
}

/// Where a Redis listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// On TCP.
    Tcp {
        /// The host's name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// On a Unix socket.
    Unix {
        /// The socket.
        path: PathBuf,
    },
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

impl RedisAddress {
    /// Makes a client of this address, without connecting.
    pub(super) fn client(&self) -> Result<Client, AddressError> {
        let (address, certificates) = match (&self.endpoint, &self.tls) {
            (Endpoint::Unix { path }, _) => (ConnectionAddr::Unix(path.clone()), None),
            (Endpoint::Tcp { host, port }, None) => {
                (ConnectionAddr::Tcp(host.clone(), *port), None)
            }
            (Endpoint::Tcp { host, port }, Some(tls)) => (
                ConnectionAddr::TcpTls {
                    host: host.clone(),
                    port: *port,
                    insecure: false,
                    tls_params: None,
                },
                tls.certificates()?,
            ),
        };
        let address = address
            .into_connection_info()
            .map_err(AddressError::Refused)?;
        let address = address
            .set_tcp_settings(tcp_settings())
            .set_redis_settings(self.settings());
        match certificates {
            Some(certificates) => Client::build_with_tls(address, certificates),
            None => Client::open::<ConnectionInfo>(address),
        }
        .map_err(AddressError::Refused)
    }

    fn settings(&self) -> RedisConnectionInfo {
        let mut settings = RedisConnectionInfo::default()
            .set_db(self.database)
            .set_skip_set_lib_name();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password.expose_secret());
        }
        settings
    }
}

impl fmt::Display for RedisAddress {
    /// Writes where it is, never how to get in.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Endpoint::Tcp { host, port } => write!(formatter, "{host}:{port}"),
            Endpoint::Unix { path } => path.display().fmt(formatter),
        }
    }
}

impl Tls {
    fn certificates(&self) -> Result<Option<TlsCertificates>, AddressError> {
        let Some(path) = &self.ca_file else {
            return Ok(None);
        };
        let pem = std::fs::read(path).map_err(|source| AddressError::CaFile {
            path: path.clone(),
            source,
        })?;
        if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
            return Err(AddressError::NoCertificate { path: path.clone() });
        }
        Ok(Some(TlsCertificates {
            client_tls: None,
            root_cert: Some(pem),
        }))
    }
}

/// Small commands go out at once, and a peer that vanished without a word is noticed by the kernel as well.
fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(5))
        .with_interval(Duration::from_secs(1));
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive)
}
