//! The shipped alert rules fit the service: their alerts name targets, their metrics exist, their runbooks are written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use autolog::alertmanager::{Asks, Mapping, Remarks, Sighting};
use autolog::domain::name::Environment;
use autolog::domain::policy::Policy;
use serde::Deserialize;
use serde_json::json;

mod loki;
mod metrics;

type Labels = BTreeMap<String, String>;

#[derive(Deserialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: Option<String>,
    record: Option<String>,
    expr: String,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    annotations: Labels,
}

#[derive(Deserialize)]
struct TestFile {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(default)]
    alert_rule_test: Vec<AlertTest>,
    #[serde(default)]
    promql_expr_test: Vec<ExpressionTest>,
}

#[derive(Deserialize)]
struct AlertTest {
    alertname: String,
    exp_alerts: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    exp_labels: Labels,
}

#[derive(Deserialize)]
struct ExpressionTest {
    expr: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads every file of a folder.
fn read<T: for<'de> Deserialize<'de>>(folder: &str) -> Vec<T> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let parse = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    entries.map(|entry| parse(entry.unwrap().path())).collect()
}

/// The rules of one program, by the name of its folder.
fn rules_of(program: &str) -> Vec<Rule> {
    let files: Vec<RuleFile> = read(&format!("alert-rules/{program}"));
    let groups = files.into_iter().flat_map(|file| file.groups);
    groups.flat_map(|group| group.rules).collect()
}

fn rules() -> Vec<Rule> {
    ["prometheus", "loki"]
        .into_iter()
        .flat_map(rules_of)
        .collect()
}

/// The names of the alerts that ask for a session.
fn asking(rules: Vec<Rule>) -> BTreeSet<String> {
    let asking = rules
        .into_iter()
        .filter(|rule| rule.labels.contains_key("autolog"));
    asking.filter_map(|rule| rule.alert).collect()
}

fn tests() -> Vec<Test> {
    let files: Vec<TestFile> = read("alert-rules/tests");
    files.into_iter().flat_map(|file| file.tests).collect()
}

/// What the service makes of the alert that a rule's test expects.
fn sight(labels: &Labels) -> Sighting {
    sight_with(&Mapping::new(&Policy::default()), labels)
}

/// As it is in the stack, where alerts without an environment belong to the default one.
fn sight_in_the_stack(labels: &Labels) -> Sighting {
    let mapping = Mapping {
        default_environment: Some(Environment::parse("default").unwrap()),
        ..Mapping::new(&Policy::default())
    };
    sight_with(&mapping, labels)
}

fn sight_with(mapping: &Mapping, labels: &Labels) -> Sighting {
    let alert = json!({
        "status": "firing", "labels": labels, "startsAt": "2026-01-01T00:00:00Z", "fingerprint": "00112233aabbccdd",
    });
    let body = serde_json::to_vec(&json!({"version": "4", "alerts": [alert]})).unwrap();
    let message = mapping.read(&body, false).unwrap();
    message.sightings.into_iter().next().unwrap()
}

#[test]
fn the_alerts_that_ask_for_a_session_name_their_target() {
    let asking = asking(rules_of("prometheus"));
    assert_eq!(asking, BTreeSet::from(["RepeatedErrors".to_owned()]));
    let mut seen = BTreeSet::new();
    for test in tests().iter().flat_map(|test| &test.alert_rule_test) {
        for expected in &test.exp_alerts {
            let mut labels = expected.exp_labels.clone();
            labels.insert("alertname".to_owned(), test.alertname.clone());
            let sighting = sight(&labels);
            if !asking.contains(&test.alertname) {
                assert_eq!(sighting.asks, Asks::Nothing, "{labels:?}");
                continue;
            }
            let Asks::Session(alert) = sighting.asks else {
                panic!("{labels:?} asks for {:?}", sighting.asks);
            };
            assert_eq!(alert.target.app.as_str(), "shop");
            assert_eq!(alert.target.environment.as_str(), "production");
            assert_eq!(alert.target.endpoint, None, "the whole application");
            assert_eq!(alert.endpoint.unwrap().as_str(), "/orders");
            assert_eq!(alert.reason.as_str(), test.alertname);
            assert_eq!(sighting.remarks, Remarks::default());
            seen.insert(test.alertname.clone());
        }
    }
    assert_eq!(seen, asking);
}

/// Whoever puts the label `autolog` on one of them gets a session of the application that the alert is about.
#[test]
fn every_alert_about_an_application_would_name_its_target_if_it_asked() {
    let mut seen = BTreeSet::new();
    for test in tests().iter().flat_map(|test| &test.alert_rule_test) {
        for expected in &test.exp_alerts {
            let mut labels = expected.exp_labels.clone();
            if labels["category"] != "application" {
                continue;
            }
            labels.insert("autolog".to_owned(), "true".to_owned());
            let Asks::Session(alert) = sight_in_the_stack(&labels).asks else {
                panic!("{labels:?} names no target");
            };
            let named = ["service_name", "container_label_com_docker_compose_service"];
            let named = named.into_iter().find_map(|name| labels.get(name));
            assert_eq!(Some(alert.target.app.as_str()), named.map(String::as_str));
            let environment = labels.get("deployment_environment_name");
            let environment = environment.map_or("default", String::as_str);
            assert_eq!(alert.target.environment.as_str(), environment);
            seen.insert(test.alertname.clone());
        }
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
}

#[test]
fn every_rule_is_tested_to_fire_and_to_be_silent() {
    let tests = tests();
    let expressions: BTreeSet<&str> = tests
        .iter()
        .flat_map(|test| &test.promql_expr_test)
        .map(|test| test.expr.as_str())
        .collect();
    let checks = || tests.iter().flat_map(|test| &test.alert_rule_test);
    let mut names = BTreeSet::new();
    for rule in rules_of("prometheus") {
        if let Some(name) = rule.record {
            assert!(expressions.contains(name.as_str()), "{name} has no test");
            continue;
        }
        let name = rule.alert.unwrap();
        let fires = |yes: bool| {
            checks().any(|test| test.alertname == name && test.exp_alerts.is_empty() != yes)
        };
        assert!(fires(true), "{name} is not tested to fire");
        assert!(
            fires(false) || name == "Watchdog",
            "{name} is not tested to be silent"
        );
        assert!(names.insert(name.clone()), "{name} is there twice");
    }
    for test in checks() {
        let name = &test.alertname;
        assert!(names.contains(name), "{name} is tested and is no rule");
    }
}

#[test]
fn every_alert_says_what_it_is_and_has_a_runbook() {
    let mut linked = BTreeSet::new();
    for rule in rules() {
        let Some(name) = rule.alert else { continue };
        let severity = rule.labels["severity"].as_str();
        assert!(["critical", "warning", "none"].contains(&severity));
        let category = rule.labels["category"].as_str();
        assert!(["application", "infrastructure"].contains(&category));
        for annotation in ["summary", "description"] {
            assert!(!rule.annotations[annotation].is_empty(), "{name}");
        }
        let page = rule.annotations["runbook_url"].as_str();
        assert!(page.starts_with("docs/runbooks/"), "{name}: {page}");
        let text = fs::read_to_string(root().join(page)).unwrap_or_default();
        assert!(text.contains(&format!("`{name}`")), "{page} on {name}");
        for section in ["## Meaning", "## Look at", "## Do"] {
            assert!(text.contains(section), "{page} lacks {section}");
        }
        linked.insert(root().join(page));
    }
    for entry in fs::read_dir(root().join("docs/runbooks")).unwrap() {
        let path = entry.unwrap().path();
        let is_index = path.ends_with("README.md");
        assert!(is_index || linked.contains(&path), "{}", path.display());
    }
}
