use rstest::rstest;
use secrecy::ExposeSecret;

use super::*;
use crate::config::StoreAddress;
use crate::store::redis::{Endpoint, RedisAddress, Tls};

fn redis(text: &str) -> WrittenRedis {
    let Written::Redis(redis) = text.parse().unwrap() else {
        panic!("{text} is no Redis address");
    };
    redis
}

fn at(host: &str, port: u16) -> Node {
    Node {
        host: host.into(),
        port,
    }
}

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp(at(host, port))
}

#[test]
fn the_embedded_store_takes_any_path() {
    for (text, expected) in [
        ("redb:data/a.redb", "data/a.redb"),
        ("redb:/data/a.redb", "/data/a.redb"),
        ("redb:///data/a.redb", "/data/a.redb"),
    ] {
        assert!(
            matches!(text.parse(), Ok(Written::Redb(path)) if path.as_os_str() == expected),
            "{text}"
        );
    }
    assert!(matches!("memory:".parse(), Ok(Written::Memory)));
}

#[test]
fn redis_addresses_have_defaults() {
    let address = redis("redis://cache");
    assert_eq!(address.endpoint, tcp("cache", 6379));
    assert_eq!(address.database, 0);
    assert!(!address.tls && address.login.username.is_none() && address.login.password.is_none());
}

#[test]
fn user_password_and_database_are_read() {
    let address = redis("rediss://bob:p%40s%2Fs@cache.example:6380/3");
    assert_eq!(address.endpoint, tcp("cache.example", 6380));
    assert_eq!(address.login.username.as_deref(), Some("bob"));
    assert_eq!(address.login.password.unwrap().expose_secret(), "p@s/s");
    assert_eq!((address.database, address.tls), (3, true));
    let address = redis("redis://:only-a-password@[::1]:7000?db=2");
    assert_eq!(address.endpoint, tcp("::1", 7000));
    assert_eq!(address.login.username, None);
    assert!(address.login.password.is_some());
    assert_eq!(address.database, 2);
}

#[test]
fn a_unix_socket_takes_its_database_as_a_parameter() {
    let address = redis("redis+unix:///run/redis.sock?db=4");
    assert_eq!(
        address.endpoint,
        Endpoint::Unix {
            path: "/run/redis.sock".into()
        }
    );
    assert_eq!(address.database, 4);
    assert_eq!(redis("redis+unix:///run/redis.sock").database, 0);
}

#[test]
fn sentinels_are_listed_before_the_name_of_their_primary() {
    let address = redis("rediss+sentinel://bob:secret@a,b:2,[::1]:3/main/4");
    let sentinels = vec![at("a", 26379), at("b", 2), at("::1", 3)];
    let primary = "main".to_owned();
    assert_eq!(address.endpoint, Endpoint::Sentinel { sentinels, primary });
    assert_eq!(address.login.username.as_deref(), Some("bob"));
    assert_eq!((address.database, address.tls), (4, true));
    for text in ["redis+sentinel://a/main", "redis+sentinel://a/main?db=0"] {
        assert_eq!(
            (redis(text).database, redis(text).tls),
            (0, false),
            "{text}"
        );
    }
}

#[test]
fn a_cluster_is_its_seeds() {
    let address = redis("redis+cluster://:secret@a:1,b,[::1]:3");
    let seeds = vec![at("a", 1), at("b", 6379), at("::1", 3)];
    assert_eq!(address.endpoint, Endpoint::Cluster { seeds });
    assert!(address.login.password.is_some() && !address.tls);
    for text in [
        "redis+cluster://a",
        "rediss+cluster://a/0",
        "redis+cluster://a/",
    ] {
        assert_eq!(redis(text).database, 0, "{text}");
    }
}

#[rstest]
#[case::no_scheme("localhost:6379", AddressError::Scheme)]
#[case::other_scheme("postgres://localhost", AddressError::Scheme)]
#[case::no_path("redb:", AddressError::Path)]
#[case::memory_with_more("memory:x", AddressError::Memory)]
#[case::no_host("redis://", AddressError::Host)]
#[case::bare_ipv6("redis://::1", AddressError::Host)]
#[case::space_in_host("redis://a b", AddressError::Host)]
#[case::two_hosts("redis://a,b", AddressError::Hosts)]
#[case::port_zero("redis://a:0", AddressError::Port)]
#[case::port_too_big("redis://a:65536", AddressError::Port)]
#[case::no_port("redis://a:", AddressError::Port)]
#[case::malformed_db("redis://a/one", AddressError::Database)]
#[case::malformed_db_parameter("redis+unix:///s?db=x", AddressError::Database)]
#[case::negative_db("redis://a?db=-1", AddressError::Database)]
#[case::two_dbs("redis://a/1?db=1", AddressError::Databases)]
#[case::unknown_parameter("redis://a?protocol=3", AddressError::Parameter)]
#[case::second_parameter("redis://a?db=1&x=2", AddressError::Parameter)]
#[case::bad_escape("redis://u:%zz@a", AddressError::Escape)]
#[case::relative_socket("redis+unix://run/redis.sock", AddressError::Socket)]
#[case::sentinel_without_primary("redis+sentinel://a:1,b:2", AddressError::Primary)]
#[case::sentinel_with_a_bad_host("redis+sentinel://a:1,/main", AddressError::Host)]
#[case::sentinel_with_a_bad_db("redis+sentinel://a/main/x", AddressError::Database)]
#[case::cluster_with_a_db("redis+cluster://a:1/1", AddressError::ClusterDatabase)]
#[case::cluster_with_a_db_parameter("redis+cluster://a:1?db=2", AddressError::ClusterDatabase)]
#[case::cluster_with_a_path("redis+cluster://a:1/main", AddressError::Database)]
#[case::cluster_without_hosts("rediss+cluster://", AddressError::Host)]
fn a_malformed_address_says_what_is_wrong(#[case] text: &str, #[case] expected: AddressError) {
    assert_eq!(text.parse::<Written>().unwrap_err(), expected);
}

#[test]
fn neither_errors_nor_the_printed_address_show_a_password() {
    let error = "redis://bob:hunter2@host:port/x".parse::<Written>();
    assert!(!format!("{:?}", error.unwrap_err()).contains("hunter2"));
    let written = redis("rediss://bob:hunter2@host/1");
    assert!(!format!("{written:?}").contains("hunter2"));
    assert_eq!(shown(written), "rediss://host:6379/1");
}

/// How the effective configuration shows the address, in which nobody may find a password.
fn shown(written: WrittenRedis) -> String {
    let address = StoreAddress::Redis(RedisAddress {
        endpoint: written.endpoint,
        database: written.database.into(),
        login: written.login,
        sentinel_login: Login::default(),
        tls: written.tls.then(Tls::default),
        key_prefix: "al".into(),
    });
    assert!(!format!("{address:?}").contains("hunter2"));
    address.to_string()
}

#[test]
fn an_address_is_shown_as_it_would_be_written() {
    for text in [
        "redis://[::1]:7000/2",
        "redis+unix:///run/redis.sock?db=4",
        "redis+sentinel://a:1,[::1]:2/main/3",
        "rediss+cluster://a:1,b:2",
    ] {
        assert_eq!(shown(redis(text)), text);
    }
}
