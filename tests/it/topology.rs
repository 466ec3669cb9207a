//! Redis in the forms in which several servers make one: behind Sentinels, and as a Cluster.

use std::fs::File;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use autolog::store::redis::{Endpoint, List, Login, Node, RedisAddress};

use crate::backend::{Server, within};

/// How long a form takes to come up on a busy machine.
const UP: Duration = Duration::from_mins(1);
/// The name that Sentinels know the primary by.
const NAME: &str = "main";

/// A port of the loopback interface that nothing uses: below those that the kernel gives to connections.
///
/// It stays taken as long as the process lives, for other tests that run at the same time.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = std::env::temp_dir().join("autolog-test-ports");
    std::fs::create_dir_all(&folder).unwrap();
    let own = u16::try_from(std::process::id() % 200).unwrap() * 100;
    loop {
        let port = 12_000 + (own + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let lock = File::create(folder.join(port.to_string())).unwrap();
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            TAKEN.lock().unwrap().push(lock);
            return port;
        }
    }
}

/// A server on the loopback interface.
pub(crate) fn local(port: u16) -> Node {
    Node {
        host: "127.0.0.1".to_owned(),
        port,
    }
}

/// An address without login and encryption.
pub(crate) fn address(endpoint: Endpoint) -> RedisAddress {
    RedisAddress {
        endpoint,
        database: 0,
        login: Login::default(),
        sentinel_login: Login::default(),
        tls: None,
        key_prefix: "al".to_owned(),
    }
}

/// Two Redis servers, one of which is the primary, and three Sentinels that give one a second to answer.
pub(crate) struct Sentinels {
    pub(crate) servers: Vec<Server>,
    ports: Vec<u16>,
    pub(crate) watchers: Vec<Server>,
    nodes: Vec<Node>,
}

impl Sentinels {
    /// Starts them, the servers with these arguments and the Sentinels with these lines of settings besides.
    pub(crate) fn start(arguments: &[&str], settings: &str) -> Self {
        let ports = vec![free_port(), free_port()];
        let primary = ports[0].to_string();
        let follows = ["--replicaof", "127.0.0.1", &primary];
        let servers = vec![
            Server::on_port(ports[0], arguments),
            Server::on_port(ports[1], &[arguments, &follows].concat()),
        ];
        let watched = format!(
            "sentinel monitor {NAME} 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 6000\n{settings}\n"
        );
        within(UP, || servers.iter().all(Server::answers));
        let nodes: Vec<Node> = (0..3).map(|_| local(free_port())).collect();
        let watchers = nodes
            .iter()
            .map(|node| Server::sentinel(node.port, &watched));
        let started = Self {
            watchers: watchers.collect(),
            servers,
            ports,
            nodes,
        };
        within(UP, || started.are_complete());
        started
    }

    /// Whether every Sentinel knows the replica and the other Sentinels.
    pub(crate) fn are_complete(&self) -> bool {
        self.watchers.iter().all(|sentinel| {
            let count = |what: &str| {
                let words = ["SENTINEL", what, NAME].map(str::to_owned);
                let listed: redis::RedisResult<Vec<redis::Value>> = sentinel.try_run(&words);
                listed.map_or(0, |listed| listed.len())
            };
            count("sentinels") == 2 && count("replicas") == 1
        })
    }

    /// The port of a server.
    pub(crate) fn port(&self, index: usize) -> u16 {
        self.ports[index]
    }

    pub(crate) fn address(&self) -> RedisAddress {
        address(Endpoint::Sentinel {
            sentinels: self.nodes.clone(),
            primary: NAME.to_owned(),
        })
    }

    /// The address, as a variable has it.
    pub(crate) fn url(&self) -> String {
        format!("redis+sentinel://{}/{NAME}", List(&self.nodes))
    }

    /// Which of the servers the Sentinels name, if all that answer agree.
    pub(crate) fn primary(&self) -> Option<usize> {
        let words = ["SENTINEL", "get-master-addr-by-name", NAME].map(str::to_owned);
        let told = |sentinel: &Server| sentinel.try_run::<(String, u16)>(&words);
        let mut ports: Vec<u16> = self
            .watchers
            .iter()
            .filter_map(|sentinel| Some(told(sentinel).ok()?.1))
            .collect();
        ports.dedup();
        match ports[..] {
            [port] => self.ports.iter().position(|&own| own == port),
            _ => None,
        }
    }
}

/// A Cluster of three primaries with a replica each; the first primary owns the slot of the keys.
pub(crate) struct Cluster {
    pub(crate) servers: Vec<Server>,
    nodes: Vec<Node>,
}

impl Cluster {
    /// How many of the nodes are primaries at first: each has the replica that is three further.
    pub(crate) const PRIMARIES: usize = 3;

    /// Starts it with these arguments besides.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let own = "--cluster-enabled yes --cluster-node-timeout 1000 --cluster-port";
        let mut nodes = Vec::new();
        let mut servers = Vec::new();
        for _ in 0..2 * Self::PRIMARIES {
            let (port, bus) = (free_port(), free_port().to_string());
            let own = own.split(' ').chain([bus.as_str()]);
            let all: Vec<&str> = own.chain(arguments.iter().copied()).collect();
            servers.push(Server::on_port(port, &all));
            nodes.push((port, bus));
        }
        within(UP, || servers.iter().all(Server::answers));
        for (index, (port, bus)) in nodes.iter().enumerate() {
            servers[index].run::<String>(&format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1));
            servers[0].run::<String>(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
        }
        for (index, slots) in ["4096 8191", "0 4095", "8192 16383"].iter().enumerate() {
            servers[index].run::<String>(&format!("CLUSTER ADDSLOTSRANGE {slots}"));
        }
        let cluster = Self {
            servers,
            nodes: nodes.iter().map(|(port, _)| local(*port)).collect(),
        };
        within(UP, || {
            cluster.all("CLUSTER NODES", |text| text.lines().count() == 6)
        });
        for index in 0..Self::PRIMARIES {
            let id: String = cluster.servers[index].run("CLUSTER MYID");
            let replica = &cluster.servers[index + Self::PRIMARIES];
            let words = ["CLUSTER", "REPLICATE", &id].map(str::to_owned);
            within(UP, || replica.try_run::<String>(&words).is_ok());
        }
        within(UP, || cluster.is_whole());
        cluster
    }

    /// Whether all nodes that answer say that all is well, every replica among them.
    pub(crate) fn is_whole(&self) -> bool {
        let knows_replicas = |text: &str| text.matches(" slave ").count() >= Self::PRIMARIES;
        self.all("CLUSTER INFO", |text| text.contains("cluster_state:ok"))
            && self.all("CLUSTER NODES", |text| {
                knows_replicas(&text.replace("myself,", " "))
            })
            && self.all("INFO replication", |text| {
                text.contains("role:master") || text.contains("master_link_status:up")
            })
    }

    fn all(&self, command: &str, holds: impl Fn(&str) -> bool) -> bool {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let holds = |server: &Server| {
            server
                .try_run::<String>(&words)
                .is_ok_and(|text| holds(&text))
        };
        self.servers.iter().all(holds)
    }

    /// Its address, by these nodes.
    pub(crate) fn address(&self, seeds: &[usize]) -> RedisAddress {
        let seeds = seeds.iter().map(|&index| self.nodes[index].clone());
        address(Endpoint::Cluster {
            seeds: seeds.collect(),
        })
    }

    /// The address by its first three nodes, as a variable has it.
    pub(crate) fn url(&self) -> String {
        format!("redis+cluster://{}", List(&self.nodes[..Self::PRIMARIES]))
    }

    /// The nodes that say that they are primaries.
    pub(crate) fn primaries(&self) -> Vec<usize> {
        let words = ["INFO", "replication"].map(str::to_owned);
        let is_primary = |index: &usize| {
            let told = self.servers[*index].try_run::<String>(&words);
            told.is_ok_and(|text| text.contains("role:master"))
        };
        (0..self.servers.len()).filter(is_primary).collect()
    }

    /// The primary that has the keys.
    pub(crate) fn owner(&self) -> Option<usize> {
        let words = ["EXISTS", "{al}:meta"].map(str::to_owned);
        let has_keys = |index: &usize| self.servers[*index].try_run::<u64>(&words) == Ok(1);
        self.primaries().into_iter().find(has_keys)
    }

    /// The port of a node.
    pub(crate) fn port(&self, index: usize) -> u16 {
        self.nodes[index].port
    }
}

/// A slot on its way from one node to another, as `redis-cli --cluster reshard` moves it.
pub(crate) struct Move<'a> {
    cluster: &'a Cluster,
    slot: u64,
    from: usize,
    to: usize,
}

impl<'a> Move<'a> {
    /// Tells both nodes that it will move.
    pub(crate) fn begin(cluster: &'a Cluster, from: usize, to: usize) -> Self {
        let slot = cluster.servers[from].run("CLUSTER KEYSLOT {al}:meta");
        let moving = Self {
            cluster,
            slot,
            from,
            to,
        };
        moving.set(to, &format!("IMPORTING {}", moving.id(from)));
        moving.set(from, &format!("MIGRATING {}", moving.id(to)));
        moving
    }

    fn id(&self, node: usize) -> String {
        self.cluster.servers[node].run("CLUSTER MYID")
    }

    fn set(&self, node: usize, what: &str) {
        let command = format!("CLUSTER SETSLOT {} {what}", self.slot);
        assert_eq!(self.cluster.servers[node].run::<String>(&command), "OK");
    }

    /// Moves the keys that are there now.
    pub(crate) fn carry(&self) {
        let source = &self.cluster.servers[self.from];
        loop {
            let keys: Vec<String> = source.run(&format!("CLUSTER GETKEYSINSLOT {} 10", self.slot));
            if keys.is_empty() {
                return;
            }
            let port = self.cluster.port(self.to).to_string();
            let head = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            let words: Vec<String> = head.map(str::to_owned).into_iter().chain(keys).collect();
            source.try_run::<String>(&words).unwrap();
        }
    }

    /// Tells both nodes that it has moved.
    pub(crate) fn end(self) {
        let owner = format!("NODE {}", self.id(self.to));
        self.set(self.to, &owner);
        self.set(self.from, &owner);
    }
}
