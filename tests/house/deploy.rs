//! The files that a deployment starts from are read by the tools that they are for.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};

use crate::text::root;

/// What `.env` holds; as long as real ones.
const SECRETS: [&str; 3] = ["POSTGRES_PASSWORD", "SEAL_KEY", "SIGNING_SECRET"];
/// The plugin of Docker's command line, and the program of its own that Debian has.
const COMPOSE: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];

/// Runs compose with these arguments; `None` where there is none.
fn compose_with(arguments: &[&str], secrets: &[&str]) -> Option<Output> {
    COMPOSE.iter().find_map(|words| {
        let found = Command::new(words[0]).args(&words[1..]).arg("version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(arguments).current_dir(root());
        for name in SECRETS {
            command.env_remove(name);
        }
        command.envs(secrets.iter().map(|name| (name, "0123456789abcdef".repeat(4))));
        Some(command.output().unwrap())
    })
}

fn compose(arguments: &[&str]) -> String {
    let output =
        compose_with(arguments, &SECRETS).expect("install docker-compose, or run tests/run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Of the services that run our program: what each of them is told.
fn environments() -> BTreeMap<String, BTreeMap<String, String>> {
    let text = compose(&["config"]);
    let (mut service, mut found) = (String::new(), BTreeMap::new());
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let depth = name.len() - name.trim_start().len();
        if depth == 2 {
            service = name.trim().to_owned();
        }
        if depth == 6 && name.trim().starts_with("TURNPIKE_") {
            let value = value.trim().trim_matches(['"', '\'']).to_owned();
            found
                .entry(service.clone())
                .or_insert_with(BTreeMap::new)
                .insert(name.trim().to_owned(), value);
        }
    }
    found
}

#[test]
fn compose_reads_its_file() {
    compose(&["config", "-q"]);
}

#[test]
fn no_secret_has_a_value_that_everybody_knows() {
    for name in SECRETS {
        let others: Vec<&str> = SECRETS.into_iter().filter(|other| *other != name).collect();
        let output = compose_with(&["config", "-q"], &others)
            .expect("install docker-compose, or run tests/run");
        assert!(!output.status.success(), "it starts without {name}");
    }
}

#[test]
fn every_setting_of_the_compose_file_is_one() {
    let environments = environments();
    assert_eq!(
        environments.keys().collect::<Vec<_>>(),
        ["core", "gateway-a", "gateway-b", "migrate"]
    );
    let text = std::fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    let word = |c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_';
    let named: BTreeSet<&str> =
        text.split(word).filter(|word| word.starts_with("TURNPIKE_")).collect();
    let told: BTreeSet<&str> = environments
        .values()
        .flat_map(|environment| environment.keys().map(String::as_str))
        .collect();
    assert_eq!(named, told, "named in the file, and told to a process");
    for (service, environment) in environments {
        let place = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_turnpike"));
        command.arg("config").current_dir(place.path()).env_clear().envs(&environment);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // A build may lack a backend; a name or a value that cannot be is another complaint.
        let wrong: Vec<&str> = said
            .lines()
            .skip(1)
            .filter(|line| !line.trim().is_empty() && !line.contains("is not built in"))
            .collect();
        assert!(
            output.status.success() || (said.contains("is not built in") && wrong.is_empty()),
            "{service}: {said}"
        );
    }
}

#[test]
fn each_replica_signs_with_its_own_key_and_knows_the_others() {
    let environments = environments();
    let key = |service: &str, setting: &str| {
        environments[service][&format!("TURNPIKE_X402__{setting}")].clone()
    };
    for (own, other) in [("gateway-a", "gateway-b"), ("gateway-b", "gateway-a")] {
        assert_ne!(key(own, "SIGNER_KEY"), key(other, "SIGNER_KEY"));
        assert_eq!(key(own, "OTHER_SIGNER_KEYS"), key(other, "SIGNER_KEY"));
    }
}

/// The image is built from what `.dockerignore` lets through.
#[test]
fn the_image_gets_what_it_is_built_from() {
    let ignore = std::fs::read_to_string(root().join(".dockerignore")).unwrap();
    let let_through: BTreeSet<&str> =
        ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(
        manifest.contains(
            "members = [\"payments\", \"testkit\", \"launch-core\", \"sandbox\", \"bench\"]"
        ),
        "a member that the image is not given"
    );
    for needed in [
        "Cargo.toml",
        "Cargo.lock",
        "payments",
        "testkit",
        "launch-core",
        "sandbox",
        "bench",
        "src",
        "contracts",
        "migrations",
        "tests",
    ] {
        assert!(let_through.contains(needed), "{needed} is left out");
        assert!(root().join(needed).exists(), "{needed}");
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join("migrations").join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let sqlite = names("sqlite");
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, names("postgres"));
}
