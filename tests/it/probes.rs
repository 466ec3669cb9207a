//! Hands arbitrary bytes to everything that reads what others wrote, and fails if it does not take or refuse them properly.
//!
//! Used by the property tests here, and by the fuzz targets in `fuzz/`, which know nothing else of the crate.

use std::ffi::OsString;

use autolog::alertmanager::{Asks, Mapping};
use autolog::config::Config;
use autolog::domain::book::Book;
use autolog::domain::level::Level;
use autolog::domain::name::{App, Endpoint, Environment, Fingerprint, Operator, Reason};
use autolog::domain::operation::{Alert, Operation};
use autolog::domain::policy::Policy;
use autolog::domain::time::Time;
use autolog::store::redis::read_entries;
use autolog::store::{Position, StoreError};

#[path = "probes/service.rs"] // so that it is found from fuzz/ as well
mod service;

/// What asks the service something, with everything but the bytes in order.
pub(crate) use service::Service;

const MARK: &str = "Zq7-mark-of-a-value";

/// A webhook's body: whatever asks for a session gets one of a valid target, within the limits.
pub(crate) fn webhook(bytes: &[u8]) {
    let policy = Policy::default();
    let mapping = Mapping::new(&policy);
    for wanted in [false, true] {
        let Ok(message) = mapping.read(bytes, wanted) else {
            continue;
        };
        assert!(message.sightings.len() <= mapping.max_alerts);
        let alerts = message.sightings.into_iter();
        let alerts = alerts.filter_map(|sighting| match sighting.asks {
            Asks::Session(alert) => Some(alert),
            Asks::Nothing | Asks::Unmapped(_) | Asks::Invalid(_) => None,
        });
        observe(alerts.collect(), &policy);
    }
}

fn observe(alerts: Vec<Alert>, policy: &Policy) {
    let now = Time::from_millis(1_795_000_000_000);
    let count = alerts.len();
    let operation = Operation::Observe(alerts);
    let mut ledger = Book::default().ledger(&operation.scope(), now);
    let decision = operation.decide(&mut ledger, policy, 0);
    assert_eq!(decision.outcomes.len(), count);
    for record in ledger.into_changes().written {
        assert!(App::parse(record.target.app.as_str()).is_ok());
        assert!(Environment::parse(record.target.environment.as_str()).is_ok());
        for holder in record.session.iter().flat_map(|session| &session.holders) {
            assert_eq!(holder.level, Level::Debug);
            assert!(now < holder.expires_at && holder.expires_at <= now + policy.ttl_max);
        }
    }
}

/// A name of each kind: what is taken is written as it was read, and nothing in it ends a line or turns it round.
pub(crate) fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let taken = [
        App::parse(text).map(|name| name.to_string()),
        Environment::parse(text).map(|name| name.to_string()),
        Endpoint::parse(text).map(|name| name.to_string()),
        Operator::parse(text).map(|name| name.to_string()),
        Fingerprint::parse(text).map(|name| name.to_string()),
        Reason::parse(text).map(|name| name.as_str().to_owned()),
    ];
    for name in taken.into_iter().flatten() {
        assert_eq!(name, text);
        assert!(!name.contains(['\0', '\n', '\r', '\u{1b}', '\u{2028}', '\u{202e}']));
    }
}

/// Environment variables, one `NAME=value` a line: they are read, or problems are told that quote no value.
pub(crate) fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let pairs: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let read = |mark: &str| {
        let vars = pairs.iter().map(|(name, value)| {
            let name = format!("AUTOLOG_{name}");
            (
                OsString::from(name),
                OsString::from(format!("{value}{mark}")),
            )
        });
        Config::from_vars(vars).map_err(|error| error.to_string())
    };
    let _taken_or_refused = read("");
    // a mark in each value tells whether a value is told, which a value that is part of a message would not
    let told = read(MARK).err().unwrap_or_default();
    let is_named = pairs.iter().any(|(name, _)| name.contains(MARK));
    assert!(is_named || !told.contains(MARK), "{told}");
}

/// Entries of the change feed, separated as in the seeds: they follow each other, or are refused.
///
/// Tells how many were taken.
pub(crate) fn entries(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let position = Position {
        epoch: "epoch".to_owned(),
        seq: 41,
        chain: "epoch".to_owned(),
        id: "1-0".to_owned(),
    };
    let entries = text.split("\u{1}\u{1}").map(|entry| {
        let mut words = entry.split('\u{1}').map(str::to_owned);
        let mut fields = Vec::new();
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            fields.push((name, value));
        }
        ("2-0".to_owned(), fields)
    });
    match read_entries(&position, entries) {
        Ok(changes) => {
            for (change, seq) in changes.iter().zip(42..) {
                assert_eq!(change.position.seq, seq);
                assert_eq!(change.position.epoch, "epoch");
            }
            Some(changes.len())
        }
        Err(StoreError::Gap | StoreError::Corrupt(_)) => None,
        Err(error) => panic!("{error}"),
    }
}
