//! Several servers that make one Redis, all of it over TLS.

use autolog::domain::book::Book;
use autolog::domain::outcome::Outcome;
use autolog::store::Store;
use autolog::store::redis::{RedisAddress, Tls};
use tempfile::TempDir;

use super::address::certify_as;
use super::failover::store_at;
use super::{assert_unavailable, enable, list, outcome};
use crate::topology::{Cluster, Sentinels};

/// Certificates of the address that servers are announced by, and of a stranger.
struct Certificates {
    own: TempDir,
    stranger: TempDir,
}

impl Certificates {
    fn make() -> Self {
        let made = Self {
            own: TempDir::new().unwrap(),
            stranger: TempDir::new().unwrap(),
        };
        certify_as("127.0.0.1", &made.own);
        certify_as("127.0.0.1", &made.stranger);
        made
    }

    /// What servers and Sentinels are told alike: they speak nothing but TLS.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let file = |name: &str| self.own.path().join(name).display().to_string();
        vec![
            ("port", "0".to_owned()),
            ("tls-port", "PORT".to_owned()),
            ("tls-cert-file", file("cert.pem")),
            ("tls-key-file", file("key.pem")),
            ("tls-ca-cert-file", file("ca.pem")),
            ("tls-auth-clients", "no".to_owned()),
            ("tls-replication", "yes".to_owned()),
        ]
    }

    fn arguments(&self) -> Vec<String> {
        let argument = |(name, value)| [format!("--{name}"), value];
        self.settings().into_iter().flat_map(argument).collect()
    }

    fn trusting(directory: &TempDir, address: RedisAddress) -> RedisAddress {
        let ca_file = Some(directory.path().join("ca.pem"));
        RedisAddress {
            tls: Some(Tls { ca_file }),
            ..address
        }
    }
}

async fn is_used_over_tls(certificates: &Certificates, address: RedisAddress) {
    let trusting = Certificates::trusting(&certificates.own, address.clone());
    let store = store_at(trusting);
    list(&store).await;
    assert_eq!(outcome(&store, &enable("shop")).await, Outcome::Opened);
    let wary = store_at(Certificates::trusting(
        &certificates.stranger,
        address.clone(),
    ));
    assert_unavailable(&wary.list(&Book::default()).await);
    let open = store_at(address);
    assert_unavailable(&open.list(&Book::default()).await);
}

#[tokio::test]
async fn sentinels_and_their_servers_are_used_over_tls() {
    let certificates = Certificates::make();
    let arguments = certificates.arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let line = |(name, value): (&str, String)| format!("{name} {value}\n");
    let settings: String = certificates.settings().into_iter().map(line).collect();
    let sentinels = Sentinels::start(&arguments, &settings);
    is_used_over_tls(&certificates, sentinels.address()).await;
}

#[tokio::test]
async fn a_cluster_is_used_over_tls() {
    let certificates = Certificates::make();
    let mut arguments = certificates.arguments();
    arguments.extend(["--tls-cluster", "yes"].map(str::to_owned));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let cluster = Cluster::start(&arguments);
    is_used_over_tls(&certificates, cluster.address(&[0, 1, 2])).await;
}
