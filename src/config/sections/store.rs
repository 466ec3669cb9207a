//! The store's address with its companions, and where the secrets come from.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::config::reader::Reader;
use crate::config::store::{AddressError, StoreAddress, Written, WrittenRedis};
use crate::config::values::KeyPrefix;
use crate::config::variables::{Setting, Settings};
use crate::credentials::{Source, Sources};
use crate::store::redis::{RedisAddress, Tls};

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
    secret(
        settings.sentinel_password(),
        settings.sentinel_password_file(),
        reader,
    );
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
            address.key_prefix = key_prefix;
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
    for setting in companions.iter().filter(|setting| setting.given.is_some()) {
        reader.problem(
            setting.variable.name,
            format_args!("is only used with a Redis store"),
        );
    }
    store
}

fn redis(
    written: WrittenRedis,
    password: Option<SecretString>,
    settings: &Settings,
    reader: &mut Reader,
) -> RedisAddress {
    let username = settings.store_username();
    if written.username.is_some() && username.given.is_some() {
        reader.problem(
            username.variable.name,
            format_args!("must not be set when AUTOLOG_STORE names a user"),
        );
    }
    if written.password.is_some() && password.is_some() {
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
    let username = username.given.map(|name| name.trim().to_owned());
    let username = written.username.or(username);
    let password = written.password.or(password);
    if username.is_some() && password.is_none() {
        reader.problem(
            settings.store_password().variable.name,
            format_args!("is required with a user"),
        );
    }
    let ca_file = reader.parse(ca_file).option();
    RedisAddress {
        endpoint: written.endpoint,
        database: written.database.into(),
        username,
        password,
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
