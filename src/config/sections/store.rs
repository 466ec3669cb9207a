//! The store's address with its companions, and where the secrets come from.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::config::reader::Reader;
use crate::config::store::{AddressError, StoreAddress, Written, WrittenRedis};
use crate::config::values::KeyPrefix;
use crate::config::variables::{Setting, Settings};
use crate::credentials::{Source, Sources};
use crate::store::redis::{Endpoint, Login, RedisAddress, Tls};

pub(in crate::config) fn store(
    settings: &Settings,
    data_dir: &Path,
    reader: &mut Reader,
) -> StoreAddress {
    let embedded = StoreAddress::Redb {
        path: data_dir.join("autolog.redb"),
    };
    let key_prefix = reader.parse(settings.key_prefix());
    let key_prefix = key_prefix.map(|KeyPrefix(prefix)| prefix).or(String::new());
    let password = secret(
        settings.store_password(),
        settings.store_password_file(),
        reader,
    );
    let sentinel_login = Login {
        username: settings.sentinel_username().given.map(trimmed),
        password: secret(
            settings.sentinel_password(),
            settings.sentinel_password_file(),
            reader,
        ),
    };
    let written = match settings.store().given.map(|text| text.trim().parse()) {
        None => return without_companions(embedded, settings, reader),
        Some(Err(error)) => {
            let error: AddressError = error;
            reader.problem(settings.store().variable.name, format_args!("{error}"));
            return embedded;
        }
        Some(Ok(written)) => written,
    };
    match written {
        Written::Redb(path) => without_companions(StoreAddress::Redb { path }, settings, reader),
        Written::Memory => without_companions(StoreAddress::Memory, settings, reader),
        Written::Redis(written) => {
            let mut address = redis(written, password, settings, reader);
            sentinel(&address.endpoint, &sentinel_login, settings, reader);
            address.key_prefix = key_prefix;
            address.sentinel_login = sentinel_login;
            StoreAddress::Redis(address)
        }
    }
}

/// Refuses what only Redis has a use for.
fn without_companions(
    store: StoreAddress,
    settings: &Settings,
    reader: &mut Reader,
) -> StoreAddress {
    let companions = [
        settings.store_username(),
        settings.store_password(),
        settings.store_password_file(),
        settings.store_ca_file(),
    ];
    refuse(&companions, "is only used with a Redis store", reader);
    refuse(&of_sentinels(settings), ONLY_SENTINELS, reader);
    store
}

/// Refuses what only Sentinels have a use for, and a user who cannot get in there.
fn sentinel(endpoint: &Endpoint, login: &Login, settings: &Settings, reader: &mut Reader) {
    if !matches!(endpoint, Endpoint::Sentinel { .. }) {
        refuse(&of_sentinels(settings), ONLY_SENTINELS, reader);
    } else if login.username.is_some() && login.password.is_none() {
        reader.problem(
            settings.sentinel_password().variable.name,
            format_args!("is required with a user"),
        );
    }
}

const ONLY_SENTINELS: &str = "is only used with Sentinels (redis+sentinel://)";

fn of_sentinels(settings: &Settings) -> [Setting<'_>; 3] {
    [
        settings.sentinel_username(),
        settings.sentinel_password(),
        settings.sentinel_password_file(),
    ]
}

/// Refuses each of these that was given.
fn refuse(settings: &[Setting], why: &str, reader: &mut Reader) {
    for setting in settings.iter().filter(|setting| setting.given.is_some()) {
        reader.problem(setting.variable.name, format_args!("{why}"));
    }
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}

fn redis(
    written: WrittenRedis,
    password: Option<SecretString>,
    settings: &Settings,
    reader: &mut Reader,
) -> RedisAddress {
    let username = settings.store_username();
    let login = written.login;
    if login.username.is_some() && username.given.is_some() {
        reader.problem(
            username.variable.name,
            format_args!("must not be set when AUTOLOG_STORE names a user"),
        );
    }
    if login.password.is_some() && password.is_some() {
        reader.problem(
            settings.store_password().variable.name,
            format_args!("must not be set when AUTOLOG_STORE has a password"),
        );
    }
    let ca_file = settings.store_ca_file();
    if ca_file.given.is_some() && !written.tls {
        reader.problem(
            ca_file.variable.name,
            format_args!("is only used with TLS (rediss://)"),
        );
    }
    let given = username.given.map(trimmed);
    let login = Login {
        username: login.username.or(given),
        password: login.password.or(password),
    };
    if login.username.is_some() && login.password.is_none() {
        reader.problem(
            settings.store_password().variable.name,
            format_args!("is required with a user"),
        );
    }
    let ca_file = reader.parse(ca_file).option();
    RedisAddress {
        endpoint: written.endpoint,
        database: written.database.into(),
        login,
        sentinel_login: Login::default(),
        tls: written.tls.then_some(Tls { ca_file }),
        key_prefix: String::new(),
    }
}

/// Reads a secret from its variable or from its file, the last line end taken off.
fn secret(value: Setting, file: Setting, reader: &mut Reader) -> Option<SecretString> {
    both(value, file, reader);
    if let Some(path) = file.given {
        match std::fs::read_to_string(path.trim()) {
            Ok(text) if text.trim_end_matches(['\r', '\n']).is_empty() => {
                reader.problem(file.variable.name, format_args!("names an empty file"));
            }
            Ok(text) => return Some(text.trim_end_matches(['\r', '\n']).into()),
            Err(error) => reader.problem(
                file.variable.name,
                format_args!("names a file that cannot be read: {}", error.kind()),
            ),
        }
    }
    value.given.map(SecretString::from)
}

fn both(value: Setting, file: Setting, reader: &mut Reader) {
    if value.given.is_some() && file.given.is_some() {
        reader.problem(
            value.variable.name,
            format_args!("must not be set together with {}", file.variable.name),
        );
    }
}

pub(in crate::config) fn secrets(settings: &Settings, reader: &mut Reader) -> Sources {
    let mut source = |value: Setting, file: Setting| {
        both(value, file, reader);
        match (value.given, file.given) {
            (_, Some(path)) => Source::File(PathBuf::from(path.trim())),
            (Some(text), None) => Source::Variable(text.into()),
            (None, None) => Source::Unset,
        }
    };
    Sources {
        webhook: source(settings.webhook_secret(), settings.webhook_secret_file()),
        operators: source(settings.operator_tokens(), settings.operator_tokens_file()),
        apps: source(settings.app_tokens(), settings.app_tokens_file()),
    }
}
