//! Turnpike against baselines, interleaved in one run, as ratios. See `bench/README.md`.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod challenge;
mod load;
mod ratio;
mod verify;

use std::process::ExitCode;

fn main() -> ExitCode {
    let chosen = std::env::args().nth(1);
    let rounds =
        std::env::var("TURNPIKE_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    match chosen.as_deref() {
        Some("baseline") => challenge::serve_baseline(),
        Some("verify") => verify::run(rounds),
        Some("challenge") => challenge::run(rounds),
        None => {
            verify::run(rounds);
            challenge::run(rounds);
        }
        Some(other) => {
            eprintln!("no benchmark {other}; there are verify and challenge");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
