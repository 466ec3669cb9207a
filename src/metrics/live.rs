//! The gauges that are built from the snapshot at each scrape.

use std::collections::BTreeMap;

use prometheus::{GaugeVec, IntGaugeVec, Opts, Registry};

use super::family::Families;
use super::seconds;
use crate::domain::holder::Source;
use crate::domain::level::Level;
use crate::domain::target::Target;
use crate::domain::time::Time;

/// The most sessions that have series of their own.
pub const MAX_SERIES: usize = 200;
/// The most environments that are told apart; the sessions of the others count as `other`.
pub const MAX_ENVIRONMENTS: usize = 50;

/// What a replica sees at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// The live sessions, in any order.
    pub sessions: Vec<LiveSession>,
    /// How many refused alerts wait for their guardrail to lift.
    pub waiting: usize,
    /// Whether automatic sources are frozen.
    pub frozen: bool,
}

/// A live session at the moment of a scrape.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// What is verbose.
    pub target: Target,
    /// How verbose it is.
    pub level: Level,
    /// What opened the session.
    pub source: Source,
    /// When the session ends.
    pub expires_at: Time,
    /// Whether it has been live for three poll intervals and no application ever asked.
    pub unpolled: bool,
}

/// Makes the gauges of `live`.
pub(super) fn register(registry: &Registry, live: &Live) -> Result<(), prometheus::Error> {
    let families = Families(registry);
    families
        .gauge(
            "autolog_waiting",
            "Refused alerts that open when their guardrail lifts.",
        )?
        .set(count(live.waiting));
    families
        .gauge("autolog_frozen", "Whether automatic sources are frozen.")?
        .set(i64::from(live.frozen));
    let unpolled = live
        .sessions
        .iter()
        .filter(|session| session.unpolled)
        .count();
    families
        .gauge(
            "autolog_sessions_unpolled",
            "Sessions live for three poll intervals that no application ever asked about: a name does not match.",
        )?
        .set(count(unpolled));
    families
        .gauge(
            "autolog_session_series_dropped",
            "Live sessions without series of their own.",
        )?
        .set(count(live.sessions.len().saturating_sub(MAX_SERIES)));
    active(&families, &live.sessions)?;
    each(&families, &live.sessions)
}

/// Counts the sessions by environment and source; of an environment with a session every source is there.
fn active(families: &Families<'_>, sessions: &[LiveSession]) -> Result<(), prometheus::Error> {
    let mut counts: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    for session in sessions {
        let environment = session.target.environment.as_str();
        let of_source = counts.entry(environment).or_default();
        *of_source.entry(session.source.as_str()).or_default() += 1;
    }
    let family = families.register(IntGaugeVec::new(
        Opts::new(
            "autolog_sessions_active",
            "Live sessions, by environment and by what opened them.",
        ),
        &["environment", "source"],
    )?)?;
    for (index, (environment, of_source)) in counts.iter().enumerate() {
        let environment = if index < MAX_ENVIRONMENTS {
            environment
        } else {
            "other"
        };
        for source in Source::ALL {
            let live = of_source.get(source.as_str()).copied().unwrap_or(0);
            let values = [environment, source.as_str()];
            family.get_metric_with_label_values(&values)?.add(live);
        }
    }
    Ok(())
}

/// Shows the first sessions one by one, in the order of their targets so that series are stable.
fn each(families: &Families<'_>, sessions: &[LiveSession]) -> Result<(), prometheus::Error> {
    let mut sessions: Vec<&LiveSession> = sessions.iter().collect();
    sessions.sort_unstable_by(|one, two| one.target.cmp(&two.target));
    let info = families.register(IntGaugeVec::new(
        Opts::new("autolog_session_info", "A live session; always 1."),
        &["app", "environment", "endpoint", "level", "source"],
    )?)?;
    let expires = families.register(GaugeVec::new(
        Opts::new(
            "autolog_session_expires_timestamp_seconds",
            "When a live session ends unless it is extended.",
        ),
        &["app", "environment", "endpoint"],
    )?)?;
    for session in sessions.into_iter().take(MAX_SERIES) {
        let app = session.target.app.as_str();
        let environment = session.target.environment.as_str();
        let endpoint = session
            .target
            .endpoint
            .as_ref()
            .map_or("", |endpoint| endpoint.as_str());
        let (level, source) = (session.level.as_str(), session.source.as_str());
        info.get_metric_with_label_values(&[app, environment, endpoint, level, source])?
            .set(1);
        expires
            .get_metric_with_label_values(&[app, environment, endpoint])?
            .set(seconds(session.expires_at));
    }
    Ok(())
}

fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}
