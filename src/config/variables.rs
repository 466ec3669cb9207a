//! The one table of environment variables: names, defaults, meanings.

use serde::Deserialize;

/// What every variable of the service begins with.
pub const PREFIX: &str = "AUTOLOG_";

/// One environment variable of the service or of its client commands.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// What it belongs to; a heading in the documentation.
    pub group: &'static str,
    /// Its full name.
    pub name: &'static str,
    /// What holds while it is unset.
    pub default: Fallback,
    /// What it is for.
    pub meaning: &'static str,
}

/// What holds while a variable is unset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// This very text, read like a given one.
    Text(&'static str),
    /// Something that follows from the rest, in words.
    Derived(&'static str),
    /// Nothing.
    Nothing,
    /// Nothing; and what is given is a secret.
    Secret,
}

/// A variable and the value it was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub(super) variable: Variable,
    pub(super) given: Option<&'a str>,
}

impl<'a> Setting<'a> {
    /// The given value, else the default text.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.given.or(match self.variable.default {
            Text(text) => Some(text),
            Derived(_) | Nothing | Secret => None,
        })
    }
}

/// Declares the variables once: the table, what envy fills, and a method for each setting.
macro_rules! variables {
    ($($group:literal { $($field:ident $name:literal $default:expr, $meaning:literal;)+ })+) => {
        /// Every variable, grouped.
        pub static VARIABLES: &[Variable] = &[$($(
            Variable { group: $group, name: concat!("AUTOLOG_", $name), default: $default, meaning: $meaning },
        )+)+];

        /// What was given, by variable.
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Settings { $($($field: Option<String>,)+)+ }

        impl Settings {
            $($(pub(super) fn $field(&self) -> Setting<'_> {
                let variable =
                    Variable { group: $group, name: concat!("AUTOLOG_", $name), default: $default, meaning: $meaning };
                Setting { variable, given: self.$field.as_deref() }
            })+)+

            /// Every setting, in the order of the table.
            pub(super) fn all(&self) -> Vec<Setting<'_>> {
                vec![$($(self.$field(),)+)+]
            }
        }
    };
}

use Fallback::{Derived, Nothing, Secret, Text};

variables! {
    "Listeners" {
        listen "LISTEN" Text("127.0.0.1:5000"), "Address and port of the API.";
        admin_listen "ADMIN_LISTEN" Text("127.0.0.1:5001"), "Address and port of `/metrics`, `/livez`, `/readyz` and `/healthz`.";
        open_check "OPEN_CHECK" Derived("`true` while the API listens on loopback only, else `false`"), "Whether `check` and `watch`, and nothing else, answer without a token.";
    }
    "Store" {
        data_dir "DATA_DIR" Text("./data"), "Directory of the embedded store and of the generated secrets.";
        store "STORE" Derived("`redb:` in the data directory"), "Where sessions are kept: `redb:<path>`, `memory:`, `redis://host:port/db`, `redis+unix:///path?db=0`, `redis+sentinel://host:port,…/primary/db` or `redis+cluster://host:port,…`; with TLS `rediss…`.";
        store_username "STORE_USERNAME" Nothing, "The Redis user, if the address names none.";
        store_password "STORE_PASSWORD" Secret, "The Redis password, if the address has none.";
        store_password_file "STORE_PASSWORD_FILE" Nothing, "File with the Redis password, instead of the variable.";
        store_ca_file "STORE_CA_FILE" Nothing, "PEM file with the CA certificates that Redis over TLS is checked against, instead of the system's.";
        sentinel_username "SENTINEL_USERNAME" Nothing, "The user at the Sentinels, if not the default one.";
        sentinel_password "SENTINEL_PASSWORD" Secret, "The password of the Sentinels, if they have one.";
        sentinel_password_file "SENTINEL_PASSWORD_FILE" Nothing, "File with the password of the Sentinels, instead of the variable.";
        key_prefix "KEY_PREFIX" Text("al"), "What every Redis key begins with, for a Redis shared with others.";
    }
    "Secrets" {
        webhook_secret "WEBHOOK_SECRET" Secret, "Secrets that Alertmanager may present, at most 8, separated by commas.";
        webhook_secret_file "WEBHOOK_SECRET_FILE" Nothing, "File with those secrets, one a line, read again when it changes.";
        operator_tokens "OPERATOR_TOKENS" Secret, "Tokens of operators as `name:token`, separated by commas.";
        operator_tokens_file "OPERATOR_TOKENS_FILE" Nothing, "File with those tokens, one `name:token` a line, read again when it changes.";
        app_tokens "APP_TOKENS" Secret, "Tokens of applications, separated by commas.";
        app_tokens_file "APP_TOKENS_FILE" Nothing, "File with those tokens, one a line, read again when it changes.";
    }
    "Sessions" {
        ttl "TTL" Text("30m"), "How long a holder lives when nobody says otherwise.";
        ttl_min "TTL_MIN" Text("1m"), "The shortest life that may be asked for; at least 1 s.";
        ttl_max "TTL_MAX" Text("4h"), "The longest life that may be asked for.";
        max_session "MAX_SESSION" Text("4h"), "How long one alert or one error window may hold DEBUG, renewals included; it is barred for as long again. At most 7 days.";
        on_resolved "ON_RESOLVED" Text("keep"), "What a resolved alert does: `keep` (nothing) or `linger` (its holder ends after the linger).";
        linger "LINGER" Text("5m"), "How long a resolved alert's holder lives on with `linger`.";
        cooldown "COOLDOWN" Text("10m"), "How long automatic sources stay out after an operator's disable.";
    }
    "Guardrails" {
        allow "ALLOW" Nothing, "Targets that may go verbose, as `app/environment` globs (`*`, `?`) separated by commas; unset: all.";
        deny "DENY" Nothing, "Targets that may not go verbose, as globs; wins over the allowed ones.";
        max_sessions "MAX_SESSIONS" Text("1000"), "How many sessions may be live at once.";
        max_sessions_per_app "MAX_SESSIONS_PER_APP" Text("50"), "How many sessions of one application may be live at once.";
        max_automatic "MAX_AUTOMATIC" Text("100"), "How many sessions opened by alerts and error windows may be live at once.";
        max_automatic_per_app "MAX_AUTOMATIC_PER_APP" Text("10"), "How many of those may be of one application.";
    }
    "Alerts" {
        app_labels "APP_LABELS" Text("app,service_name,service,job"), "Labels that name the application, the first present one counts.";
        environment_labels "ENVIRONMENT_LABELS" Text("environment,deployment_environment_name,deployment_environment,env"), "Labels that name the environment, the first present one counts.";
        default_environment "DEFAULT_ENVIRONMENT" Nothing, "The environment of alerts that name none.";
    }
    "Error windows" {
        error_window "ERROR_WINDOW" Text("5m"), "Length of the sliding window in which errors are counted; 1 s to 24 h.";
        error_threshold "ERROR_THRESHOLD" Text("10"), "How many errors in the window open a session.";
        max_error_keys "MAX_ERROR_KEYS" Text("50000"), "How many windows may be counted at once.";
        max_error_keys_per_app "MAX_ERROR_KEYS_PER_APP" Text("500"), "How many of those may be of one application.";
    }
    "Applications" {
        poll_interval "POLL_INTERVAL" Text("15s"), "How often applications are told to poll; whole seconds, 1 s to 5 m.";
    }
    "Limits" {
        max_webhook_bytes "MAX_WEBHOOK_BYTES" Text("16MiB"), "The largest webhook body.";
        max_body_bytes "MAX_BODY_BYTES" Text("64KiB"), "The largest other body.";
        max_header_bytes "MAX_HEADER_BYTES" Text("16KiB"), "The largest request head; at least 8 KiB.";
        max_alerts "MAX_ALERTS" Text("5000"), "How many alerts of one message are handled; the rest is counted.";
        max_connections "MAX_CONNECTIONS" Text("16384"), "How many connections the API keeps open at once.";
        max_watchers "MAX_WATCHERS" Text("10000"), "How many of those may watch; 1,024 connections (or half, if fewer) are always kept for other requests.";
        max_page "MAX_PAGE" Text("1000"), "The longest page of `list`; without `limit` a page has 100.";
    }
    "Logs" {
        log "LOG" Text("info"), "Log filter of the service, such as `info` or `autolog=debug,info`.";
        log_format "LOG_FORMAT" Derived("`text` on a terminal, else `json`"), "`text` or `json`.";
    }
    "Client commands" {
        url "URL" Text("http://127.0.0.1:5000"), "The service that client commands talk to.";
        token "TOKEN" Secret, "The operator's token; unset: the one generated in the data directory, if there is one.";
    }
}
