//! The long run of the simulator, and the replay of one seed.
//!
//! ```text
//! cargo run -p testkit --release --example simulate -- --seeds 10000 --start 1
//! cargo run -p testkit --release --example simulate -- --seed 42 --trace
//! ```

use std::process::ExitCode;

use testkit::sim::{counts::Counts, run, run_with_cards};

/// What the command line asks for.
struct Asked {
    first: u64,
    seeds: u64,
    trace: bool,
    keep_going: bool,
    cards: bool,
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(mistake) => {
            eprintln!(
                "{mistake}\nusage: simulate [--start N] [--seeds N] [--seed N] [--trace] [--keep-going] [--cards]"
            );
            return ExitCode::from(2);
        }
    };
    let mut total = Counts::default();
    let mut failed = 0_u64;
    for seed in asked.first..asked.first.saturating_add(asked.seeds) {
        let ran =
            if asked.cards { run_with_cards(seed, asked.trace) } else { run(seed, asked.trace) };
        match ran {
            Ok(counts) => total += counts,
            Err(violation) => {
                println!("{violation}\n  replay: --seed {seed} --trace");
                failed += 1;
                if !asked.keep_going {
                    break;
                }
            }
        }
        if total.seeds > 0 && total.seeds % 1_000 == 0 {
            eprintln!("{} seeds, {} intents, {} steps", total.seeds, total.intents, total.steps);
        }
    }
    print!("{total}");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked { first: 1, seeds: 100, trace: false, keep_going: false, cards: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            let text = words.next().ok_or_else(|| format!("{word} needs a number"))?;
            text.parse::<u64>().map_err(|_| format!("{word} needs a number, not {text:?}"))
        };
        match word.as_str() {
            "--start" => asked.first = number()?,
            "--seeds" => asked.seeds = number()?,
            "--seed" => (asked.first, asked.seeds) = (number()?, 1),
            "--trace" => asked.trace = true,
            "--cards" => asked.cards = true,
            "--keep-going" => asked.keep_going = true,
            other => return Err(format!("unknown option {other:?}")),
        }
    }
    Ok(asked)
}
