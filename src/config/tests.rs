use std::os::unix::ffi::OsStringExt;

use rstest::rstest;
use secrecy::ExposeSecret;

use super::*;
use crate::domain::policy::OnResolved;
use crate::domain::target::Place;
use crate::telemetry::Filter;

fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_vars(
        pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    )
}

fn problems(pairs: &[(&str, &str)]) -> String {
    read(pairs).unwrap_err().to_string()
}

#[test]
fn without_variables_every_default_holds() {
    let config = read(&[]).unwrap();
    assert_eq!(config.listeners.api.to_string(), "127.0.0.1:5000");
    assert_eq!(config.listeners.admin.to_string(), "127.0.0.1:5001");
    assert!(config.listeners.open_check);
    assert_eq!(config.store.to_string(), "redb:./data/autolog.redb");
    assert_eq!(config.poll_interval, Duration::from_secs(15));
    assert_eq!(config.errors, WindowRule::default());
    assert_eq!(
        config.mapping.app_labels,
        ["app", "service_name", "service", "job"]
    );
    assert_eq!(config.mapping.environment_labels.len(), 4);
    assert_eq!(config.limits.webhook_bytes, 16 << 20);
    assert_eq!(config.limits.connections, 16_384);
    assert_eq!(config.limits.watchers, 10_000);
    assert_eq!(config.logging.filter, Filter::default());
}

#[test]
fn the_default_limits_are_those_of_the_domain() {
    let config = format!("{:?}", read(&[]).unwrap().policy);
    assert_eq!(config, format!("{:?}", Policy::default()));
}

#[test]
fn all_problems_come_at_once_by_full_name_and_never_with_a_value() {
    let text = problems(&[
        ("AUTOLOG_LISTEN", "hunter2:http"),
        ("AUTOLOG_STORE", "redis://bob:hunter2@host:port"),
        ("AUTOLOG_TTL", "hunter2"),
        ("AUTOLOG_MAX_SESSIONS", "-5"),
        ("AUTOLOG_MAX_BODY_BYTES", "hunter2"),
        ("AUTOLOG_OPEN_CHECK", "maybe"),
        ("AUTOLOG_ALLOW", "shop"),
        ("AUTOLOG_APP_LABELS", "app,,job"),
        ("AUTOLOG_DEFAULT_ENVIRONMENT", "eu/production"),
        ("AUTOLOG_ON_RESOLVED", "drop"),
        ("AUTOLOG_POLL_INTERVAL", "1500ms"),
        ("AUTOLOG_ERROR_WINDOW", "25h"),
        ("AUTOLOG_KEY_PREFIX", "{al}"),
        ("AUTOLOG_LOG", "autolog=loud"),
        ("AUTOLOG_LOG_FORMAT", "xml"),
        ("AUTOLOG_WEBHOOK_SECRET", "hunter2"),
        ("AUTOLOG_LISTNE", "hunter2"),
        ("AUTOLOG_BANANA", "hunter2"),
    ]);
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!(text, @r"
    AUTOLOG_LISTNE: is unknown; did you mean AUTOLOG_LISTEN?
    AUTOLOG_BANANA: is unknown
    AUTOLOG_LISTEN: invalid socket address syntax
    AUTOLOG_OPEN_CHECK: must be true or false
    AUTOLOG_KEY_PREFIX: must be 1 to 32 of letters, digits and . _ : -
    AUTOLOG_STORE: needs a port from 1 to 65535 after the colon
    AUTOLOG_TTL: must be a length of time such as 30m, 90s or 250ms
    AUTOLOG_ON_RESOLVED: must be keep or linger
    AUTOLOG_ALLOW: must be app/environment, where * stands for any characters and ? for one
    AUTOLOG_MAX_SESSIONS: invalid digit found in string
    AUTOLOG_APP_LABELS: must not have an empty label name
    AUTOLOG_DEFAULT_ENVIRONMENT: may only contain letters, digits and . _ : @ -
    AUTOLOG_ERROR_WINDOW: must be 1s to 24h
    AUTOLOG_POLL_INTERVAL: must be whole seconds
    AUTOLOG_MAX_BODY_BYTES: must be a number of bytes such as 65536, 64KiB or 16MiB
    AUTOLOG_LOG: must be a log filter such as info or autolog=debug,info
    AUTOLOG_LOG_FORMAT: must be text or json
    AUTOLOG_WEBHOOK_SECRET: secret 1 is shorter than 24 bytes
    ");
}

#[test]
fn an_empty_value_is_unset() {
    let config = read(&[
        ("AUTOLOG_TTL", ""),
        ("AUTOLOG_WEBHOOK_SECRET", " "),
        ("AUTOLOG_BANANA", ""),
    ]);
    let config = config.unwrap();
    assert_eq!(config.policy.ttl, Duration::from_mins(30));
    assert!(matches!(
        config.secrets.webhook,
        crate::credentials::Source::Unset
    ));
}

#[test]
fn names_of_clients_and_of_kubernetes_are_ignored() {
    let ignored = [
        ("AUTOLOG_APP", "shop"),
        ("AUTOLOG_ENVIRONMENT", "production"),
        ("AUTOLOG_ENABLED", "true"),
        ("AUTOLOG_LOGGERS", "shop"),
        ("AUTOLOG_POLL_SECONDS", "15"),
        ("AUTOLOG_TOKEN_FILE", "/run/secrets/token"),
        ("AUTOLOG_MAX_SESSION_SECONDS", "60"),
        ("AUTOLOG_URL", "http://autolog:5000"),
        ("AUTOLOG_TOKEN", "x"),
        ("AUTOLOG_PORT", "tcp://10.0.0.1:5000"),
        ("AUTOLOG_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
        ("AUTOLOG_SERVICE_HOST", "10.0.0.1"),
        ("OTHER_LISTEN", "x"),
    ];
    assert!(read(&ignored).is_ok());
}

#[test]
fn what_is_no_utf8_is_a_problem_only_under_our_names() {
    let bad = || OsString::from_vec(vec![0xff, 0xfe]);
    let ours = vec![("AUTOLOG_TTL".into(), bad()), ("OTHER".into(), bad())];
    let error = Config::from_vars(ours.into_iter()).unwrap_err();
    assert_eq!(error.to_string(), "AUTOLOG_TTL: is not valid UTF-8");
    let others = vec![("OTHER".into(), bad()), (bad(), "x".into())];
    assert!(Config::from_vars(others.into_iter()).is_ok());
}

#[rstest]
#[case::ttl_under_min(&[("AUTOLOG_TTL", "30s")], "AUTOLOG_TTL_MIN: must be at most AUTOLOG_TTL")]
#[case::ttl_over_max(&[("AUTOLOG_TTL_MAX", "20m")], "AUTOLOG_TTL: must be at most AUTOLOG_TTL_MAX")]
#[case::ttl_over_session(&[("AUTOLOG_MAX_SESSION", "20m")], "AUTOLOG_TTL: must be at most AUTOLOG_MAX_SESSION")]
#[case::session_for_ever(&[("AUTOLOG_MAX_SESSION", "8d")], "AUTOLOG_MAX_SESSION: must be 1s to 7d")]
#[case::no_ttl(&[("AUTOLOG_TTL_MIN", "0s")], "AUTOLOG_TTL_MIN: must be at least 1s")]
#[case::same_listener(&[("AUTOLOG_ADMIN_LISTEN", "127.0.0.1:5000")],
    "AUTOLOG_ADMIN_LISTEN: must differ from AUTOLOG_LISTEN")]
#[case::variable_and_file(&[("AUTOLOG_APP_TOKENS", "x"), ("AUTOLOG_APP_TOKENS_FILE", "/x")],
    "AUTOLOG_APP_TOKENS: must not be set together with AUTOLOG_APP_TOKENS_FILE")]
#[case::password_without_redis(&[("AUTOLOG_STORE_PASSWORD", "x")],
    "AUTOLOG_STORE_PASSWORD: is only used with a Redis store")]
#[case::two_passwords(&[("AUTOLOG_STORE", "redis://:a@b"), ("AUTOLOG_STORE_PASSWORD", "x")],
    "AUTOLOG_STORE_PASSWORD: must not be set when AUTOLOG_STORE has a password")]
#[case::ca_without_tls(&[("AUTOLOG_STORE", "redis://b"), ("AUTOLOG_STORE_CA_FILE", "/ca.pem")],
    "AUTOLOG_STORE_CA_FILE: is only used with TLS (rediss://)")]
#[case::user_without_password(&[("AUTOLOG_STORE", "redis://bob@b")],
    "AUTOLOG_STORE_PASSWORD: is required with a user")]
#[case::no_password_file(&[("AUTOLOG_STORE", "redis://b"), ("AUTOLOG_STORE_PASSWORD_FILE", "/nowhere/at/all")],
    "AUTOLOG_STORE_PASSWORD_FILE: names a file that cannot be read: entity not found")]
#[case::sentinel_password_without_sentinels(&[("AUTOLOG_SENTINEL_PASSWORD", "x")],
    "AUTOLOG_SENTINEL_PASSWORD: is only used with Sentinels (redis+sentinel://)")]
fn contradictions_are_refused(#[case] pairs: &[(&str, &str)], #[case] expected: &str) {
    let problems = problems(pairs);
    assert_eq!(problems.lines().next(), Some(expected), "{problems}");
}

#[test]
fn a_test_may_have_sessions_of_a_second() {
    let config = read(&[("AUTOLOG_TTL_MIN", "1s"), ("AUTOLOG_TTL", "2s")]).unwrap();
    assert_eq!(config.policy.ttl_min, Duration::from_secs(1));
}

#[test]
fn a_resolved_alert_lingers_when_told_to() {
    let config = read(&[("AUTOLOG_ON_RESOLVED", "linger"), ("AUTOLOG_LINGER", "90s")]).unwrap();
    assert_eq!(
        config.policy.on_resolved,
        OnResolved::Linger(Duration::from_secs(90))
    );
}

#[test]
fn allowed_and_denied_targets_are_globs() {
    let config = read(&[
        ("AUTOLOG_ALLOW", "shop*/production, team/*/staging"),
        ("AUTOLOG_DENY", "shop-payment/*"),
    ]);
    let policy = config.unwrap().policy;
    let lets = |app: &str, environment: &str| {
        let (app, environment) = (app.parse().unwrap(), environment.parse().unwrap());
        policy.lets(&Place { app, environment }.whole())
    };
    assert!(lets("shop-cart", "production") && lets("team/a", "staging"));
    assert!(!lets("shop-payment", "production") && !lets("shop-cart", "staging"));
}

#[test]
fn check_needs_a_token_once_others_can_reach_it() {
    let open = |pairs| read(pairs).unwrap().listeners.open_check;
    assert!(open(&[("AUTOLOG_LISTEN", "[::1]:5000")]));
    assert!(!open(&[("AUTOLOG_LISTEN", "0.0.0.0:5000")]));
    assert!(open(&[
        ("AUTOLOG_LISTEN", "0.0.0.0:5000"),
        ("AUTOLOG_OPEN_CHECK", "true")
    ]));
    assert!(!open(&[("AUTOLOG_OPEN_CHECK", "off")]));
}

#[test]
fn watchers_leave_connections_for_other_requests() {
    let watchers = |pairs| read(pairs).unwrap().limits.watchers;
    assert_eq!(watchers(&[("AUTOLOG_MAX_CONNECTIONS", "10000")]), 8_976);
    assert_eq!(watchers(&[("AUTOLOG_MAX_CONNECTIONS", "10")]), 5);
}

#[test]
fn redis_gets_its_companions() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "not-a-real-password\n").unwrap();
    let config = read(&[
        ("AUTOLOG_STORE", "rediss://cache:6380/2"),
        ("AUTOLOG_STORE_USERNAME", "autolog"),
        ("AUTOLOG_STORE_PASSWORD_FILE", file.to_str().unwrap()),
        ("AUTOLOG_STORE_CA_FILE", "/etc/ca.pem"),
        ("AUTOLOG_KEY_PREFIX", "shared:al"),
    ]);
    let config = config.unwrap();
    assert!(!format!("{config:?}").contains("not-a-real-password"));
    let StoreAddress::Redis(address) = config.store else {
        panic!("no Redis");
    };
    assert_eq!(
        address.login.password.unwrap().expose_secret(),
        "not-a-real-password"
    );
    assert_eq!(address.login.username.as_deref(), Some("autolog"));
    assert_eq!(address.tls.unwrap().ca_file, Some("/etc/ca.pem".into()));
    assert_eq!(
        (address.database, address.key_prefix.as_str()),
        (2, "shared:al")
    );
}

#[test]
fn sentinels_get_theirs_and_nobody_else_takes_them() {
    let companions = [
        ("AUTOLOG_SENTINEL_USERNAME", "watcher"),
        ("AUTOLOG_SENTINEL_PASSWORD", "not-a-real-password"),
    ];
    let with = |store| [&[("AUTOLOG_STORE", store)], &companions[..]].concat();
    let config = read(&with("redis+sentinel://a,b/main")).unwrap();
    let StoreAddress::Redis(address) = config.store else {
        panic!("no Redis");
    };
    let login = address.sentinel_login;
    assert_eq!(login.username.as_deref(), Some("watcher"));
    assert_eq!(
        login.password.unwrap().expose_secret(),
        "not-a-real-password"
    );
    assert!(address.login.password.is_none());
    for store in ["redis://a", "redis+cluster://a,b", "memory:"] {
        let problems = problems(&with(store));
        for (name, _) in companions {
            let expected = format!("{name}: is only used with Sentinels");
            assert!(problems.contains(&expected), "{store}: {problems}");
        }
    }
    let alone = read(&with("redis+sentinel://a/main")[..2]).unwrap_err();
    assert!(
        alone
            .to_string()
            .contains("AUTOLOG_SENTINEL_PASSWORD: is required")
    );
}

#[test]
fn the_effective_configuration_shows_no_secret() {
    let config = read(&[
        ("AUTOLOG_STORE", "redis://:hunter2@cache/1"),
        ("AUTOLOG_WEBHOOK_SECRET", "hunter2"),
        ("AUTOLOG_TTL", "20m"),
    ]);
    let effective = config.unwrap().effective;
    assert_eq!(effective.len(), VARIABLES.len());
    assert!(!format!("{effective:?}").contains("hunter2"));
    let value = |name: &str| {
        let row = effective.iter().find(|row| row.variable == name).unwrap();
        (row.value.clone(), row.given)
    };
    assert_eq!(
        value("AUTOLOG_STORE"),
        ("redis://cache:6379/1".to_owned(), true)
    );
    assert_eq!(
        value("AUTOLOG_WEBHOOK_SECRET"),
        ("(secret)".to_owned(), true)
    );
    assert_eq!(value("AUTOLOG_TTL"), ("20m".to_owned(), true));
    assert_eq!(value("AUTOLOG_OPEN_CHECK"), ("true".to_owned(), false));
}

#[test]
fn the_documentation_has_every_variable() {
    let page = include_str!("../../docs/configuration.md");
    let documented: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `AUTOLOG_") || line.starts_with("| **"))
        .collect();
    assert_eq!(documented, table());
}

/// The rows that the table of variables must have.
fn table() -> Vec<String> {
    let mut rows = Vec::new();
    let mut group = "";
    for variable in VARIABLES {
        if variable.group != group {
            group = variable.group;
            rows.push(format!("| **{group}** | | |"));
        }
        let default = match variable.default {
            Fallback::Text(text) => format!("`{text}`"),
            Fallback::Derived(words) => words.to_owned(),
            Fallback::Nothing | Fallback::Secret => "–".to_owned(),
        };
        rows.push(format!(
            "| `{}` | {default} | {} |",
            variable.name, variable.meaning
        ));
    }
    rows
}
