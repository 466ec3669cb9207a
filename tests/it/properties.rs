//! Whatever bytes come in, they are taken or refused, and nothing else happens. The fuzz targets go on from here.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::probes;

/// The files of a directory below the repository, those of its directories included.
fn files(directory: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(fs::read(path).unwrap());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

/// Bytes that are one of these seeds, with some of them cut out, repeated, or replaced.
fn mutated(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), 0_usize..12, vec(any::<u8>(), 0..12));
    (select(seeds), vec(change, 0..6)).prop_map(|(mut bytes, changes)| {
        for (at, length, new) in changes {
            let at = at.index(bytes.len() + 1);
            let to = (at + length).min(bytes.len());
            bytes.splice(at..to, new);
        }
        bytes
    })
}

fn seeds(target: &str) -> impl Strategy<Value = Vec<u8>> {
    mutated(files(&format!("fuzz/seeds/{target}")))
}

fn messages() -> impl Strategy<Value = Vec<u8>> {
    let mut recorded = files("tests/data/alertmanager");
    recorded.extend(files("fuzz/seeds/webhook"));
    mutated(recorded)
}

proptest! {
    #[test]
    fn a_webhook_of_any_bytes_is_read_or_refused(bytes in messages()) {
        probes::webhook(&bytes);
    }

    #[test]
    fn a_name_of_any_bytes_is_read_or_refused(bytes in seeds("names")) {
        probes::names(&bytes);
    }

    #[test]
    fn a_configuration_of_any_bytes_is_read_or_refused(bytes in seeds("config")) {
        probes::config(&bytes);
    }

    #[test]
    fn feed_entries_of_any_bytes_follow_or_are_refused(bytes in seeds("entries")) {
        probes::entries(&bytes);
    }
}

#[test]
fn a_query_of_any_bytes_is_answered() {
    let service = probes::Service::new();
    proptest!(|(bytes in seeds("query"))| service.query(&bytes));
}

#[test]
fn a_body_of_any_bytes_is_answered() {
    let service = probes::Service::new();
    proptest!(|(bytes in seeds("bodies"))| service.bodies(&bytes));
}

#[test]
fn the_seeds_of_the_feed_are_taken_up_to_what_is_wrong_in_them() {
    let taken = ["gap", "three-changes", "unknown-operation"].map(|name| {
        let seed = fs::read(Path::new("fuzz/seeds/entries").join(name)).unwrap();
        probes::entries(&seed)
    });
    assert_eq!(taken, [None, Some(3), None]);
}
