use serde_json::json;

use super::*;
use crate::domain::record::Record;

/// A record as a version would write it that knows more than this one.
fn newer() -> Value {
    json!({
        "target": {"app": "shop", "environment": "production", "region": "north"},
        "session": {
            "id": "01JXAAAAAAAAAAAAAAAAAAAAAA", "source": "alert", "opened_at": 1_795_000_000_000_u64, "colour": "red",
            "holders": [
                {
                    "cause": {"source": "operator", "name": "ann", "team": "checkout"}, "level": "debug",
                    "started_at": 1_795_000_000_000_u64, "expires_at": 1_795_000_600_000_u64, "ticket": 12,
                },
                {
                    "cause": {"source": "alert", "fingerprint": "f1", "starts_at": 1_795_000_000_000_u64},
                    "level": "debug", "started_at": 1_795_000_000_000_u64, "expires_at": 1_795_000_600_000_u64,
                    "ticket": 13,
                },
            ],
        },
        "quota": {"minutes": [1, 2]},
    })
}

fn record(text: &Value) -> Record {
    decode(&text.to_string()).unwrap()
}

fn written(record: &Record) -> Value {
    decode(&encode_over(&newer().to_string(), record).unwrap()).unwrap()
}

#[test]
fn what_is_unknown_stays_at_every_level() {
    assert_eq!(written(&record(&newer())), newer());
}

#[test]
fn a_holder_that_is_renewed_keeps_what_is_unknown_of_it_and_of_its_cause() {
    let mut changed = record(&newer());
    let session = changed.session.as_mut().unwrap();
    session.holders[0].expires_at =
        session.holders[0].expires_at + std::time::Duration::from_mins(1);
    let mut expected = newer();
    expected["session"]["holders"][0]["expires_at"] = json!(1_795_000_660_000_u64);
    assert_eq!(written(&changed), expected);
}

#[test]
fn a_holder_that_ends_takes_what_is_unknown_of_it_along_and_nobody_inherits_it() {
    let mut changed = record(&newer());
    changed.session.as_mut().unwrap().holders.remove(0);
    let written = written(&changed);
    let holders = written["session"]["holders"].as_array().unwrap();
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0]["ticket"], 13);
}

#[test]
fn a_session_that_ends_is_gone_with_all_that_is_unknown_of_it() {
    let mut changed = record(&newer());
    changed.session = None;
    let written = written(&changed);
    assert!(written.get("session").is_none());
    assert_eq!(written["quota"], newer()["quota"]);
}

#[test]
fn a_value_of_this_version_is_written_as_it_is() {
    let record = record(&newer());
    let plain = encode(&record).unwrap();
    assert_eq!(encode_over(&plain, &record).unwrap(), plain);
}
