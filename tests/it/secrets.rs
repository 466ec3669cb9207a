//! Where secrets come from, and which are refused.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::reply::Reply;
use crate::service::{Service, message};

/// Nothing configured; an empty variable is an unset one.
const UNSET: [(&str, &str); 3] = [
    ("AUTOLOG_WEBHOOK_SECRET", ""),
    ("AUTOLOG_OPERATOR_TOKENS", ""),
    ("AUTOLOG_APP_TOKENS", ""),
];

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// What a shell makes of the line, as somebody would type it where the service was started.
fn shell(directory: &Path, line: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn secrets_are_made_at_the_first_start_and_stay() {
    let mut service = Service::start(&UNSET);
    let directory = service.directory();
    let read = |name: &str| std::fs::read_to_string(service.data_dir().join(name)).unwrap();
    let before = [read("webhook-secret"), read("operator-token")];
    for name in ["webhook-secret", "operator-token"] {
        assert_eq!(mode(&service.data_dir().join(name)), 0o600, "{name}");
    }
    assert!(!service.data_dir().join("app-token").exists());

    let token = shell(directory.path(), "printf %s \"$(cat data/operator-token)\"");
    let body = json!({"app": "shop", "environment": "production"});
    let enable = service
        .request(Method::POST, "/api/autolog/enable")
        .json(&body);
    let enabled = Reply::to(enable.bearer_auth(&token)).await;
    assert_eq!(enabled.status, 200, "{enabled:?}");
    let secret = shell(directory.path(), "printf %s \"$(cat data/webhook-secret)\"");
    let webhook = || {
        service
            .request(Method::POST, "/webhook/autolog")
            .json(&message(&[]))
    };
    assert_eq!(Reply::to(webhook().bearer_auth(&secret)).await.status, 200);
    Reply::to(webhook().bearer_auth(&token))
        .await
        .refuses(401, "unauthorized");
    for line in service.log() {
        let line = line.to_string();
        assert!(
            !line.contains(token.trim()) && !line.contains(secret.trim()),
            "a secret is in the log"
        );
    }

    service.restart();
    let read = |name: &str| std::fs::read_to_string(service.data_dir().join(name)).unwrap();
    assert_eq!([read("webhook-secret"), read("operator-token")], before);
    let list = service
        .request(Method::GET, "/api/autolog/list")
        .bearer_auth(&token);
    assert_eq!(Reply::to(list).await.json()["count"], 1);
}

#[tokio::test]
async fn a_role_that_is_configured_gets_no_file() {
    let service = Service::start(&[]);
    assert!(service.data_dir().exists());
    for name in ["webhook-secret", "operator-token"] {
        assert!(!service.data_dir().join(name).exists(), "{name}");
    }
}

/// Starts the program where it cannot start, and returns what it said.
fn start(directory: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autolog"));
    command
        .env_clear()
        .env("AUTOLOG_LISTEN", "127.0.0.1:0")
        .env("AUTOLOG_ADMIN_LISTEN", "127.0.0.1:0")
        .env("AUTOLOG_DATA_DIR", directory.join("data"))
        .envs(variables.iter().copied())
        .current_dir(directory)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it started with {variables:?}");
        }
        std::thread::sleep(Duration::from_millis(5)); // polls until the deadline
    }
    child.wait_with_output().unwrap()
}

/// Checks that the program refuses to start, naming `named` and repeating no value.
fn refuses(variables: &[(&str, &str)], named: &[&str]) {
    let directory = TempDir::new().unwrap();
    for (name, value) in variables {
        if let Some(file) = name.strip_suffix("_FILE") {
            std::fs::write(directory.path().join(file), value).unwrap();
        }
    }
    let given: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, name.strip_suffix("_FILE").unwrap_or(value)))
        .collect();
    let output = start(directory.path(), &given);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code().is_some_and(|code| code != 0),
        "{variables:?}: {said}"
    );
    for name in named {
        assert!(said.contains(name), "{name} is not in {said:?}");
    }
    let secrets = variables
        .iter()
        .filter(|(name, _)| *name != "AUTOLOG_STORE");
    for secret in secrets.flat_map(|(_, value)| value.split([',', ':', '\n'])) {
        let is_word = secret.trim().len() > 3;
        assert!(
            !is_word || !said.contains(secret.trim()),
            "{secret:?} is in {said:?}"
        );
    }
}

const GOOD: &str = "3f1c9a0be7d24c55aa01f6e29b7780c1";
const OTHER: &str = "9b7780c13f1c9a0be7d24c55aa01f6e2";

#[test]
fn short_empty_and_guessable_secrets_are_refused_by_the_name_of_their_variable() {
    for (name, prefix) in [
        ("AUTOLOG_WEBHOOK_SECRET", ""),
        ("AUTOLOG_OPERATOR_TOKENS", "alice:"),
        ("AUTOLOG_APP_TOKENS", ""),
    ] {
        for secret in [
            "hunter2",
            "9f2b7c1d4e8a60351c3d5e7",
            "changeme-changeme-changeme-changeme",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "<the-secret-of-your-webhook-here>",
            "${AUTOLOG_SECRET_FROM_ELSEWHERE}",
        ] {
            refuses(&[(name, &format!("{prefix}{secret}"))], &[name]);
        }
        refuses(&[(name, &format!("{prefix}{GOOD},"))], &[name]);
        refuses(
            &[(name, &format!("{prefix}{GOOD},{prefix}{GOOD}"))],
            &[name],
        );
        refuses(&[(name, ",")], &[name]);
    }
    refuses(
        &[("AUTOLOG_OPERATOR_TOKENS", GOOD)],
        &["AUTOLOG_OPERATOR_TOKENS"],
    );
    let named = format!("two words:{GOOD}");
    refuses(
        &[("AUTOLOG_OPERATOR_TOKENS", &named)],
        &["AUTOLOG_OPERATOR_TOKENS"],
    );
    let nine: Vec<String> = (0..9).map(|number| format!("{number}{GOOD}")).collect();
    refuses(
        &[("AUTOLOG_WEBHOOK_SECRET", &nine.join(","))],
        &["AUTOLOG_WEBHOOK_SECRET"],
    );
}

#[test]
fn a_secret_of_two_roles_is_refused() {
    let operator = format!("alice:{GOOD}");
    let (webhook, app) = (
        ("AUTOLOG_WEBHOOK_SECRET", GOOD),
        ("AUTOLOG_APP_TOKENS", GOOD),
    );
    let operator = ("AUTOLOG_OPERATOR_TOKENS", operator.as_str());
    refuses(&[webhook, operator], &[webhook.0, operator.0]);
    refuses(&[operator, app], &[operator.0, app.0]);
    refuses(&[webhook, app], &[webhook.0, app.0]);
}

#[test]
fn files_of_secrets_are_held_to_the_same() {
    for (name, content) in [
        ("AUTOLOG_WEBHOOK_SECRET_FILE", ""),
        ("AUTOLOG_WEBHOOK_SECRET_FILE", "\n\n"),
        ("AUTOLOG_WEBHOOK_SECRET_FILE", "hunter2\n"),
        (
            "AUTOLOG_APP_TOKENS_FILE",
            "3f1c9a0be7d24c55aa01f6e29b7780c1\nhunter2\n",
        ),
        (
            "AUTOLOG_OPERATOR_TOKENS_FILE",
            "3f1c9a0be7d24c55aa01f6e29b7780c1\n",
        ),
    ] {
        refuses(&[(name, content)], &[name]);
    }
    let directory = TempDir::new().unwrap();
    let output = start(
        directory.path(),
        &[("AUTOLOG_WEBHOOK_SECRET_FILE", "missing")],
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains("AUTOLOG_WEBHOOK_SECRET"),
        "{said}"
    );
    let both = [
        ("AUTOLOG_WEBHOOK_SECRET", GOOD),
        ("AUTOLOG_WEBHOOK_SECRET_FILE", OTHER),
    ];
    refuses(&both, &["AUTOLOG_WEBHOOK_SECRET_FILE"]);
}

#[test]
fn replicas_of_a_shared_store_must_be_given_their_secrets() {
    let redis = ("AUTOLOG_STORE", "redis://127.0.0.1:1/0");
    refuses(
        &[redis],
        &["AUTOLOG_WEBHOOK_SECRET", "AUTOLOG_OPERATOR_TOKENS"],
    );
    let webhook = ("AUTOLOG_WEBHOOK_SECRET", GOOD);
    refuses(&[redis, webhook], &["AUTOLOG_OPERATOR_TOKENS"]);
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let path = file.join("data");
    let output = start(
        directory.path(),
        &[("AUTOLOG_DATA_DIR", path.to_str().unwrap())],
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains(path.to_str().unwrap()), "{said}");
}
