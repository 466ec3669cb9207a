//! Metrics whose label values are closed sets, registered and at zero from the start.

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use super::labels::Label;

/// Makes metrics and registers them.
pub(super) struct Families<'a>(pub(super) &'a Registry);

impl Families<'_> {
    pub(super) fn register<M: Collector + Clone + 'static>(
        &self,
        metric: M,
    ) -> Result<M, prometheus::Error> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        self.register(IntCounter::new(name, help)?)
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        self.register(IntGauge::new(name, help)?)
    }

    /// A gauge that holds seconds since the Unix epoch, with a fraction.
    pub(super) fn instant(&self, name: &str, help: &str) -> Result<Gauge, prometheus::Error> {
        self.register(Gauge::new(name, help)?)
    }

    pub(super) fn histogram(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
    ) -> Result<Histogram, prometheus::Error> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(options)?)
    }

    pub(super) fn counters<L: Label>(
        &self,
        name: &str,
        help: &str,
        label: &str,
    ) -> Result<Counters<L>, prometheus::Error> {
        let family = self.register(IntCounterVec::new(Opts::new(name, help), &[label])?)?;
        children(&family).map(Counters)
    }

    pub(super) fn gauges<L: Label>(
        &self,
        name: &str,
        help: &str,
        label: &str,
    ) -> Result<Gauges<L>, prometheus::Error> {
        let family = self.register(IntGaugeVec::new(Opts::new(name, help), &[label])?)?;
        children(&family).map(Gauges)
    }
}

/// Makes the child of every value of a label, so that it is there from the start.
fn children<L: Label, B: MetricVecBuilder>(
    family: &MetricVec<B>,
) -> Result<Vec<(L, B::M)>, prometheus::Error> {
    let child = |value: &L| {
        let metric = family.get_metric_with_label_values(&[value.text()])?;
        Ok((*value, metric))
    };
    L::ALL.iter().map(child).collect()
}

/// One counter for each value of a label.
#[derive(Debug)]
pub(super) struct Counters<L>(Vec<(L, IntCounter)>);

impl<L: Label> Counters<L> {
    pub(super) fn add(&self, label: L, count: u64) {
        if let Some((_, counter)) = self.0.iter().find(|(value, _)| *value == label) {
            counter.inc_by(count);
        }
    }

    pub(super) fn count(&self, label: L) {
        self.add(label, 1);
    }
}

/// One gauge for each value of a label.
#[derive(Debug)]
pub(super) struct Gauges<L>(Vec<(L, IntGauge)>);

impl<L: Label> Gauges<L> {
    pub(super) fn set(&self, label: L, value: i64) {
        if let Some((_, gauge)) = self.0.iter().find(|(known, _)| *known == label) {
            gauge.set(value);
        }
    }
}
