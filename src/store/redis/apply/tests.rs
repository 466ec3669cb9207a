use super::*;
use crate::domain::outcome::Outcome;

fn decision() -> (Decision, String) {
    let decision = Decision {
        outcomes: vec![Outcome::Opened],
        ..Decision::default()
    };
    let json = encode(&decision).unwrap();
    (decision, json)
}

#[test]
fn what_is_remembered_tells_where_it_was_written() {
    let (decision, json) = decision();
    let applied = recall(&format!("7 first 9f3c {json}")).unwrap();
    assert_eq!(applied.decision, decision);
    assert_eq!(applied.seq, 7);
    assert_eq!(applied.written, Some(place("first", 7, "9f3c")));
}

#[test]
fn what_an_older_version_remembers_is_read_although_it_does_not_tell_where() {
    let (decision, json) = decision();
    for json in [json.clone(), json.replace(':', " : ")] {
        let applied = recall(&format!("7 {json}")).unwrap();
        assert_eq!(applied.decision, decision);
        assert_eq!((applied.seq, applied.written), (7, None));
    }
}

#[test]
fn what_nobody_of_ours_wrote_is_corrupt() {
    for text in [
        "",
        "7",
        "seven {}",
        "7 first 9f3c",
        "7 first 9f3c no decision",
    ] {
        assert!(
            matches!(recall(text), Err(StoreError::Corrupt(_))),
            "{text}"
        );
    }
}
