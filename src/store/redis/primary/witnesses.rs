//! Asks several servers where the primary is: they need not agree while it changes.

use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::RedisResult;

use super::testimony::Testimony;
use super::{cluster, sentinel, unknown};
use crate::store::redis::address::Node;
use crate::store::redis::dialer::{Dialer, Place, TIMEOUT};

/// How long the others may take once more than half agree: one that hangs costs no more.
const GRACE: Duration = Duration::from_millis(100);
/// How many nodes that were only heard of are remembered, for when none of the configured ones answers.
const REMEMBERED: usize = 16;

/// Servers that know where the primary is.
pub(super) struct Witnesses {
    dialer: Dialer,
    nodes: Vec<Node>,
    question: Question,
    /// Others that were heard of.
    heard_of: Mutex<Vec<Node>>,
}

/// What is asked.
pub(super) enum Question {
    /// Where is the primary of this name? For Sentinels.
    Named(String),
    /// Who owns this slot? For the nodes of a Cluster.
    OwnerOf(u16),
}

/// Where some of them say that the primary is.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) node: Node,
    /// How many say so.
    votes: usize,
    /// The most recent that any of those knows of.
    pub(super) epoch: u64,
}

impl Witnesses {
    pub(super) const fn new(dialer: Dialer, nodes: Vec<Node>, question: Question) -> Self {
        Self {
            dialer,
            nodes,
            question,
            heard_of: Mutex::new(Vec::new()),
        }
    }

    /// Asks all of them, and returns where the primary may be: what is most recent first, then what most of them say.
    pub(super) async fn ask(&self) -> RedisResult<Vec<Told>> {
        let told = self.ask_these(&self.nodes).await;
        let others = self.heard_of().clone();
        if told.is_ok() || others.is_empty() {
            return told;
        }
        self.ask_these(&others).await
    }

    async fn ask_these(&self, nodes: &[Node]) -> RedisResult<Vec<Told>> {
        let mut told: Vec<Told> = Vec::new();
        let mut why = unknown("nobody was there to ask for the primary", String::new());
        let mut answers: FuturesUnordered<_> = nodes.iter().map(|node| self.hear(node)).collect();
        let mut patience = TIMEOUT;
        while let Ok(Some(answer)) = tokio::time::timeout(patience, answers.next()).await {
            let testimony = match answer {
                Ok(testimony) => testimony,
                Err(error) => {
                    why = error;
                    continue;
                }
            };
            self.remember(testimony.others);
            let Some(node) = testimony.primary else {
                why = unknown("whoever was asked knows no primary", String::new());
                continue;
            };
            if note(&mut told, node, testimony.epoch) * 2 > nodes.len() {
                patience = GRACE;
            }
        }
        told.sort_by_key(|told| Reverse((told.epoch, told.votes)));
        if told.is_empty() { Err(why) } else { Ok(told) }
    }

    async fn hear(&self, node: &Node) -> RedisResult<Testimony> {
        let ask = async {
            let mut connection = self.dialer.connect(&Place::Node(node.clone())).await?;
            match &self.question {
                Question::Named(name) => sentinel::ask(&mut connection, name).await,
                Question::OwnerOf(slot) => cluster::ask(&mut connection, *slot, node).await,
            }
        };
        let late = |_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
        tokio::time::timeout(TIMEOUT, ask)
            .await
            .unwrap_or_else(late)
    }

    fn remember(&self, nodes: Vec<Node>) {
        if !nodes.is_empty() {
            let others = nodes.into_iter().filter(|node| !self.nodes.contains(node));
            *self.heard_of() = others.take(REMEMBERED).collect();
        }
    }

    fn heard_of(&self) -> std::sync::MutexGuard<'_, Vec<Node>> {
        self.heard_of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes a vote, and returns how many this node has by now.
fn note(told: &mut Vec<Told>, node: Node, epoch: u64) -> usize {
    if let Some(told) = told.iter_mut().find(|told| told.node == node) {
        told.votes += 1;
        told.epoch = told.epoch.max(epoch);
        return told.votes;
    }
    told.push(Told {
        node,
        votes: 1,
        epoch,
    });
    1
}
