//! Getting into a Redis: TLS with a private authority, and an ACL user who may do no more than it must.

use std::sync::Arc;

use autolog::domain::book::Book;
use autolog::domain::policy::Policy;
use autolog::domain::window::WindowRule;
use autolog::store::redis::{AddressError, Endpoint, Login, Node, Redis, RedisAddress, Tls};
use autolog::store::{Store, Tally};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use secrecy::SecretString;
use tempfile::TempDir;

use super::{apply, assert_unavailable, enable, id, list, target};
use crate::backend::{Server, words};
use crate::topology::free_port;

/// Gives the user `autolog` the rights that the documentation tells operators to give, and no others.
pub(super) fn admit(server: &Server) {
    let page = include_str!("../../../docs/operations.md");
    let (_, rest) = page.split_once("ACL SETUSER autolog").unwrap();
    let (rights, _) = rest.split_once("```").unwrap();
    let rights = rights.replace(">PASSWORD", ">not-a-real-password");
    let mut command = words("ACL SETUSER autolog");
    command.extend(words(&rights));
    server.try_run::<String>(&command).unwrap();
}

/// Writes an authority's certificate, and a certificate and key of `localhost`, into `directory`.
fn certify(directory: &TempDir) {
    certify_as("localhost", directory);
}

/// Writes an authority's certificate, and a certificate and key of `name`, into `directory`.
pub(super) fn certify_as(name: &str, directory: &TempDir) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    // Another name than the certificate's, or OpenSSL takes that for its own authority.
    let name_of_authority = "an authority for tests";
    authority
        .distinguished_name
        .push(DnType::CommonName, name_of_authority);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let names = vec![name.to_owned()];
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    for (name, text) in [
        ("ca.pem", authority_certificate.pem()),
        ("cert.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
}

fn localhost(port: u16) -> Endpoint {
    Endpoint::Tcp(Node {
        host: "localhost".to_owned(),
        port,
    })
}

fn with_tls() -> (Server, RedisAddress) {
    let directory = TempDir::new().unwrap();
    certify(&directory);
    let port = free_port();
    let arguments = format!(
        "--tls-port {port} --tls-cert-file cert.pem --tls-key-file key.pem --tls-ca-cert-file ca.pem \
         --tls-auth-clients no"
    );
    let arguments = words(&arguments);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let server = Server::start_in(directory, &arguments);
    let address = RedisAddress {
        endpoint: localhost(port),
        tls: Some(Tls {
            ca_file: Some(server.directory().join("ca.pem")),
        }),
        ..server.address()
    };
    (server, address)
}

fn store(address: RedisAddress) -> Redis {
    Redis::new(address, Arc::new(Policy::default())).unwrap()
}

#[tokio::test]
async fn a_user_with_the_documented_rights_can_do_everything_over_tls() {
    let (server, mut address) = with_tls();
    admit(&server);
    address.login.username = Some("autolog".to_owned());
    address.login.password = Some(SecretString::from("not-a-real-password"));
    let store = store(address);
    let position = list(&store).await.position;
    apply(&store, &enable("shop")).await;
    apply(&store, &super::freeze(true)).await;
    apply(
        &store,
        &super::disable(super::Selection::Place(target("shop").place())),
    )
    .await;
    let tallies = [Tally {
        target: target("shop"),
        errors: 1,
    }];
    let rule = WindowRule::default();
    store.count(id(), &tallies, rule).await.unwrap();
    assert_eq!(store.changes(&position).await.unwrap().len(), 3);
    let position = list(&store).await.position;
    assert!(store.changes(&position).await.unwrap().is_empty());
    server.run::<String>("FLUSHALL");
    list(&store).await;
    let refused: Vec<redis::Value> = server.run("ACL LOG");
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn a_wrong_password_is_an_unavailable_store_and_no_secret_is_told() {
    let (server, mut address) = with_tls();
    server.run::<String>("CONFIG SET requirepass not-a-real-password");
    address.login.password = Some(SecretString::from("another-fake-password"));
    let store = store(address);
    let error = store.list(&Book::default()).await.unwrap_err();
    let told = format!("{error:?} {store:?}");
    assert!(!told.contains("password-"), "{told}");
    assert!(!told.contains("another-fake"), "{told}");
    assert_unavailable::<()>(&Err(error));
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_name_is_not_trusted() {
    let (server, address) = with_tls();
    let stranger = TempDir::new().unwrap();
    certify(&stranger);
    let mut strange = address.clone();
    strange.tls = Some(Tls {
        ca_file: Some(stranger.path().join("ca.pem")),
    });
    assert_unavailable(&store(strange).list(&Book::default()).await);
    let mut misnamed = address;
    if let Endpoint::Tcp(node) = &mut misnamed.endpoint {
        "127.0.0.1".clone_into(&mut node.host);
    }
    assert_unavailable(&store(misnamed).list(&Book::default()).await);
    drop(server);
}

#[test]
fn authorities_that_cannot_be_read_are_an_error_at_start_that_names_the_file() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing.pem");
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    for (path, is_expected) in [
        (
            missing,
            (|error| matches!(error, AddressError::CaFile { .. })) as fn(&_) -> bool,
        ),
        (empty, |error| {
            matches!(error, AddressError::NoCertificate { .. })
        }),
    ] {
        let address = RedisAddress {
            endpoint: localhost(6379),
            database: 0,
            login: Login::default(),
            sentinel_login: Login::default(),
            tls: Some(Tls {
                ca_file: Some(path.clone()),
            }),
            key_prefix: "al".to_owned(),
        };
        let error = Redis::new(address, Arc::new(Policy::default())).unwrap_err();
        assert!(is_expected(&error), "{error:?}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
}
