use std::time::Duration;

use super::{Asks, Mapping, Message, NotAMessage, Sighting, Unclear};
use crate::domain::name::Environment;
use crate::domain::operation::Alert;
use crate::domain::policy::Policy;
use crate::domain::time::Time;

fn mapping() -> Mapping {
    Mapping::new(&Policy::default())
}

fn read(alerts: &str) -> Message {
    let body = format!(r#"{{"version":"4","alerts":{alerts},"truncatedAlerts":0}}"#);
    mapping().read(body.as_bytes(), false).unwrap()
}

fn only(alert: &str) -> Sighting {
    read(&format!("[{alert}]")).sightings.remove(0)
}

fn labelled(labels: &str) -> Sighting {
    only(&format!(
        r#"{{"status":"firing","labels":{{"autolog":"true","alertname":"A",{labels}}},"fingerprint":"f1"}}"#
    ))
}

fn session(sighting: Sighting) -> Alert {
    let Asks::Session(alert) = sighting.asks else {
        panic!("{sighting:?}");
    };
    alert
}

#[test]
fn the_first_label_present_names_the_application_and_the_environment() {
    for (labels, target) in [
        (r#""app":"a","service":"b","env":"e""#, "a/e"),
        (
            r#""app":"","service_name":"b","environment":"x","env":"e""#,
            "b/x",
        ),
        (
            r#""job":"shop/cart","deployment_environment":"d""#,
            "cart/d",
        ),
        (r#""service":"s","deployment_environment_name":"n""#, "s/n"),
    ] {
        assert_eq!(session(labelled(labels)).target.to_string(), target);
    }
}

#[test]
fn an_alert_without_application_or_environment_is_unmapped_and_nothing_is_invented() {
    let sighting = labelled(r#""app":"a""#);
    assert!(matches!(
        sighting.asks,
        Asks::Unmapped(Unclear {
            environment: None,
            app: Some(_),
            ..
        })
    ));
    let sighting = labelled(r#""env":"e""#);
    assert!(matches!(
        sighting.asks,
        Asks::Unmapped(Unclear { app: None, .. })
    ));
}

#[test]
fn the_default_environment_is_for_alerts_that_name_none() {
    let mapping = Mapping {
        default_environment: Some(Environment::parse("prod").unwrap()),
        ..mapping()
    };
    let body = br#"{"alerts":[{"labels":{"app":"a"}},{"labels":{"app":"a","env":"e"}}]}"#;
    let message = mapping.read(body, true).unwrap();
    let targets = message
        .sightings
        .into_iter()
        .map(|sighting| session(sighting).target.to_string());
    assert_eq!(targets.collect::<Vec<_>>(), ["a/prod", "a/e"]);
}

#[test]
fn only_a_tagged_alert_or_the_autolog_type_asks_for_a_session() {
    assert_eq!(
        only(r#"{"labels":{"app":"a","env":"e"}}"#).asks,
        Asks::Nothing
    );
    assert_eq!(
        only(r#"{"labels":{"app":"a","env":"e","autolog":"false"}}"#).asks,
        Asks::Nothing
    );
}

#[test]
fn a_session_is_app_wide_unless_the_alert_says_otherwise() {
    let wide = session(labelled(r#""app":"a","env":"e","endpoint":"/x""#));
    assert_eq!(wide.target.to_string(), "a/e");
    assert_eq!(wide.endpoint.unwrap().as_str(), "/x");
    let narrow = session(labelled(
        r#""app":"a","env":"e","http_route":"/y","autolog_scope":"endpoint""#,
    ));
    assert_eq!(narrow.target.to_string(), "a/e /y");
}

#[test]
fn an_invalid_endpoint_is_dropped_and_never_refuses_the_alert() {
    let sighting = labelled(r#""app":"a","env":"e","endpoint":"has space""#);
    assert!(sighting.remarks.endpoint_dropped);
    assert_eq!(session(sighting).endpoint, None);
}

#[test]
fn overrides_are_read_from_labels_and_annotations_and_remarked_when_out_of_bounds() {
    let alert = labelled(r#""app":"a","env":"e","autolog_ttl":"5m","autolog_level":"debug""#);
    assert!(!alert.remarks.clamped);
    assert_eq!(session(alert).ttl, Some(Duration::from_mins(5)));
    for odd in [
        r#""autolog_level":"trace""#,
        r#""autolog_ttl":"9d""#,
        r#""autolog_ttl":"-1""#,
    ] {
        assert!(
            labelled(&format!(r#""app":"a","env":"e",{odd}"#))
                .remarks
                .clamped,
            "{odd}"
        );
    }
    let annotated = only(
        r#"{"labels":{"autolog":"true","app":"a","env":"e"},"annotations":{"autolog_ttl":"90"},"fingerprint":"f"}"#,
    );
    assert_eq!(session(annotated).ttl, Some(Duration::from_secs(90)));
}

#[test]
fn an_alert_without_a_fingerprint_gets_a_hash_of_its_labels_in_any_order() {
    let one = only(r#"{"labels":{"autolog":"true","app":"a","env":"e"}}"#);
    let two = only(r#"{"labels":{"env":"e","app":"a","autolog":"true"}}"#);
    assert_eq!(one.fingerprint, two.fingerprint);
    assert_eq!(one.fingerprint.unwrap().len(), 16);
}

#[test]
fn the_alerts_own_status_counts_and_the_year_one_is_no_end() {
    let firing = only(
        r#"{"labels":{"autolog":"true","app":"a","env":"e"},"startsAt":"2026-01-01T00:00:00.5Z","endsAt":"0001-01-01T00:00:00Z"}"#,
    );
    let alert = session(firing);
    assert!(alert.firing);
    assert_eq!(alert.starts_at, Time::from_millis(1_767_225_600_500));
    let resolved = only(
        r#"{"status":"resolved","labels":{"autolog":"true","app":"a","env":"e"},"endsAt":"0001-01-01T00:00:00Z"}"#,
    );
    assert!(!session(resolved).firing);
}

#[test]
fn one_odd_alert_does_not_cost_the_others() {
    let message = read(
        r#"[7, null, {"labels":[]}, {"labels":{"autolog":"true","app":"bad name","env":"e"}},
            {"labels":{"autolog":"true","app":"a","env":"e"},"startsAt":5,"status":{},"annotations":3,"new_field":[1]}]"#,
    );
    let asks: Vec<bool> = message
        .sightings
        .iter()
        .map(|sighting| matches!(sighting.asks, Asks::Session(_)))
        .collect();
    assert_eq!(asks, [false, false, false, false, true]);
}

#[test]
fn what_is_no_message_is_an_error_that_quotes_nothing() {
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"alerts":{}}"#,
        r#"{"alerts":"x"}"#,
        "\u{0}",
        "[[]]",
    ] {
        assert_eq!(
            mapping().read(body.as_bytes(), true).unwrap_err(),
            NotAMessage,
            "{body}"
        );
    }
    assert!(mapping().read(&[0xff, 0xfe], true).is_err());
}

#[test]
fn an_alert_that_is_an_array_of_values_is_none() {
    let alert = r#"["firing",{"autolog":"true","app":"a","env":"e"}]"#;
    assert_eq!(only(alert).asks, Asks::Invalid(Unclear::default()));
}

#[test]
fn what_is_over_the_limit_or_left_out_by_the_sender_is_told() {
    let mapping = Mapping {
        max_alerts: 2,
        ..mapping()
    };
    let body = br#"{"alerts":[{"labels":{}},{"labels":{}},{"labels":{}}],"truncatedAlerts":7}"#;
    let message = mapping.read(body, true).unwrap();
    assert_eq!(
        (
            message.sightings.len(),
            message.over_limit,
            message.truncated
        ),
        (2, 1, 7)
    );
}
