//! Asks a Sentinel where the primary is.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisResult};

use super::testimony::Testimony;
use crate::store::redis::address::Node;

/// Asks where the primary of this name is, and by which failover.
///
/// A Sentinel that leads a failover names the new primary by its address first, and all that it says of it later; but only
/// there is the epoch, by which an answer that is out of date is told from a new one.
pub(super) async fn ask(
    connection: &mut MultiplexedConnection,
    name: &str,
) -> RedisResult<Testimony> {
    let (address, state): (Option<(String, u16)>, HashMap<String, String>) = Pipeline::new()
        .cmd("SENTINEL")
        .arg("GET-MASTER-ADDR-BY-NAME")
        .arg(name)
        .cmd("SENTINEL")
        .arg("MASTER")
        .arg(name)
        .query_async(connection)
        .await?;
    let epoch = state.get("config-epoch").and_then(|text| text.parse().ok());
    Ok(Testimony {
        primary: address.map(|(host, port)| Node { host, port }),
        epoch: epoch.unwrap_or(0),
        others: Vec::new(),
    })
}
