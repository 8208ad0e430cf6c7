//! The rules of the house, checked on the text of the house: who may import whom, who may read the
//! clock, how long a file may be. A rule that is not checked is a wish.
#![allow(clippy::unwrap_used)]

mod circles;
mod contracts;
mod deploy;
mod documents;
mod drawings;
mod events;
mod failures;
mod faults;
mod habits;
mod orphans;
mod text;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use text::{code, complain, everything, own_paths, place, root, sources};

/// Crates that do I/O, or bring a runtime that does.
const IO_CRATES: [&str; 14] = [
    "tokio",
    "axum",
    "sqlx",
    "hyper",
    "hyper-util",
    "reqwest",
    "redis",
    "mio",
    "async-std",
    "smol",
    "socket2",
    "rustls",
    "rustix",
    "rusqlite",
];
/// The modules that stand behind a port. Only `app` may name one.
const BACKENDS: [(&str, &str); 7] = [
    ("books", "postgres"),
    ("books", "sqlite"),
    ("cache", "memory"),
    ("cache", "redis"),
    ("rails", "base"),
    ("rails", "stripe"),
    ("upstream", "forwarder"),
];
/// Rooms whose files import `payments` and their own folder, nothing else of ours.
const BACKEND_ROOMS: [&str; 4] = ["books", "cache", "rails", "upstream"];
/// Pure helpers that every room may use.
const SHARED: [&str; 2] = ["strict_toml", "variables"];
/// What only the clock's file may say.
const CLOCKS: [&str; 6] =
    ["SystemTime::now", "Instant::now", "now_utc(", "Uuid::new_v4", "Uuid::now_v7", "getrandom::"];
const LONGEST_FILE: usize = 300;

#[test]
fn payments_does_no_io() {
    let crates = linked(&["-p", "payments"]);
    assert!(crates.contains("payments"), "cargo tree says nothing about payments: {crates:?}");
    let found: Vec<_> = IO_CRATES.iter().filter(|name| crates.contains(**name)).collect();
    assert!(found.is_empty(), "payments depends on {found:?}");
    let forbidden = ["std::net", "std::fs", "std::process", "std::thread", "std::env"];
    complain(sources("payments/src"), |_, line| forbidden.iter().any(|path| line.contains(path)));
}

/// The stand-ins of the tests are in no program that anybody runs, whatever its features.
#[test]
fn the_service_links_no_testkit() {
    for package in [
        ["-p", "turnpike", "--all-features"],
        ["-p", "payments", "--all-features"],
        ["-p", "sandbox", "--all-features"],
    ] {
        let crates = linked(&package);
        assert!(
            crates.contains("payments") && !crates.contains("testkit"),
            "{package:?}: {crates:?}"
        );
    }
}

/// The crates that are built into a package, without those of its tests.
fn linked(package: &[&str]) -> BTreeSet<String> {
    let cargo = Command::new(env!("CARGO"))
        .args(["tree", "-e", "normal", "--prefix", "none", "--offline"])
        .args(package)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let tree = String::from_utf8(cargo.stdout).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn backends_import_payments_and_their_own_folder() {
    for file in sources("src") {
        let (room, backend) = place(&file);
        if !BACKEND_ROOMS.contains(&room.as_str()) {
            continue;
        }
        for path in own_paths(&code(&file)) {
            let (first, second) = (path[0].as_str(), path.get(1).map_or("", String::as_str));
            assert!(
                first == room || SHARED.contains(&first),
                "{}: imports crate::{first}",
                file.display()
            );
            let foreign = BACKENDS.contains(&(first, second)) && second != backend;
            assert!(!foreign, "{}: imports its neighbour {first}::{second}", file.display());
        }
        for (_, neighbour) in BACKENDS.iter().filter(|(r, b)| *r == room && *b != backend) {
            let sideways = format!("super::{neighbour}");
            assert!(!code(&file).contains(&sideways), "{}: {sideways}", file.display());
        }
        // A backend's own tests may run on the stand-in that it is judged by.
        let test = file.iter().any(|part| part == "tests");
        assert!(
            test || !code(&file).contains("sandbox::"),
            "{}: imports the sandbox",
            file.display()
        );
    }
}

#[test]
fn only_app_names_a_backend() {
    for file in sources("src") {
        let (room, _) = place(&file);
        assert!(
            room == "app" || !code(&file).contains("launch_core::"),
            "{}: names the embedded upstream",
            file.display()
        );
        if room == "app" || BACKEND_ROOMS.contains(&room.as_str()) {
            continue;
        }
        for path in own_paths(&code(&file)) {
            let (first, second) = (path[0].as_str(), path.get(1).map_or("", String::as_str));
            let named = BACKENDS.contains(&(first, second));
            assert!(!named, "{}: names the backend {first}::{second}", file.display());
        }
    }
}

/// Statements name the states of obligations through `ObligationState` or `obligation_word!`. Other
/// tables share some of the words, so that those are looked for beside the table's name alone.
#[test]
fn statements_name_states_of_obligations_by_their_type() {
    let own = ["'reserved'", "'used'", "'refund_due'", "'refund_unknown'"];
    let shared = ["'open'", "'refund_sent'", "'refunded'"];
    complain(sources("src/books"), |file, line| {
        let of_refunds =
            line.contains("refunds") || line.contains("IN ('refund_sent', 'refund_unknown')");
        let names_own = own.iter().any(|word| line.contains(word)) && !of_refunds;
        let names_shared =
            line.contains("obligations") && shared.iter().any(|word| line.contains(word));
        let test = file.iter().any(|part| part == "tests" || part == "tests.rs");
        !test && (names_own || names_shared)
    });
}

#[test]
fn the_gateway_knows_no_transport() {
    let transports = ["http", "http_body", "axum", "hyper", "hyper_util", "tower"];
    let files = sources("src/gateway");
    assert!(!files.is_empty(), "src/gateway is gone");
    complain(files, |_, line| {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|word| transports.contains(&word))
    });
}

#[test]
fn one_file_reads_the_clock_and_draws_randomness() {
    let reads = |file: &PathBuf| CLOCKS.iter().any(|clock| code(file).contains(clock));
    let allowed = root().join("src/clock.rs");
    let service: Vec<_> = ["src", "launch-core"]
        .into_iter()
        .flat_map(sources)
        .filter(|f| *f != allowed)
        .filter(reads)
        .collect();
    assert!(service.is_empty(), "beside src/clock.rs: {service:?}");
    let rules: Vec<_> =
        ["payments", "testkit"].into_iter().flat_map(sources).filter(reads).collect();
    assert!(rules.is_empty(), "the rules or their tests read the clock: {rules:?}");
    let stand_ins: Vec<_> = sources("sandbox").into_iter().filter(reads).collect();
    assert!(stand_ins.len() <= 1, "one file of the sandbox may: {stand_ins:?}");
    let tests: Vec<_> = sources("tests")
        .into_iter()
        .filter(|f| !f.ends_with("house/main.rs"))
        .filter(reads)
        .collect();
    assert!(tests.len() <= 1, "one file of the tests may: {tests:?}");
}

#[test]
fn no_file_is_longer_than_300_lines() {
    let long: Vec<_> = everything()
        .into_iter()
        .map(|file| (std::fs::read_to_string(&file).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let later = [
        concat!("to", "do!"),
        concat!("unimple", "mented!"),
        concat!("#[ig", "nore"),
        concat!("FIX", "ME"),
    ];
    complain(everything(), |_, line| later.iter().any(|word| line.contains(word)));
}

#[test]
fn money_is_never_a_float() {
    let mut files: Vec<_> = ["payments/src", "testkit/src", "launch-core/src", "src"]
        .into_iter()
        .flat_map(sources)
        .collect();
    // What Prometheus has for numbers is made there, and read by nobody.
    files.retain(|file| !file.ends_with("telemetry/number.rs"));
    complain(files, |_, line| {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        // A reader of JSON has to say what it does with a number that is no integer.
        let reader = line.contains("visit_f64") || line.contains("Number::from_f64");
        !reader && words.any(|word| ["f32", "f64"].contains(&word) || word.ends_with("_f64"))
    });
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for manifest in [
        "Cargo.toml",
        "payments/Cargo.toml",
        "testkit/Cargo.toml",
        "launch-core/Cargo.toml",
        "sandbox/Cargo.toml",
    ] {
        let text = std::fs::read_to_string(root().join(manifest)).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{manifest}");
    }
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for lint in
        ["unsafe_code = \"forbid\"", "too_many_lines", "disallowed_methods", "float_arithmetic"]
    {
        assert!(workspace.contains(lint), "{lint} is not switched on");
    }
    let clippy = std::fs::read_to_string(root().join("clippy.toml")).unwrap();
    assert!(clippy.contains("too-many-lines-threshold = 70"));
}

#[test]
fn the_map_names_every_room() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let mut rooms = Vec::new();
    for name in [
        "payments",
        "testkit",
        "launch-core",
        "src",
        "sandbox",
        "contracts",
        "migrations",
        "tests",
        "bench",
    ] {
        if root().join(name).is_dir() {
            rooms.push(name.to_owned());
        }
    }
    for entry in std::fs::read_dir(root().join("src")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            rooms.push(entry.file_name().into_string().unwrap());
        }
    }
    let missing: Vec<_> =
        rooms.iter().filter(|room| !readme.contains(&format!("{room}/"))).collect();
    assert!(missing.is_empty(), "README.md does not name {missing:?}");
}
