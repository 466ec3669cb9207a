//! Tells the operator what may go wrong with this Redis, before it does.

use std::collections::HashMap;

use redis::{Cmd, RedisError};

use super::Redis;
use super::connection::Purpose;

/// The oldest major version that the tests run on.
const OLDEST: u32 = 7;

impl Redis {
    /// Looks at the server's own account of itself and warns of what an operator would want to know.
    ///
    /// A server that keeps that to itself is none the worse for it.
    pub(super) async fn warn_of_risks(&self) {
        match self.info().await {
            Ok(info) => {
                for warning in warnings(&info, self.connections.are_fixed()) {
                    tracing::warn!(store.address = %self.address, "{warning}");
                }
            }
            Err(error) => tracing::info!(
                store.address = %self.address,
                %error,
                "cannot tell how this Redis evicts and persists: the user may not call INFO"
            ),
        }
    }

    async fn info(&self) -> Result<HashMap<String, String>, RedisError> {
        let mut all = HashMap::new();
        for section in ["server", "memory", "persistence", "replication", "cluster"] {
            let mut command = Cmd::new();
            command.arg("INFO").arg(section);
            let text: String = self.connections.command(Purpose::Feed, &command).await?;
            all.extend(
                text.lines()
                    .filter_map(|line| line.split_once(':'))
                    .map(|(name, value)| (name.to_owned(), value.trim().to_owned())),
            );
        }
        Ok(all)
    }
}

/// What is risky about a server at a fixed address, or about one that another takes over from.
fn warnings(info: &HashMap<String, String>, is_fixed: bool) -> Vec<String> {
    let value = |name: &str| info.get(name).map_or("", String::as_str);
    let mut warnings = Vec::new();
    let policy = value("maxmemory_policy");
    if !matches!(policy, "" | "noeviction") {
        warnings.push(format!(
            "this Redis deletes keys when memory is short (maxmemory-policy {policy}), sessions among them, without a \
             word: set it to noeviction, or give autolog a Redis of its own"
        ));
    }
    if value("aof_enabled") == "0" {
        warnings.push(
            "this Redis keeps no append-only file: after a crash, the sessions opened since its last snapshot are \
             gone; set appendonly yes"
                .to_owned(),
        );
    }
    if matches!(value("role"), "slave" | "replica") {
        warnings.push(
            "this Redis is a replica and refuses every write: give the address of its primary"
                .to_owned(),
        );
    }
    warnings.extend(of_topology(info, is_fixed).map(str::to_owned));
    let is_redis = value("server_name") != "valkey" && !value("redis_version").is_empty();
    let major = value("redis_version")
        .split('.')
        .next()
        .and_then(|text| text.parse().ok());
    if is_redis && major.is_some_and(|major: u32| major < OLDEST) {
        warnings.push(format!(
            "this Redis is of version {}, and autolog is tested from {OLDEST}.0 on",
            value("redis_version")
        ));
    }
    warnings
}

/// What is wrong with how many there are of this Redis.
fn of_topology(info: &HashMap<String, String>, is_fixed: bool) -> Option<&'static str> {
    let value = |name: &str| info.get(name).map_or("", String::as_str);
    if is_fixed {
        return (value("cluster_enabled") == "1").then_some(
            "this Redis belongs to a Cluster, and autolog will not follow when another of its nodes takes over: give \
             its address as redis+cluster://",
        );
    }
    match value("connected_slaves") {
        "" => None,
        "0" => Some(
            "this Redis has no replica that could take over from it: what it has not written to disk dies with it",
        ),
        _ if info.contains_key("min_slaves_good_slaves") => None,
        _ => Some(
            "this Redis takes writes that no replica may ever get, and a failover loses them: set min-replicas-to-write \
             1 and min-replicas-max-lag 2 on it and on its replicas",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(values: &[(&str, &str)]) -> HashMap<String, String> {
        values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_careful_redis_and_one_that_tells_nothing_are_fine() {
        let careful = [
            ("maxmemory_policy", "noeviction"),
            ("aof_enabled", "1"),
            ("role", "master"),
            ("redis_version", "7.0.15"),
        ];
        assert!(warnings(&info(&careful), true).is_empty());
        assert!(warnings(&info(&[]), true).is_empty());
    }

    #[test]
    fn each_risk_has_its_warning() {
        for (name, value, word) in [
            ("maxmemory_policy", "volatile-lru", "noeviction"),
            ("aof_enabled", "0", "appendonly yes"),
            ("role", "slave", "primary"),
            ("redis_version", "6.2.14", "6.2.14"),
            ("cluster_enabled", "1", "redis+cluster://"),
        ] {
            let warnings = warnings(&info(&[(name, value)]), true);
            assert_eq!(warnings.len(), 1, "{name}");
            assert!(warnings[0].contains(word), "{name}: {}", warnings[0]);
        }
    }

    #[test]
    fn one_that_others_take_over_from_needs_replicas_that_have_what_it_has() {
        let told = |values: &[(&str, &str)]| warnings(&info(values), false);
        let alone = told(&[("connected_slaves", "0"), ("cluster_enabled", "1")]);
        assert!(
            alone.len() == 1 && alone[0].contains("no replica"),
            "{alone:?}"
        );
        let careless = told(&[("connected_slaves", "1")]);
        assert!(
            careless.len() == 1 && careless[0].contains("min-replicas-to-write 1"),
            "{careless:?}"
        );
        let careful = [("connected_slaves", "1"), ("min_slaves_good_slaves", "1")];
        assert!(told(&careful).is_empty());
    }

    #[test]
    fn a_valkey_that_says_it_is_redis_7_2_is_not_too_old() {
        let valkey = [("server_name", "valkey"), ("redis_version", "7.2.4")];
        assert!(warnings(&info(&valkey), true).is_empty());
    }
}
