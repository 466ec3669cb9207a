//! The rules on logs, which no program here can evaluate: what Loki would send of each is put together from the labels
//! that its expression leaves and from its templates, and read by the service.

use std::collections::BTreeSet;

use autolog::alertmanager::{Asks, Remarks};
use autolog::domain::name::Endpoint;

use super::{Labels, Rule, asking, rules_of, sight, sight_in_the_stack};

/// The labels of what an expression yields: those of its outermost aggregation.
fn grouping(expr: &str) -> BTreeSet<&str> {
    let labels = expr.split("by (").nth(1).unwrap();
    let labels = labels.split(')').next().unwrap();
    labels.split(", ").collect()
}

/// Renders a label of a rule. Labels here are one label of the result, or fixed; anything else needs a real Loki.
fn render(template: &str, result: &Labels) -> String {
    let Some(inner) = template.strip_prefix("{{ $labels.") else {
        assert!(!template.contains("{{"), "{template}");
        return template.to_owned();
    };
    let name = inner.strip_suffix(" }}").unwrap();
    result.get(name).cloned().unwrap_or_default()
}

/// The labels of the alert that Alertmanager would pass on, for a result with these labels.
fn alert(rule: &Rule, result: &[(&str, &str)]) -> Labels {
    let named = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    let result: Labels = result.iter().map(named).collect();
    let mut labels = result.clone();
    labels.insert("cluster".to_owned(), "main".to_owned());
    labels.insert("alertname".to_owned(), rule.alert.clone().unwrap());
    for (name, template) in &rule.labels {
        labels.insert(name.clone(), render(template, &result));
    }
    labels.retain(|_, value| !value.is_empty());
    labels
}

const RESULT: [(&str, &str); 3] = [
    ("service_name", "shop"),
    ("deployment_environment_name", "production"),
    ("http_route", "/orders"),
];

/// The alert of a shop that fails in production.
fn of_the_shop(rule: &Rule) -> Labels {
    let kept = grouping(&rule.expr);
    let result: Vec<_> = RESULT
        .into_iter()
        .filter(|(name, _)| kept.contains(name))
        .collect();
    alert(rule, &result)
}

#[test]
fn two_rules_on_logs_ask_for_a_session_and_name_their_target() {
    let expected = ["FatalErrorDetected", "SustainedHighErrorCount"];
    let expected: BTreeSet<_> = expected.map(str::to_owned).into();
    assert_eq!(asking(rules_of("loki")), expected);
    for rule in rules_of("loki") {
        let labels = of_the_shop(&rule);
        let sighting = sight(&labels);
        if !rule.labels.contains_key("autolog") {
            assert_eq!(sighting.asks, Asks::Nothing, "{labels:?}");
            continue;
        }
        assert_eq!(rule.labels["autolog"], "true");
        let Asks::Session(alert) = sighting.asks else {
            panic!("{labels:?} asks for {:?}", sighting.asks);
        };
        assert_eq!(alert.target.app.as_str(), "shop");
        assert_eq!(alert.target.environment.as_str(), "production");
        assert_eq!(alert.target.endpoint, None, "the whole application");
        assert_eq!(alert.endpoint, None, "lines of all routes count together");
        assert_eq!(Some(alert.reason.as_str()), rule.alert.as_deref());
        assert_eq!(sighting.remarks, Remarks::default());
    }
}

/// The labels that people and routes read are those that a session would have.
#[test]
fn every_alert_on_logs_would_name_the_right_target_if_it_asked() {
    for rule in rules_of("loki") {
        let kept = grouping(&rule.expr);
        let mut labels = of_the_shop(&rule);
        for (name, template) in &rule.labels {
            let of_result = template.strip_prefix("{{ $labels.");
            let of_result = of_result.map(|inner| inner.trim_end_matches(" }}"));
            assert!(
                of_result.is_none_or(|label| kept.contains(label)),
                "{name}: {template}"
            );
        }
        assert_eq!(labels["app"], "shop", "{labels:?}");
        assert_eq!(
            labels.contains_key("environment"),
            kept.contains("deployment_environment_name"),
            "{labels:?}"
        );
        labels.insert("autolog".to_owned(), "true".to_owned());
        let asks = sight(&labels).asks;
        if rule.alert.as_deref() == Some("ErrorsAcrossEnvironments") {
            assert!(matches!(asks, Asks::Unmapped(_)), "{asks:?}");
            continue;
        }
        let Asks::Session(alert) = asks else {
            panic!("{labels:?} asks for {asks:?}");
        };
        assert_eq!(alert.target.app.as_str(), "shop");
        assert_eq!(alert.target.environment.as_str(), "production");
        let endpoint = alert.endpoint.as_ref().map(Endpoint::as_str);
        assert_eq!(endpoint, kept.contains("http_route").then_some("/orders"));
    }
}

#[test]
fn what_sends_no_environment_gets_the_default_one_or_is_told_to_be_unmapped() {
    for rule in rules_of("loki") {
        if !rule.labels.contains_key("autolog") {
            continue;
        }
        let labels = alert(&rule, &[("service_name", "team/shop.api")]);
        assert!(
            matches!(sight(&labels).asks, Asks::Unmapped(_)),
            "{labels:?}"
        );
        let asks = sight_in_the_stack(&labels).asks;
        let Asks::Session(alert) = asks else {
            panic!("{labels:?} asks for {asks:?}");
        };
        assert_eq!(alert.target.app.as_str(), "team/shop.api");
        assert_eq!(alert.target.environment.as_str(), "default");
    }
}
