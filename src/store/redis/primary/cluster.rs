//! Asks a node of a Redis Cluster who owns the slot of our keys.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, RedisResult, Value};

use super::testimony::Testimony;
use crate::store::redis::address::Node;

/// How many slots a Cluster has.
const SLOTS: u16 = 16_384;

/// The slot of every key with this hash tag: CRC16 (XMODEM) of the tag, modulo the number of slots.
pub(super) fn slot(tag: &str) -> u16 {
    let shift = |crc: u16, _| {
        if crc & 0x8000 == 0 {
            crc << 1
        } else {
            (crc << 1) ^ 0x1021
        }
    };
    let crc = tag.bytes().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), shift)
    });
    crc % SLOTS
}

/// Asks `node` who owns `slot`, and which other primaries there are.
pub(super) async fn ask(
    connection: &mut MultiplexedConnection,
    slot: u16,
    node: &Node,
) -> RedisResult<Testimony> {
    let mut command = Cmd::new();
    command.arg("CLUSTER").arg("SLOTS");
    let ranges: Vec<Vec<Value>> = command.query_async(connection).await?;
    Ok(testimony(&ranges, slot, node))
}

/// Reads `CLUSTER SLOTS`: first slot, last slot, the primary, and then its replicas, for each range.
fn testimony(ranges: &[Vec<Value>], slot: u16, asked: &Node) -> Testimony {
    let mut testimony = Testimony::default();
    for range in ranges {
        let [
            Value::Int(first),
            Value::Int(last),
            Value::Array(primary),
            ..,
        ] = &range[..]
        else {
            continue;
        };
        let Some(primary) = node(primary, asked) else {
            continue;
        };
        if (*first..=*last).contains(&i64::from(slot)) {
            testimony.primary = Some(primary.clone());
        }
        if !testimony.others.contains(&primary) {
            testimony.others.push(primary);
        }
    }
    testimony
}

/// Reads a node; one that does not know its own address is where it was asked.
fn node(description: &[Value], asked: &Node) -> Option<Node> {
    let [host, Value::Int(port), ..] = description else {
        return None;
    };
    let host: Option<String> = redis::from_redis_value_ref(host).ok()?;
    let host = match host.as_deref() {
        // a name that was not set
        Some("?") => return None,
        None | Some("") => &asked.host,
        Some(host) => host,
    };
    Some(Node {
        host: host.to_owned(),
        port: (*port).try_into().ok()?,
    })
}

/// Where `MOVED slot host:port` or `ASK slot host:port` leads, if it names the host.
pub(super) fn redirected(error: &RedisError) -> Option<Node> {
    let (host, port) = error.redirect_node()?.0.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_named = !matches!(host, "" | "?");
    Some(Node {
        host: host.to_owned(),
        port: port.parse().ok()?,
    })
    .filter(|_| is_named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn range(first: i64, last: i64, host: Value, port: i64) -> Vec<Value> {
        let primary = Value::Array(vec![host, Value::Int(port), text("id")]);
        let replica = Value::Array(vec![text("replica"), Value::Int(1), text("id")]);
        vec![Value::Int(first), Value::Int(last), primary, replica]
    }

    fn at(host: &str, port: u16) -> Node {
        Node {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn slots_are_those_of_redis() {
        // The first is the check value of the specification of Redis Cluster, the others what redis-cli says.
        assert_eq!(slot("123456789"), 0x31c3);
        assert_eq!(slot("foo"), 12_182);
        assert_eq!(slot(""), 0);
    }

    #[test]
    fn the_owner_is_the_primary_of_the_range_that_has_the_slot() {
        let ranges = [
            range(0, 99, text("a"), 1),
            range(100, 199, text("b"), 2),
            range(300, 399, text("a"), 1),
        ];
        let asked = at("asked", 9);
        for (slot, owner) in [
            (0, Some(at("a", 1))),
            (99, Some(at("a", 1))),
            (100, Some(at("b", 2))),
            (250, None),
            (399, Some(at("a", 1))),
        ] {
            assert_eq!(testimony(&ranges, slot, &asked).primary, owner, "{slot}");
        }
        let others = testimony(&ranges, 0, &asked).others;
        assert_eq!(others, [at("a", 1), at("b", 2)]);
    }

    #[test]
    fn a_node_that_does_not_know_its_address_is_where_it_was_asked() {
        let asked = at("asked", 9);
        for host in [text(""), Value::Nil] {
            let ranges = [range(0, 9, host, 7)];
            let owner = testimony(&ranges, 5, &asked).primary;
            assert_eq!(owner, Some(at("asked", 7)));
        }
        assert_eq!(
            testimony(&[range(0, 9, text("?"), 7)], 5, &asked).primary,
            None
        );
    }

    #[test]
    fn what_is_no_range_is_passed_over() {
        let nonsense = [vec![], vec![Value::Nil], vec![Value::Int(0), Value::Int(9)]];
        assert_eq!(testimony(&nonsense, 5, &at("a", 1)), Testimony::default());
    }
}
