use std::time::Duration;

use proptest::prelude::*;

use super::{decode, encode};
use crate::domain::holder::{Alerting, Cause, Holder, Others, Source};
use crate::domain::level::Level;
use crate::domain::name::{App, Endpoint, Environment, Fingerprint, Operator, Reason};
use crate::domain::outcome::Guardrail;
use crate::domain::record::{
    Barred, BarredOthers, Episode, MAX_MEMORIES, MAX_WAITING, Memory, Record, Seen, Waiting,
};
use crate::domain::session::{MAX_HOLDERS, Session, SessionId};
use crate::domain::target::Place;
use crate::domain::time::Time;

/// What a record may take at most when it is written as JSON.
const LIMIT: usize = 16 * 1024;
/// A millisecond of the year 2286: by the store's clock no instant is longer until then.
const LATE: Time = Time::from_millis(9_999_999_999_999);
/// The longest an instant of a sender can be, in the year 10,000 before Christ.
const LONG_AGO: Time = Time::from_millis(-377_705_116_800_000);

fn encoded(record: &Record) -> usize {
    encode(record).unwrap().len()
}

fn episode(number: usize) -> Episode {
    Episode {
        fingerprint: Fingerprint::parse(&format!("{number:0>width$}", width = Fingerprint::MAX))
            .unwrap(),
        starts_at: LONG_AGO,
    }
}

fn endpoint() -> Option<Endpoint> {
    Endpoint::parse(&"/".repeat(Endpoint::MAX)).ok()
}

/// Quotes take two bytes each in JSON, and these characters four.
fn reason() -> Reason {
    Reason::parse(&"\"\u{1f4a5}".repeat(Reason::MAX / 2)).unwrap()
}

fn holder(number: usize, cause: Cause) -> Holder {
    Holder {
        cause,
        level: Level::Trace,
        started_at: LATE - Duration::from_millis(u64::try_from(number).unwrap()),
        expires_at: LATE,
        reason: reason(),
    }
}

fn alert(number: usize) -> Holder {
    let episode = episode(number);
    let alert = Alerting {
        fingerprint: episode.fingerprint,
        starts_at: episode.starts_at,
        resolved: true,
        endpoint: endpoint(),
    };
    holder(number, Cause::Alert(alert))
}

fn operator(number: usize) -> Holder {
    let name = format!("{number:0>width$}", width = Operator::MAX);
    let name = Operator::parse(&name).unwrap();
    holder(number, Cause::Operator { name })
}

fn crowd() -> Seen {
    let mut seen = Seen::default();
    for number in 0..Seen::MOST {
        assert!(seen.insert(&episode(number)));
    }
    seen
}

fn others() -> Holder {
    let others = Others {
        count: u32::MAX,
        seen: crowd(),
    };
    holder(0, Cause::Others(others))
}

fn waiting(number: usize) -> Waiting {
    Waiting {
        alert: episode(number),
        guardrail: Guardrail::AutomaticPerApp,
        since: LATE,
        until: LATE,
        ttl_ms: 999_999_999,
        endpoint: endpoint(),
        reason: reason(),
    }
}

fn memories() -> Vec<Memory> {
    let memory = |number| Memory {
        alert: episode(number),
        at: LATE,
        until: LATE,
    };
    (0..MAX_MEMORIES).map(memory).collect()
}

/// Everything at once, as large as each can be; `alerts` of the holders are alerts, the others operators.
fn worst(alerts: usize) -> Record {
    let place = Place {
        app: App::parse(&"a".repeat(App::MAX)).unwrap(),
        environment: Environment::parse(&"e".repeat(Environment::MAX)).unwrap(),
    };
    let mut holders = vec![others()];
    holders.extend((1..MAX_HOLDERS).map(|number| {
        if number <= alerts {
            alert(number)
        } else {
            operator(number)
        }
    }));
    Record {
        session: Some(Session {
            id: SessionId::new(LATE, u128::MAX),
            source: Source::Operator,
            opened_at: LATE,
            holders,
        }),
        cooldown_until: Some(LATE),
        exempt_until: Some(LATE),
        barred: (0..MAX_WAITING)
            .map(|number| Barred {
                alert: Some(episode(number)),
                until: LATE,
            })
            .collect(),
        barred_others: Some(Box::new(BarredOthers {
            seen: crowd(),
            from: LATE,
            until: LATE,
        })),
        waiting: (0..MAX_WAITING).map(waiting).collect(),
        expired_firing: memories(),
        resolved: memories(),
        ..Record::new(place.target(endpoint()))
    }
}

/// The record without what may be dropped.
fn decisive(record: &Record) -> Record {
    let mut record = record.clone();
    for holder in record.session.iter_mut().flat_map(|it| &mut it.holders) {
        holder.reason.clear();
        if let Cause::Alert(alert) = &mut holder.cause {
            alert.endpoint = None;
        }
    }
    for waiting in &mut record.waiting {
        waiting.reason.clear();
        waiting.endpoint = None;
    }
    record.expired_firing.clear();
    record
}

#[test]
fn the_worst_record_is_below_16_kib_and_still_decides_the_same() {
    for alerts in [0, 16, MAX_HOLDERS] {
        let record = worst(alerts);
        let mut trimmed = record.clone();
        trimmed.trim();
        let size = encoded(&trimmed);
        assert!(size < LIMIT, "{size} bytes with {alerts} alerts");
        assert_eq!(decisive(&trimmed), decisive(&record));
    }
}

#[test]
fn a_trimmed_record_is_read_back_as_it_was_written() {
    let mut record = worst(16);
    record.trim();
    let text = encode(&record).unwrap();
    assert_eq!(decode::<Record>(&text).unwrap(), record);
}

#[test]
fn what_is_small_keeps_its_details() {
    let mut record = worst(MAX_HOLDERS);
    record.waiting.clear();
    record.barred.clear();
    record.resolved.clear();
    if let Some(session) = &mut record.session {
        session.holders.truncate(3);
    }
    let before = record.clone();
    record.trim();
    assert_eq!(record, before);
}

#[test]
fn the_oldest_details_go_first_and_the_newest_stay() {
    let mut record = worst(8);
    record.waiting.clear();
    record.trim();
    let holders = &record.session.as_ref().unwrap().holders;
    let kept = |holder: &&Holder| !holder.reason.is_empty();
    let oldest_kept = holders.iter().filter(kept).map(|it| it.started_at).min();
    let newest_cut = holders
        .iter()
        .filter(|it| !kept(it))
        .map(|it| it.started_at);
    assert!(oldest_kept.is_some() && newest_cut.max() < oldest_kept);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_record_is_16_kib_once_trimmed_and_trimming_twice_changes_nothing(
        alerts in 0..MAX_HOLDERS,
        holders in 1..MAX_HOLDERS,
        lists in prop::array::uniform4(0..=MAX_WAITING),
        reason in "\\PC{0,500}",
    ) {
        let reason = Reason::lossy(&reason, Reason::MAX);
        let mut record = worst(alerts);
        if let Some(session) = &mut record.session {
            session.holders.truncate(holders);
            session.holders.iter_mut().for_each(|holder| holder.reason = reason.clone());
        }
        record.barred.truncate(lists[0]);
        record.waiting.truncate(lists[1]);
        record.expired_firing.truncate(lists[2]);
        record.resolved.truncate(lists[3]);
        let before = record.clone();
        record.trim();
        prop_assert!(encoded(&record) < LIMIT);
        prop_assert_eq!(decisive(&record), decisive(&before));
        let once = record.clone();
        record.trim();
        prop_assert_eq!(record, once);
    }
}
