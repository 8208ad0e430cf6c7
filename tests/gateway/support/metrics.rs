//! `GET /metrics` as Prometheus reads it, added up over every process of a world.
#![allow(clippy::float_arithmetic, reason = "Prometheus' values are floats")]

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use super::{Call, World};

/// One reading.
pub struct Metrics {
    /// Series as they are written, `name{label="value"}`, with their values.
    series: BTreeMap<String, f64>,
    /// The text of the first process.
    pub text: String,
}

impl Metrics {
    /// What all processes show now.
    pub async fn of(world: &World) -> Self {
        let mut texts = Vec::new();
        for gateway in world.gateways().filter(|gateway| gateway.runs()) {
            let reply = Call::get("/metrics").send(gateway.operator).await.must(200);
            assert_eq!(
                reply.header("content-type"),
                Some("text/plain; version=0.0.4; charset=utf-8")
            );
            texts.push(String::from_utf8(reply.body.to_vec()).unwrap());
        }
        let mut series = BTreeMap::new();
        for line in texts
            .iter()
            .flat_map(|text| text.lines())
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (name, value) = line.rsplit_once(' ').unwrap();
            *series.entry(name.to_owned()).or_insert(0.0) += value.parse::<f64>().unwrap();
        }
        Self { series, text: texts.swap_remove(0) }
    }

    /// The sum of the series of this name that have all these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let of_name = |series: &str| {
            series == name || series.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'))
        };
        let fits =
            |series: &&String| of_name(series) && labels.iter().all(|label| series.contains(label));
        self.series.keys().filter(fits).map(|series| self.series[series]).sum()
    }

    /// The names, without those of buckets, sums and counts.
    pub fn names(&self) -> Vec<String> {
        self.text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned))
            .collect()
    }
}

/// Runs promtool, as `tests/run` found or fetched it.
pub fn promtool(arguments: &[&str], input: &str) -> Output {
    use std::io::Write;
    let program = std::env::var("TURNPIKE_PROMTOOL").unwrap_or_else(|_| "promtool".to_owned());
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("{program} does not start ({error}): run tests/run once (it fetches Debian's prometheus), or set TURNPIKE_PROMTOOL")
    });
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    // A program that wants no input closes it.
    let _ = writer.join();
    output
}
