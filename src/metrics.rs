//! What the service measures of itself: one registry of its own, closed label values, zero from the start.
//!
//! Only this module names the metrics library.

mod family;
pub mod labels;
mod live;
mod requests;
mod sessions;
mod store;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGaugeVec, Opts, Registry, TextEncoder};

use self::family::Families;
pub use self::live::{Live, LiveSession, MAX_ENVIRONMENTS, MAX_SERIES};
pub use self::requests::{Held, Requests};
pub use self::sessions::Sessions;
pub use self::store::Store;
use crate::domain::time::Time;

/// The media type of what [`Metrics::render`] writes: the text format of Prometheus.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything the service measures of itself.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Connections and requests.
    pub requests: Requests,
    /// Alerts, error counts and sessions.
    pub sessions: Sessions,
    /// The store, the feed and the background tasks.
    pub store: Store,
}

/// The metrics could not be registered or written: two have one name, or a name is not valid.
#[derive(Debug, thiserror::Error)]
#[error("metrics could not be gathered")]
pub struct MetricsError(#[from] prometheus::Error);

/// Which program this is, for `autolog_build_info`.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The version, such as `0.1.0`.
    pub version: &'static str,
    /// The commit it was built from, or `unknown`.
    pub revision: &'static str,
}

impl Metrics {
    /// Registers every metric, at zero.
    pub fn new(build: Build) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let families = Families(&registry);
        let info = Opts::new("autolog_build_info", "The program that runs; always 1.");
        families
            .register(IntGaugeVec::new(info, &["version", "revision"])?)?
            .get_metric_with_label_values(&[build.version, build.revision])?
            .set(1);
        registry.register(Box::new(ProcessCollector::for_self()) as Box<dyn Collector>)?;
        Ok(Self {
            requests: Requests::register(&families)?,
            sessions: Sessions::register(&families)?,
            store: Store::register(&families)?,
            registry,
        })
    }

    /// Writes every metric in the text format of Prometheus, with `live` as seen now.
    pub fn render(&self, live: &Live) -> Result<String, MetricsError> {
        let scrape = Registry::new();
        live::register(&scrape, live)?;
        let mut families = self.registry.gather();
        families.extend(scrape.gather());
        families.sort_by(|one, two| one.name().cmp(two.name()));
        Ok(TextEncoder::new().encode_to_string(&families)?)
    }
}

/// Seconds since the Unix epoch, as Prometheus wants instants.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of this millennium fit 53 bits"
)]
fn seconds(time: Time) -> f64 {
    time.as_millis() as f64 / 1_000.0
}

#[cfg(test)]
mod tests;
