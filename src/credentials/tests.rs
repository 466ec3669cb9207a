use std::os::unix::fs::PermissionsExt;

use super::*;

const ONE: &str = "3f1c9a0be7d24c55aa01f6e29b7780c1";
const TWO: &str = "9f2b7c1d4e8a60351c3d5e7fa0b1c2d3";
const THREE: &str = "c0ffee11d2e3f4a5b6978869504132ab";

fn sources(webhook: &str, operators: &str, apps: &str) -> Sources {
    let source = |text: &str| match text {
        "" => Source::Unset,
        text => Source::Variable(text.into()),
    };
    Sources {
        webhook: source(webhook),
        operators: source(operators),
        apps: source(apps),
    }
}

fn refused(sources: Sources) -> String {
    Credentials::open(sources, None).unwrap_err().to_string()
}

#[test]
fn each_role_knows_its_own_secrets_only() {
    let sources = sources(&format!("{ONE}, {ONE}x"), &format!("alice:{TWO}"), THREE);
    let credentials = Credentials::open(sources, None).unwrap();
    let [one, two, three] = [ONE, TWO, THREE].map(str::as_bytes);
    assert!(credentials.webhook(one) && credentials.webhook(format!("{ONE}x").as_bytes()));
    assert!(!credentials.webhook(two) && !credentials.webhook(three) && !credentials.webhook(b""));
    assert_eq!(credentials.operator(two).unwrap().as_str(), "alice");
    assert_eq!(credentials.operator(one), None);
    assert_eq!(
        credentials.operator(format!("alice:{TWO}").as_bytes()),
        None
    );
    assert!(credentials.app(three) && !credentials.app(two) && !credentials.app(b""));
}

#[test]
fn an_operator_may_have_two_tokens_for_a_rotation() {
    let sources = sources(ONE, &format!("alice:{TWO},alice:{THREE}"), "");
    let credentials = Credentials::open(sources, None).unwrap();
    for token in [TWO, THREE] {
        assert_eq!(
            credentials.operator(token.as_bytes()).unwrap().as_str(),
            "alice"
        );
    }
    assert!(!credentials.app(ONE.as_bytes()));
}

#[test]
fn bad_secrets_are_refused_all_at_once_and_never_shown() {
    let text = refused(sources(
        &format!("hunter2,,{ONE}"),
        &format!("{TWO},a b:{THREE},bob:changeme-changeme-changeme"),
        ONE,
    ));
    for secret in ["hunter2", ONE, TWO, THREE] {
        assert!(!text.contains(secret), "{text}");
    }
    insta::assert_snapshot!(text, @r"
    AUTOLOG_WEBHOOK_SECRET: secret 1 is shorter than 24 bytes
    AUTOLOG_WEBHOOK_SECRET: secret 2 is empty
    AUTOLOG_OPERATOR_TOKENS: entry 1 must be name:token
    AUTOLOG_OPERATOR_TOKENS: the name of entry 2 may only contain letters, digits and . _ @ -
    AUTOLOG_OPERATOR_TOKENS: secret 3 is a placeholder; make one with: openssl rand -hex 32
    AUTOLOG_APP_TOKENS: secret 1 is also in AUTOLOG_WEBHOOK_SECRET; every role needs its own, and each only once
    ");
}

#[test]
fn a_store_that_replicas_share_needs_configured_secrets() {
    let text = refused(sources("", "", ""));
    insta::assert_snapshot!(text, @r"
    AUTOLOG_WEBHOOK_SECRET: is required with a store that replicas share, since they must agree on it
    AUTOLOG_OPERATOR_TOKENS: is required with a store that replicas share, since they must agree on it
    ");
    assert!(Credentials::check(sources("", "", ""), false).is_err());
    assert!(Credentials::check(sources("", "", ""), true).is_ok());
    assert!(Credentials::check(sources("short", "", ""), true).is_err());
}

#[test]
fn the_webhook_has_at_most_eight_secrets() {
    let secrets = |count| {
        let all: Vec<String> = (0..count).map(|number| format!("{ONE}{number}")).collect();
        sources(&all.join(","), &format!("alice:{TWO}"), "")
    };
    assert!(Credentials::open(secrets(8), None).is_ok());
    assert!(refused(secrets(9)).contains("more than 8"));
}

#[test]
fn secrets_of_the_embedded_store_are_generated_once_for_their_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let open = || Credentials::open(sources("", "", ""), Some(&data)).unwrap();
    open();
    let read = |name| std::fs::read_to_string(data.join(name)).unwrap();
    let (webhook, operator) = (read(WEBHOOK_SECRET_FILE), read(OPERATOR_TOKEN_FILE));
    assert_ne!(webhook, operator);
    let credentials = open();
    assert_eq!(
        (read(WEBHOOK_SECRET_FILE), read(OPERATOR_TOKEN_FILE)),
        (webhook.clone(), operator.clone())
    );
    assert!(credentials.webhook(webhook.trim().as_bytes()));
    let name = credentials.operator(operator.trim().as_bytes()).unwrap();
    assert_eq!(name.as_str(), "operator");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, [OPERATOR_TOKEN_FILE, WEBHOOK_SECRET_FILE]);
}

#[test]
fn only_what_is_not_configured_is_generated() {
    let dir = tempfile::tempdir().unwrap();
    let sources = sources(ONE, "", "");
    let credentials = Credentials::open(sources, Some(dir.path())).unwrap();
    assert!(credentials.webhook(ONE.as_bytes()));
    assert!(!dir.path().join(WEBHOOK_SECRET_FILE).exists());
    assert!(dir.path().join(OPERATOR_TOKEN_FILE).exists());
}

#[test]
fn a_crash_while_generating_leaves_nothing_half_made() {
    let dir = tempfile::tempdir().unwrap();
    let left = dir
        .path()
        .join(format!(".{WEBHOOK_SECRET_FILE}.{}.new", std::process::id()));
    std::fs::write(&left, "half a sec").unwrap();
    let credentials = Credentials::open(sources("", "", ""), Some(dir.path())).unwrap();
    let secret = std::fs::read(dir.path().join(WEBHOOK_SECRET_FILE)).unwrap();
    assert!(credentials.webhook(secret.trim_ascii()));
    assert!(!left.exists());
}

#[test]
fn an_emptied_generated_file_is_refused_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(OPERATOR_TOKEN_FILE), "").unwrap();
    let error = Credentials::open(sources("", "", ""), Some(dir.path())).unwrap_err();
    assert!(
        error.to_string().ends_with("operator-token: has no secret"),
        "{error}"
    );
}

#[test]
fn many_at_once_generate_one_secret() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| Credentials::open(sources("", "", ""), Some(dir.path())));
        }
    });
    let credentials = Credentials::open(sources("", "", ""), Some(dir.path())).unwrap();
    let secret = std::fs::read(dir.path().join(WEBHOOK_SECRET_FILE)).unwrap();
    assert!(credentials.webhook(secret.trim_ascii()));
}

#[test]
fn a_file_holds_a_secret_a_line_of_any_characters() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secrets");
    std::fs::write(
        &file,
        b"with, commas: and spaces \xff 7391\r\n\n9f2b7c1d4e8a60351c3d5e7f",
    )
    .unwrap();
    let mut sources = sources("", &format!("alice:{TWO}"), "");
    sources.webhook = Source::File(file);
    let credentials = Credentials::open(sources, None).unwrap();
    assert!(credentials.webhook(b"with, commas: and spaces \xff 7391"));
    assert!(credentials.webhook(b"9f2b7c1d4e8a60351c3d5e7f"));
    assert!(!credentials.webhook(b""));
}

#[test]
fn a_changed_file_is_read_again_and_a_bad_one_keeps_the_old_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secrets");
    std::fs::write(&file, ONE).unwrap();
    let mut sources = sources("", &format!("alice:{TWO}"), "");
    sources.webhook = Source::File(file.clone());
    let credentials = Credentials::open(sources, None).unwrap();
    assert!(credentials.has_files());
    assert!(!credentials.reload().unwrap());
    std::fs::write(&file, format!("{ONE}\n{THREE}\n")).unwrap();
    assert!(credentials.reload().unwrap());
    assert!(credentials.webhook(ONE.as_bytes()) && credentials.webhook(THREE.as_bytes()));
    for bad in ["short", "", TWO] {
        std::fs::write(&file, bad).unwrap();
        let error = credentials.reload().unwrap_err().to_string();
        assert!(error.contains("AUTOLOG_WEBHOOK_SECRET_FILE"), "{error}");
        assert!(credentials.webhook(THREE.as_bytes()));
    }
    std::fs::remove_file(&file).unwrap();
    assert!(credentials.reload().is_err() && credentials.webhook(ONE.as_bytes()));
    std::fs::write(&file, THREE).unwrap();
    assert!(credentials.reload().unwrap());
    assert!(!credentials.webhook(ONE.as_bytes()) && credentials.webhook(THREE.as_bytes()));
}

#[test]
fn debug_shows_no_secret() {
    let sources = sources(ONE, &format!("alice:{TWO}"), THREE);
    let text = format!(
        "{sources:?} {:?}",
        Credentials::open(sources.clone(), None).unwrap()
    );
    for secret in [ONE, TWO, THREE] {
        assert!(!text.contains(secret), "{text}");
    }
}
