//! The one place where integers become what Prometheus has for numbers. Nothing comes back from
//! here: no rule reads a metric.

use metrics::Gauge;

/// Shows a whole number. Beyond 2^53 the last digits are lost, which is less than any graph shows.
pub(super) fn show(gauge: &Gauge, value: u128) {
    gauge.set(value as f64);
}
