//! What a client command does when the service refuses, is away or is none, and when nobody reads what it prints.

use std::process::Stdio;

use serde_json::json;

use super::service::{TOKEN, problem, service, verbose};
use super::{Program, Ran};
use crate::recorded::Recorded;

#[test]
fn a_refusal_shows_detail_code_and_field_and_ends_with_3() {
    let (service, program) = service();
    let mut refusal = problem("out_of_range", "ttl_seconds must be 60 to 14400");
    refusal["field"] = json!("ttl_seconds");
    service.answer("/api/autolog/enable", 422, refusal);
    let ran = program.run(&["enable", "shop", "production", "--ttl", "5s"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""));
    assert_eq!(
        ran.err,
        "autolog: ttl_seconds must be 60 to 14400 (code out_of_range, field ttl_seconds, request r-1)\n"
    );
}

#[test]
fn a_missing_token_is_named_as_the_cure() {
    let service = Recorded::start();
    service.answer(
        "/api/autolog/list",
        401,
        problem("unauthorized", "a valid token is required"),
    );
    let ran = Program::new().run(&["list", "--url", &service.url()]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("Set AUTOLOG_TOKEN"), "{ran:?}");
    assert!(!service.asked()[0].headers.contains_key("authorization"));
}

#[test]
fn the_generated_token_is_used_where_none_is_set() {
    let service = Recorded::start();
    service.answer(
        "/api/autolog/list",
        200,
        json!({"count": 0, "sessions": []}),
    );
    let program = Program::new().with("AUTOLOG_URL", &service.url());
    std::fs::write(
        program.data.path().join("operator-token"),
        format!("{TOKEN}\n"),
    )
    .unwrap();
    assert_eq!(program.run(&["list"]).code, Some(0));
    assert_eq!(
        service.asked()[0].headers["authorization"],
        format!("Bearer {TOKEN}")
    );
}

#[test]
fn an_unreachable_or_failing_or_foreign_service_ends_with_4() {
    let (service, program) = service();
    service.answer(
        "/api/autolog/list",
        503,
        problem("store_unavailable", "the store cannot be reached"),
    );
    let ran = program.run(&["list"]);
    assert_eq!(ran.code, Some(4));
    assert!(ran.err.contains("store_unavailable"), "{ran:?}");
    let ran = program.run(&["check", "shop", "production"]);
    assert_eq!(ran.code, Some(4));
    assert!(ran.err.contains("none of autolog's"), "{ran:?}");
    drop(service);
    let ran = program.run(&["list"]);
    assert_eq!(ran.code, Some(4));
    assert!(ran.err.contains("Connection refused"), "{ran:?}");
    assert!(!ran.err.contains(TOKEN));
}

#[test]
fn wrong_usage_ends_with_2() {
    let program = Program::new();
    for arguments in [
        &["enable", "shop"][..],
        &["enable", "shop", "production", "--ttl", "soon"],
        &["enable", "shop", "production", "--level", "info"],
        &["enable", "no spaces", "production"],
        &["disable"],
        &["disable", "--all", "shop", "production"],
        &["freeze", "--off", "--ttl", "1h"],
        &["list", "--url", "ftp://example"],
        &["list", "--output", "xml"],
        &["explode"],
    ] {
        let ran = program.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?} {ran:?}");
    }
}

#[test]
fn a_redirect_is_not_followed_with_the_token() {
    let (service, program) = service();
    service.answer("/api/autolog/list", 302, json!({}));
    let ran = program.run(&["list"]);
    assert_eq!(ran.code, Some(4));
    assert!(ran.err.contains("302"), "{ran:?}");
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let (service, program) = service();
    service.answer(
        "/api/autolog/list",
        200,
        json!({"count": 0, "sessions": []}),
    );
    let mut child = program
        .command(&["list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
fn nothing_is_coloured_where_no_terminal_is() {
    let (service, program) = service();
    service.answer("/api/autolog/check", 200, verbose());
    assert!(
        !program
            .run(&["check", "shop", "production"])
            .out
            .contains('\x1b')
    );
}
