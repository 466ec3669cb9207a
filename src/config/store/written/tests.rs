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

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp {
        host: host.into(),
        port,
    }
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
    assert!(!address.tls && address.username.is_none() && address.password.is_none());
}

#[test]
fn user_password_and_database_are_read() {
    let address = redis("rediss://bob:p%40s%2Fs@cache.example:6380/3");
    assert_eq!(address.endpoint, tcp("cache.example", 6380));
    assert_eq!(address.username.as_deref(), Some("bob"));
    assert_eq!(address.password.unwrap().expose_secret(), "p@s/s");
    assert_eq!((address.database, address.tls), (3, true));
    let address = redis("redis://:only-a-password@[::1]:7000?db=2");
    assert_eq!(address.endpoint, tcp("::1", 7000));
    assert_eq!(address.username, None);
    assert!(address.password.is_some());
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
#[case::sentinel(
    "redis+sentinel://a:1,b:2/main/0",
    AddressError::NotYet("redis+sentinel")
)]
#[case::sentinel_tls("rediss+sentinel://a,b,c/main", AddressError::NotYet("redis+sentinel"))]
#[case::sentinel_without_primary("redis+sentinel://a:1,b:2", AddressError::Primary)]
#[case::sentinel_with_a_bad_host("redis+sentinel://a:1,/main", AddressError::Host)]
#[case::sentinel_with_a_bad_db("redis+sentinel://a/main/x", AddressError::Database)]
#[case::cluster(
    "redis+cluster://a:1,b:2,[::1]:3",
    AddressError::NotYet("redis+cluster")
)]
#[case::cluster_with_a_db("redis+cluster://a:1/1", AddressError::Database)]
fn a_malformed_address_says_what_is_wrong(#[case] text: &str, #[case] expected: AddressError) {
    assert_eq!(text.parse::<Written>().unwrap_err(), expected);
}

#[test]
fn neither_errors_nor_the_printed_address_show_a_password() {
    let error = "redis://bob:hunter2@host:port/x".parse::<Written>();
    assert!(!format!("{:?}", error.unwrap_err()).contains("hunter2"));
    let written = redis("rediss://bob:hunter2@host/1");
    assert!(!format!("{written:?}").contains("hunter2"));
    let address = StoreAddress::Redis(RedisAddress {
        endpoint: written.endpoint,
        database: written.database.into(),
        username: written.username,
        password: written.password,
        tls: written.tls.then(Tls::default),
        key_prefix: "al".into(),
    });
    assert_eq!(address.to_string(), "rediss://host:6379/1");
    assert!(!format!("{address:?}").contains("hunter2"));
}
