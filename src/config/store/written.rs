//! Store addresses as they are written.

use std::path::PathBuf;

use secrecy::SecretString;

use super::AddressError;
use crate::store::redis::{Endpoint, Login, Node};

/// An address as it was written, before its companions from other variables are added.
#[derive(Debug)]
pub(in crate::config) enum Written {
    Redb(PathBuf),
    Memory,
    Redis(WrittenRedis),
}

/// The Redis part of an address as it was written.
#[derive(Debug)]
pub(in crate::config) struct WrittenRedis {
    pub(in crate::config) endpoint: Endpoint,
    pub(in crate::config) database: u32,
    pub(in crate::config) login: Login,
    pub(in crate::config) tls: bool,
}

impl std::str::FromStr for Written {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("redb:") {
            return match path.strip_prefix("//").unwrap_or(path) {
                "" => Err(AddressError::Path),
                path => Ok(Self::Redb(path.into())),
            };
        }
        if let Some(rest) = text.strip_prefix("memory:") {
            return rest
                .is_empty()
                .then_some(Self::Memory)
                .ok_or(AddressError::Memory);
        }
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        match scheme {
            "redis" => single(rest, false).map(Self::Redis),
            "rediss" => single(rest, true).map(Self::Redis),
            "redis+unix" => socket(rest).map(Self::Redis),
            "redis+sentinel" => sentinel(rest, false).map(Self::Redis),
            "rediss+sentinel" => sentinel(rest, true).map(Self::Redis),
            "redis+cluster" => cluster(rest, false).map(Self::Redis),
            "rediss+cluster" => cluster(rest, true).map(Self::Redis),
            _ => Err(AddressError::Scheme),
        }
    }
}

/// Reads `[user[:password]@]host[:port][/db][?db=n]`.
fn single(rest: &str, tls: bool) -> Result<WrittenRedis, AddressError> {
    let parts = Parts::of(rest)?;
    if parts.hosts.contains(',') {
        return Err(AddressError::Hosts);
    }
    Ok(WrittenRedis {
        endpoint: Endpoint::Tcp(node(parts.hosts, 6379)?),
        database: database(parts.path, parts.query)?,
        login: parts.login,
        tls,
    })
}

/// Reads `/path/of/socket[?db=n]`.
fn socket(rest: &str) -> Result<WrittenRedis, AddressError> {
    let (path, query) = split(rest, '?');
    if path.len() < 2 || !path.starts_with('/') {
        return Err(AddressError::Socket);
    }
    Ok(WrittenRedis {
        endpoint: Endpoint::Unix { path: path.into() },
        database: database(None, query)?,
        login: Login::default(),
        tls: false,
    })
}

/// Reads `[user[:password]@]host[:port],…/primary[/db][?db=n]`.
fn sentinel(rest: &str, tls: bool) -> Result<WrittenRedis, AddressError> {
    let parts = Parts::of(rest)?;
    let sentinels = nodes(parts.hosts, 26379)?;
    let (primary, db) = split(parts.path.unwrap_or_default(), '/');
    let primary = unescape(primary)?;
    if primary.is_empty() {
        return Err(AddressError::Primary);
    }
    Ok(WrittenRedis {
        endpoint: Endpoint::Sentinel { sentinels, primary },
        database: database(db, parts.query)?,
        login: parts.login,
        tls,
    })
}

/// Reads `[user[:password]@]host[:port],…`; a Cluster has one database.
fn cluster(rest: &str, tls: bool) -> Result<WrittenRedis, AddressError> {
    let parts = Parts::of(rest)?;
    let seeds = nodes(parts.hosts, 6379)?;
    if database(parts.path, parts.query)? != 0 {
        return Err(AddressError::ClusterDatabase);
    }
    Ok(WrittenRedis {
        endpoint: Endpoint::Cluster { seeds },
        database: 0,
        login: parts.login,
        tls,
    })
}

/// `[user[:password]@]hosts[/path][?query]`, split.
struct Parts<'a> {
    login: Login,
    hosts: &'a str,
    path: Option<&'a str>,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// Splits at the last `@` before the path, as a password may have one; a `/` or `?` in it must be escaped.
    fn of(rest: &'a str) -> Result<Self, AddressError> {
        let (rest, query) = split(rest, '?');
        let (authority, path) = split(rest, '/');
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        let (username, password) = user.map_or((None, None), |user| {
            let (name, password) = split(user, ':');
            (Some(name).filter(|name| !name.is_empty()), password)
        });
        Ok(Self {
            login: Login {
                username: username.map(unescape).transpose()?,
                password: password.map(unescape).transpose()?.map(SecretString::from),
            },
            hosts,
            path,
            query,
        })
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

fn nodes(list: &str, port: u16) -> Result<Vec<Node>, AddressError> {
    list.split(',').map(|text| node(text, port)).collect()
}

/// Reads `host[:port]`.
fn node(text: &str, default: u16) -> Result<Node, AddressError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(AddressError::Host)?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(AddressError::Host);
            }
            let port = rest.strip_prefix(':');
            (
                host,
                if rest.is_empty() {
                    None
                } else {
                    Some(port.ok_or(AddressError::Port)?)
                },
            )
        }
        None => split(text, ':'),
    };
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if host.is_empty() || !host.bytes().all(valid) {
        return Err(AddressError::Host);
    }
    let port = match port.map(str::parse::<u16>) {
        None => default,
        Some(Ok(port)) if port != 0 => port,
        Some(_) => return Err(AddressError::Port),
    };
    Ok(Node {
        host: host.to_owned(),
        port,
    })
}

fn database(path: Option<&str>, query: Option<&str>) -> Result<u32, AddressError> {
    let path = path.filter(|path| !path.is_empty());
    let query = query.filter(|query| !query.is_empty());
    let query = query
        .map(|query| query.strip_prefix("db=").ok_or(AddressError::Parameter))
        .transpose()?;
    match (path, query) {
        (None, None) => Ok(0),
        (Some(number), None) | (None, Some(number)) if number.contains('&') => {
            Err(AddressError::Parameter)
        }
        (Some(number), None) | (None, Some(number)) => match number.parse() {
            Ok(number) => Ok(number),
            Err(_) => Err(AddressError::Database),
        },
        (Some(_), Some(_)) => Err(AddressError::Databases),
    }
}

/// Resolves `%` escapes (RFC 3986, 2.1).
fn unescape(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = rest.next().and_then(nibble).ok_or(AddressError::Escape)?;
            let low = rest.next().and_then(nibble).ok_or(AddressError::Escape)?;
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => Err(AddressError::Escape),
    }
}

fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
