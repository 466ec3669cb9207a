//! What rules and their tests name of autolog's metrics exists, down to the values of labels.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;

use super::{root, rules, rules_of};
use crate::service::Service;

#[tokio::test]
async fn every_metric_of_autolog_in_a_rule_exists() {
    let service = Service::start(&[]);
    let target = json!({"app": "shop", "environment": "production"});
    service.post("/api/autolog/enable", &target).await;
    let text = service.admin("/metrics").await.1;
    let exposed: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let rules = rules();
    let named: BTreeSet<&str> = rules
        .iter()
        .flat_map(|rule| {
            rule.expr
                .split(|end: char| !end.is_alphanumeric() && end != '_')
        })
        .filter(|word| word.starts_with("autolog_"))
        .collect();
    assert!(named.len() > 9, "{named:?}");
    for name in named {
        assert!(exposed.contains(name), "{name} is not exposed");
    }
}

#[tokio::test]
async fn every_label_value_of_autolog_that_a_rule_selects_exists() {
    let service = Service::start(&[]);
    let target = json!({"app": "shop", "environment": "production"});
    service.post("/api/autolog/enable", &target).await;
    let text = service.admin("/metrics").await.1;
    let mut checked = 0;
    for rule in rules_of("prometheus") {
        for selector in rule.expr.split("autolog_").skip(1) {
            let Some((name, rest)) = selector.split_once('{') else {
                continue;
            };
            if !name
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '_')
            {
                continue;
            }
            let (label, values) = rest.split('}').next().unwrap().split_once('=').unwrap();
            let values = values.trim_matches(['~', '"']);
            for value in values.split('|') {
                let pair = format!("{}=\"{value}\"", label.trim_end_matches('!'));
                let is_there = |line: &str| {
                    line.starts_with(&format!("autolog_{name}{{")) && line.contains(&pair)
                };
                assert!(text.lines().any(is_there), "{name} with {pair}");
                checked += 1;
            }
        }
    }
    assert!(checked > 10, "{checked}");
}

/// A misspelt label in a test would prove nothing of its rule.
#[tokio::test]
async fn every_series_of_autolog_that_a_test_feeds_exists() {
    let service = Service::start(&[]);
    let target = json!({"app": "shop", "environment": "production"});
    service.post("/api/autolog/enable", &target).await;
    let text = service.admin("/metrics").await.1;
    let tests = fs::read_to_string(root().join("alert-rules/tests/autolog.yml")).unwrap();
    let fed = tests
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- series: '"));
    for series in fed.filter(|series| series.starts_with("autolog_")) {
        let (name, labels) = series.split_once('{').unwrap();
        let labels = labels.split('}').next().unwrap();
        let own = labels.split(',').filter(|label| {
            !["cluster=", "job=", "instance=", "environment="]
                .iter()
                .any(|of_scrape| label.starts_with(of_scrape))
        });
        let own: Vec<&str> = own.collect();
        let exists = text
            .lines()
            .any(|line| line.starts_with(name) && own.iter().all(|label| line.contains(label)));
        assert!(exists, "{series}");
    }
}
