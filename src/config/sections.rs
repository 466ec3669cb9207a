//! Each section of the configuration, read from its settings.

mod store;

use std::time::Duration;

use super::reader::{Parsed, Reader};
use super::values::{Bytes, Label, Length, Switch};
use super::variables::{Setting, Settings};
use super::{Limits, Listeners, NOWHERE};
use crate::alertmanager::Mapping;
use crate::domain::policy::{Caps, OnResolved, Policy};
use crate::domain::window::WindowRule;
use crate::telemetry::{Filter, Logging};

pub(super) use store::{secrets, store};

const SECOND: Length = Length(Duration::from_secs(1));
const WEEK: Length = Length(Duration::from_hours(7 * 24));

pub(super) fn listeners(settings: &Settings, reader: &mut Reader) -> Listeners {
    let api: std::net::SocketAddr = reader.parse(settings.listen()).or(NOWHERE);
    let admin = reader.parse(settings.admin_listen()).or(NOWHERE);
    if api == admin && api.port() != 0 {
        reader.problem(
            settings.admin_listen().variable.name,
            format_args!("must differ from {}", settings.listen().variable.name),
        );
    }
    let open_check = reader.parse(settings.open_check());
    Listeners {
        api,
        admin,
        open_check: open_check.map(|Switch(on)| on).or(api.ip().is_loopback()),
    }
}

pub(super) fn policy(settings: &Settings, reader: &mut Reader) -> Policy {
    let ttl = reader.parse::<Length>(settings.ttl());
    let ttl_min = reader.within(settings.ttl_min(), SECOND..=WEEK, "at least 1s");
    let ttl_max = reader.parse(settings.ttl_max());
    let max_session = reader.within(settings.max_session(), SECOND..=WEEK, "1s to 7d");
    reader.at_most(&ttl_min, &ttl);
    reader.at_most(&ttl, &ttl_max);
    reader.at_most(&ttl, &max_session);
    let linger = reader.within(settings.linger(), Length::default()..=WEEK, "at most 7d");
    let cooldown = reader.within(settings.cooldown(), Length::default()..=WEEK, "at most 7d");
    let keeps = reader
        .parse::<Keeps>(settings.on_resolved())
        .or(Keeps(true));
    Policy {
        ttl: ttl.get().0,
        ttl_min: ttl_min.get().0,
        ttl_max: ttl_max.get().0,
        max_session: max_session.get().0,
        on_resolved: match keeps {
            Keeps(true) => OnResolved::Keep,
            Keeps(false) => OnResolved::Linger(linger.get().0),
        },
        cooldown: cooldown.get().0,
        allow: reader.list(settings.allow()),
        deny: reader.list(settings.deny()),
        caps: caps(settings, reader),
    }
}

/// Whether a resolved alert keeps its holder.
struct Keeps(bool);

#[derive(Debug, thiserror::Error)]
#[error("must be keep or linger")]
struct KeepsError;

impl std::str::FromStr for Keeps {
    type Err = KeepsError;

    fn from_str(text: &str) -> Result<Self, KeepsError> {
        match text {
            "keep" => Ok(Self(true)),
            "linger" => Ok(Self(false)),
            _ => Err(KeepsError),
        }
    }
}

fn caps(settings: &Settings, reader: &mut Reader) -> Caps {
    let sessions = number(settings.max_sessions(), reader);
    let sessions_per_app = number(settings.max_sessions_per_app(), reader);
    let automatic = number(settings.max_automatic(), reader);
    let automatic_per_app = number(settings.max_automatic_per_app(), reader);
    Caps {
        sessions: sessions.get(),
        sessions_per_app: sessions_per_app.get(),
        automatic: automatic.get(),
        automatic_per_app: automatic_per_app.get(),
    }
}

/// Reads a count that any store and replica can bear.
fn number(setting: Setting, reader: &mut Reader) -> Parsed<usize> {
    reader.within(setting, 1..=1_000_000, "1 to 1000000")
}

pub(super) fn mapping(settings: &Settings, policy: &Policy, reader: &mut Reader) -> Mapping {
    let mut labels = |setting| {
        let labels = reader.list(setting).into_iter();
        labels.map(|Label(name)| name).collect()
    };
    Mapping {
        app_labels: labels(settings.app_labels()),
        environment_labels: labels(settings.environment_labels()),
        default_environment: reader.parse(settings.default_environment()).option(),
        max_alerts: number(settings.max_alerts(), reader).get(),
        ttl_bounds: (policy.ttl_min, policy.ttl_max),
    }
}

pub(super) fn errors(settings: &Settings, reader: &mut Reader) -> WindowRule {
    let day = Length(Duration::from_hours(24));
    let length = reader
        .within(settings.error_window(), SECOND..=day, "1s to 24h")
        .get()
        .0;
    let threshold = reader.within(settings.error_threshold(), 1..=1_000_000, "1 to 1000000");
    let keys = number(settings.max_error_keys(), reader);
    let keys_per_app = number(settings.max_error_keys_per_app(), reader);
    WindowRule {
        length,
        threshold: threshold.get(),
        max_windows: keys.get(),
        max_windows_per_app: keys_per_app.get(),
    }
}

pub(super) fn poll_interval(settings: &Settings, reader: &mut Reader) -> Duration {
    let setting = settings.poll_interval();
    let most = Length(Duration::from_mins(5));
    let interval = reader.within(setting, SECOND..=most, "1s to 5m").get().0;
    if interval.subsec_nanos() != 0 {
        reader.problem(setting.variable.name, format_args!("must be whole seconds"));
    }
    interval
}

pub(super) fn limits(settings: &Settings, reader: &mut Reader) -> Limits {
    const KIB: usize = 1 << 10;
    const GIB: usize = 1 << 30;
    let mut bytes = |setting, least: usize| {
        let words = format!("{}KiB to 1GiB", least / KIB);
        reader
            .within(setting, Bytes(least)..=Bytes(GIB), &words)
            .get()
            .0
    };
    let webhook_bytes = bytes(settings.max_webhook_bytes(), KIB);
    let body_bytes = bytes(settings.max_body_bytes(), KIB);
    let header_bytes = bytes(settings.max_header_bytes(), 8 * KIB);
    let connections = number(settings.max_connections(), reader).get();
    let watchers = number(settings.max_watchers(), reader).get();
    Limits {
        webhook_bytes,
        body_bytes,
        header_bytes,
        connections,
        watchers: watchers.min(connections - (connections / 2).min(Limits::KEPT_CONNECTIONS)),
        page: number(settings.max_page(), reader).get(),
    }
}

impl Limits {
    /// How many connections no watcher may take, or half of them where there are fewer than twice as many.
    const KEPT_CONNECTIONS: usize = 1024;
}

pub(super) fn logging(settings: &Settings, reader: &mut Reader) -> Logging {
    Logging {
        filter: reader.parse(settings.log()).or(Filter::default()),
        format: reader.parse(settings.log_format()).option(),
        no_color: false,
    }
}
