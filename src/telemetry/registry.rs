//! The recorder behind the metrics: of one gateway, not of the process, so that two in one process
//! do not count into each other.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use super::names::{ALL, Kind, SETTLEMENT_DURATION, VERIFY_DURATION};

const METADATA: Metadata<'static> = Metadata::new("turnpike", Level::INFO, None);
/// Different reasons that are told apart; stable words, some tens of them.
const MOST_WORDS: usize = 96;
/// The word for whatever is one too many.
const OTHER: &str = "other";

pub(super) struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Registry {
    pub(super) fn new() -> Self {
        let recorder = builder().build_recorder();
        for (name, kind, help) in ALL {
            match kind {
                Kind::Counter => recorder.describe_counter(name.into(), None, help.into()),
                Kind::Gauge => recorder.describe_gauge(name.into(), None, help.into()),
                Kind::Histogram => recorder.describe_histogram(name.into(), None, help.into()),
            }
        }
        Self { handle: recorder.handle(), recorder }
    }

    pub(super) fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        self.recorder.register_counter(&key(name, labels), &METADATA)
    }

    pub(super) fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        self.recorder.register_gauge(&key(name, labels), &METADATA)
    }

    pub(super) fn histogram(
        &self,
        name: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Histogram {
        self.recorder.register_histogram(&key(name, labels), &METADATA)
    }

    pub(super) fn render(&self) -> String {
        self.handle.render()
    }

    pub(super) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// Buckets in seconds: of OpenTelemetry for HTTP, finer for what only computes, coarser for what
/// waits for blocks.
fn builder() -> PrometheusBuilder {
    let http = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
    let computing = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0];
    let waiting = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];
    let builder = PrometheusBuilder::new();
    // Only an empty list of buckets is refused.
    let set = builder
        .set_buckets(&http)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Full(VERIFY_DURATION.to_owned()), &computing)
        })
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Full(SETTLEMENT_DURATION.to_owned()), &waiting)
        });
    set.unwrap_or_default()
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    Key::from_parts(
        name,
        labels
            .iter()
            .map(|(name, value)| Label::new(*name, (*value).to_owned()))
            .collect::<Vec<_>>(),
    )
}

/// The values of a label that comes from many places: as many as are allowed, each a short plain
/// word.
#[derive(Default)]
pub(super) struct Words(Mutex<BTreeSet<String>>);

impl Words {
    /// The word itself, or `other` where it is none or one too many.
    pub(super) fn bounded(&self, word: Option<&str>) -> String {
        let Some(word) = word else { return String::from("none") };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if word.is_empty() || word.len() > 64 || !word.bytes().all(plain) {
            return OTHER.to_owned();
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(word) || (known.len() < MOST_WORDS && known.insert(word.to_owned())) {
            return word.to_owned();
        }
        OTHER.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_labels_values_do_not_grow_without_bound() {
        let words = Words::default();
        assert_eq!(words.bounded(Some("insufficient_funds")), "insufficient_funds");
        assert_eq!(words.bounded(None), "none");
        for text in ["", "Two words", "0xAB\n", &"a".repeat(65)] {
            assert_eq!(words.bounded(Some(text)), OTHER);
        }
        for number in 0..1_000 {
            words.bounded(Some(&format!("reason_{number}")));
        }
        assert_eq!(words.bounded(Some("reason_999")), OTHER);
        assert_eq!(words.bounded(Some("insufficient_funds")), "insufficient_funds");
    }

    #[test]
    fn every_name_says_its_unit_and_its_kind() {
        for (name, kind, help) in ALL {
            assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
            assert_eq!(name.contains("_duration_seconds"), kind == Kind::Histogram, "{name}");
            assert!(help.ends_with('.') && !help.contains('\n'), "{name}");
        }
    }
}
