//! From an alert's labels to a target.

use std::time::Duration;

use super::wire::WireAlert;
use super::{Asks, Remarks, Sighting, Unclear, object};
use crate::domain::level::Level;
use crate::domain::name::{App, Endpoint, Environment, NameError, Reason};
use crate::domain::operation::Alert;
use crate::domain::policy::Policy;
use crate::domain::target::{Place, Target};

/// The most characters kept of an alert's name.
const MAX_ALERT_NAME: usize = 100;

/// How alerts are mapped to targets.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The labels that may name the application; the first one present counts.
    pub app_labels: Vec<String>,
    /// The labels that may name the environment; the first one present counts.
    pub environment_labels: Vec<String>,
    /// The environment of alerts that name none.
    pub default_environment: Option<Environment>,
    /// The most alerts of one message that are handled.
    pub max_alerts: usize,
    /// The bounds of what an alert may ask for.
    pub ttl_bounds: (Duration, Duration),
}

/// The label that holds the name of a scrape job, whose application follows the last `/`.
///
/// Source: Prometheus sets it to `namespace/name` for what it receives by OTLP.
const JOB: &str = "job";

impl Mapping {
    /// The mapping of a service that is configured with nothing but `policy`.
    pub fn new(policy: &Policy) -> Self {
        let labels = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            app_labels: labels(&["app", "service_name", "service", JOB]),
            environment_labels: labels(&[
                "environment",
                "deployment_environment_name",
                "deployment_environment",
                "env",
            ]),
            default_environment: None,
            max_alerts: 5_000,
            ttl_bounds: (policy.ttl_min, policy.ttl_max),
        }
    }

    /// Tells what one alert asks for; `json` is valid JSON.
    pub(super) fn sight(&self, json: &str, wanted: bool) -> Sighting {
        let mut remarks = Remarks::default();
        let alert = object(json).filter(WireAlert::has_labels);
        let asks = match &alert {
            None => Asks::Invalid(Unclear::default()),
            Some(alert) if wanted || alert.label("autolog") == Some("true") => {
                self.map(alert, &mut remarks)
            }
            Some(_) => Asks::Nothing,
        };
        let fingerprint = alert.and_then(|alert| alert.fingerprint());
        Sighting {
            fingerprint: fingerprint.map(|name| name.to_string()),
            asks,
            remarks,
        }
    }

    fn map(&self, alert: &WireAlert, remarks: &mut Remarks) -> Asks {
        let reason = Reason::lossy(alert.label("alertname").unwrap_or_default(), MAX_ALERT_NAME);
        let (app, environment) = match (self.app(alert), self.environment(alert)) {
            (Ok(Some(app)), Ok(Some(environment))) => (app, environment),
            (app, environment) => return unclear(reason, app, environment),
        };
        let Some(fingerprint) = alert.fingerprint() else {
            return unclear(reason, Ok(Some(app)), Ok(Some(environment)));
        };
        let endpoint = endpoint(alert, remarks);
        let level = alert.label_or_annotation("autolog_level");
        remarks.clamped |= level.is_some_and(|level| level.parse() != Ok(Level::Debug));
        Asks::Session(Alert {
            target: target(alert, app, environment, endpoint.as_ref()),
            fingerprint,
            starts_at: alert.starts_at(),
            firing: alert.is_firing(),
            ttl: self.ttl(alert, remarks),
            endpoint,
            reason,
        })
    }

    fn app(&self, alert: &WireAlert) -> Result<Option<App>, NameError> {
        let mut present = self.app_labels.iter().filter_map(|name| {
            let text = alert.label(name)?;
            let of_job = text.rsplit('/').next().filter(|_| name == JOB);
            Some(of_job.unwrap_or(text)).filter(|text| !text.is_empty())
        });
        present.next().map(App::parse).transpose()
    }

    fn environment(&self, alert: &WireAlert) -> Result<Option<Environment>, NameError> {
        let mut present = self
            .environment_labels
            .iter()
            .filter_map(|name| alert.label(name));
        let named = present.next().map(Environment::parse).transpose()?;
        Ok(named.or_else(|| self.default_environment.clone()))
    }

    /// The TTL that the alert asks for; one that is none is left out, and the store keeps the others within bounds.
    fn ttl(&self, alert: &WireAlert, remarks: &mut Remarks) -> Option<Duration> {
        let text = alert.label_or_annotation("autolog_ttl")?;
        let seconds = || text.parse().map(Duration::from_secs).ok();
        let asked = humantime::parse_duration(text).ok().or_else(seconds);
        let (min, max) = self.ttl_bounds;
        remarks.clamped |= asked.is_none_or(|ttl| ttl < min || max < ttl);
        asked
    }
}

/// What an alert asks for that names no target, or one with a name that is none.
fn unclear(
    reason: Reason,
    app: Result<Option<App>, NameError>,
    environment: Result<Option<Environment>, NameError>,
) -> Asks {
    let is_missing = matches!(app, Ok(None)) || matches!(environment, Ok(None));
    let is_unmapped = is_missing && app.is_ok() && environment.is_ok();
    let unclear = Unclear {
        reason,
        app: app.ok().flatten(),
        environment: environment.ok().flatten(),
    };
    if is_unmapped {
        Asks::Unmapped(unclear)
    } else {
        Asks::Invalid(unclear)
    }
}

fn endpoint(alert: &WireAlert, remarks: &mut Remarks) -> Option<Endpoint> {
    let text = alert
        .label("endpoint")
        .or_else(|| alert.label("http_route"))?;
    let endpoint = Endpoint::parse(text);
    remarks.endpoint_dropped = endpoint.is_err();
    endpoint.ok()
}

fn target(
    alert: &WireAlert,
    app: App,
    environment: Environment,
    endpoint: Option<&Endpoint>,
) -> Target {
    let of_endpoint = alert.label("autolog_scope") == Some("endpoint");
    let place = Place { app, environment };
    place.target(endpoint.filter(|_| of_endpoint).cloned())
}
