//! Makes connections to servers, and gives up on them early.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo, RedisResult, TlsCertificates,
};
use secrecy::ExposeSecret;

use super::address::{AddressError, Login, Node, Tls};

/// How long a connection may take to be made, and a short command to be answered.
pub(super) const TIMEOUT: Duration = Duration::from_millis(250);
/// The most commands in flight on one connection.
const IN_FLIGHT: usize = 1024;
/// How a PEM certificate begins.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A place that can be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A host's port.
    Node(Node),
    /// A Unix socket.
    Socket(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.fmt(formatter),
            Self::Socket(path) => path.display().fmt(formatter),
        }
    }
}

/// What is the same for every server that is connected to: who autolog is, and how it encrypts.
pub(super) struct Dialer {
    settings: RedisConnectionInfo,
    encrypts: bool,
    /// The authorities to trust, the system's if none.
    certificates: Option<TlsCertificates>,
}

impl Dialer {
    pub(super) fn new(
        login: &Login,
        database: i64,
        tls: Option<&Tls>,
    ) -> Result<Self, AddressError> {
        Ok(Self {
            settings: settings(login, database),
            encrypts: tls.is_some(),
            certificates: tls.map(certificates).transpose()?.flatten(),
        })
    }

    /// Connects; whoever is not there in time is not there.
    pub(super) async fn connect(&self, place: &Place) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_pipeline_buffer_size(IN_FLIGHT);
        self.client(place)?
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    /// Makes a client, without connecting.
    pub(super) fn client(&self, place: &Place) -> RedisResult<Client> {
        let (address, certificates) = match place {
            Place::Socket(path) => (ConnectionAddr::Unix(path.clone()), None),
            Place::Node(Node { host, port }) if self.encrypts => (
                ConnectionAddr::TcpTls {
                    host: host.clone(),
                    port: *port,
                    insecure: false,
                    tls_params: None,
                },
                self.certificates.clone(),
            ),
            Place::Node(Node { host, port }) => (ConnectionAddr::Tcp(host.clone(), *port), None),
        };
        let address = address
            .into_connection_info()?
            .set_tcp_settings(tcp_settings())
            .set_redis_settings(self.settings.clone());
        match certificates {
            Some(certificates) => Client::build_with_tls(address, certificates),
            None => Client::open::<ConnectionInfo>(address),
        }
    }
}

fn settings(login: &Login, database: i64) -> RedisConnectionInfo {
    let mut settings = RedisConnectionInfo::default()
        .set_db(database)
        .set_skip_set_lib_name();
    if let Some(username) = &login.username {
        settings = settings.set_username(username);
    }
    if let Some(password) = &login.password {
        settings = settings.set_password(password.expose_secret());
    }
    settings
}

fn certificates(tls: &Tls) -> Result<Option<TlsCertificates>, AddressError> {
    let Some(path) = &tls.ca_file else {
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

/// Small commands go out at once, and a peer that vanished without a word is noticed by the kernel as well.
fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(5))
        .with_interval(Duration::from_secs(1));
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive)
}
