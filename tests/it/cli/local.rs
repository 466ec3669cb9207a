//! Commands that need no service, or only its probes.

use serde_json::{Value, json};

use super::Program;
use crate::recorded::Recorded;

#[test]
fn check_config_prints_what_holds_without_secrets() {
    let secret = "3f1c9a0be7d24c55aa01f6e29b7780c1";
    let program = Program::new()
        .with("AUTOLOG_WEBHOOK_SECRET", secret)
        .with("AUTOLOG_TTL", "20m");
    let ran = program.run(&["check-config"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.out.contains(secret));
    let line = |name: &str| {
        let line = ran
            .out
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")))
            .unwrap();
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(line("AUTOLOG_TTL"), ["AUTOLOG_TTL", "20m", "environment"]);
    assert_eq!(
        line("AUTOLOG_WEBHOOK_SECRET"),
        ["AUTOLOG_WEBHOOK_SECRET", "(secret)", "environment"]
    );
    assert_eq!(
        line("AUTOLOG_LISTEN"),
        ["AUTOLOG_LISTEN", "127.0.0.1:5000", "default"]
    );
    let answer: Value =
        serde_json::from_str(&program.run(&["check-config", "-o", "json"]).out).unwrap();
    assert_eq!(
        answer["AUTOLOG_TTL"],
        json!({"value": "20m", "given": true})
    );
    assert_eq!(std::fs::read_dir(program.data.path()).unwrap().count(), 0);
}

#[test]
fn check_config_ends_with_2_and_every_problem() {
    let ran = Program::new()
        .with("AUTOLOG_TTL", "hunter2")
        .with("AUTOLOG_LISTNE", "hunter2")
        .run(&["check-config"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(
        ran.err.contains("AUTOLOG_TTL: ") && ran.err.contains("did you mean AUTOLOG_LISTEN?"),
        "{ran:?}"
    );
    assert!(!ran.err.contains("hunter2"));
    let ran = Program::new()
        .with("AUTOLOG_APP_TOKENS", "short")
        .run(&["check-config"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err
            .contains("AUTOLOG_APP_TOKENS: secret 1 is shorter than 24 bytes"),
        "{ran:?}"
    );
}

#[test]
fn the_service_does_not_start_with_a_wrong_configuration() {
    for arguments in [&[][..], &["serve"]] {
        let ran = Program::new().with("AUTOLOG_TTL", "hunter2").run(arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert_eq!(
            ran.err,
            "AUTOLOG_TTL: must be a length of time such as 30m, 90s or 250ms\n"
        );
    }
}

#[test]
fn credentials_prints_what_was_generated() {
    let program = Program::new();
    let ran = program.run(&["credentials"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("start the service once"), "{ran:?}");
    for (name, secret) in [
        ("webhook-secret", "not-a-real-secret"),
        ("operator-token", "not-a-real-token"),
    ] {
        std::fs::write(program.data.path().join(name), format!("{secret}\n")).unwrap();
    }
    insta::assert_snapshot!(program.run(&["credentials"]).out, @r"
    NAME            SECRET
    webhook-secret  not-a-real-secret
    operator-token  not-a-real-token
    ");
    let answer: Value =
        serde_json::from_str(&program.run(&["credentials", "-o", "json"]).out).unwrap();
    assert_eq!(
        answer,
        json!({"webhook_secret": "not-a-real-secret", "operator_token": "not-a-real-token"})
    );
}

#[test]
fn healthcheck_asks_the_admin_listener_over_loopback() {
    let service = Recorded::start();
    service.answer("/readyz", 200, json!({}));
    service.answer("/healthz", 503, json!({}));
    let everywhere = format!("0.0.0.0:{}", service.address.port());
    let program = Program::new()
        .with("AUTOLOG_ADMIN_LISTEN", &everywhere)
        .with("HTTP_PROXY", "http://127.0.0.1:1");
    let ran = program.run(&["healthcheck"]);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (Some(0), "", "")
    );
    let ran = program.run(&["healthcheck", "--probe", "healthz"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("/healthz answered 503"), "{ran:?}");
    drop(service);
    assert_eq!(program.run(&["healthcheck"]).code, Some(1));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = Program::new().run(&["completions", shell]);
        assert_eq!(ran.code, Some(0), "{shell}");
        assert!(ran.out.contains("check-config"), "{shell}");
    }
}

#[test]
fn help_has_examples_and_exit_codes() {
    let help = Program::new().run(&["--help"]).out;
    assert!(
        help.contains("Exit codes:") && help.contains("AUTOLOG_TOKEN"),
        "{help}"
    );
    for command in [
        "enable",
        "disable",
        "list",
        "why",
        "check",
        "watch",
        "freeze",
        "completions",
    ] {
        let help = Program::new().run(&[command, "--help"]).out;
        assert!(help.contains("Example"), "{help}");
    }
}
