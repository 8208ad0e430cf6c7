//! Profiles and bodies that are nearly right: nothing panics, an error says where, and what is
//! accepted is accepted again.
#![allow(clippy::unwrap_used)]

use testkit::{mutation::mutated, sim::rng::Rng};

use super::{contract::BodyContract, profile::Profile};

const PROFILE: &str = include_str!("../../contracts/profiles/dropspace.toml");
const SCHEMA: &str = include_str!("../../contracts/schemas/create-launch.json");
const BODIES: [&str; 3] = [
    r#"{"title":"A launch","product_url":"https://example.com","platforms":["twitter"],"product_description":"words"}"#,
    r#"{"title":"T","platforms":["reddit","tiktok"],"platform_contents":{"twitter":{"content":"c","thread":["a","b"]}},"publish":true}"#,
    r#"{"title":"M","platforms":["instagram"],"media":[{"source":"base64","data":"aGVsbG8=","type":"image"}],"scheduled_date":"2027-01-01T00:00:00Z"}"#,
];

#[test]
fn no_body_breaks_its_contract() {
    let contract = BodyContract::compile(SCHEMA).unwrap();
    let corpus: Vec<Vec<u8>> = BODIES.iter().map(|body| body.as_bytes().to_vec()).collect();
    let mut rng = Rng::seeded(11);
    let (mut accepted, mut refused) = (0, 0);
    for number in 0..8_000 {
        let body = mutated(&mut rng, &corpus);
        let shown = String::from_utf8_lossy(&body).into_owned();
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| contract.check(&body))) {
            Ok(Ok(value)) => {
                let again = contract.check(value.to_string().as_bytes());
                assert!(again.is_ok_and(|again| again == value), "try {number}: {shown}");
                accepted += 1;
            }
            Ok(Err(error)) => {
                assert!(
                    format!("{error:?}").len() < 16_384,
                    "try {number}: an error longer than its body"
                );
                refused += 1;
            }
            Err(_) => panic!("try {number} breaks the contract: {shown}"),
        }
    }
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
}

#[test]
fn no_profile_breaks_its_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.toml");
    let corpus = [PROFILE.as_bytes().to_vec()];
    let mut rng = Rng::seeded(12);
    let (mut accepted, mut refused) = (0, 0);
    for number in 0..1_500 {
        let text = mutated(&mut rng, &corpus);
        std::fs::write(&path, &text).unwrap();
        let read = || Profile::load(path.to_str().unwrap(), &|_| Some(String::from("key")));
        match std::panic::catch_unwind(read) {
            Ok(Ok(profile)) => {
                assert!(
                    !profile.name.is_empty() && !profile.routes.is_empty(),
                    "try {number}: nothing in it"
                );
                accepted += 1;
            }
            Ok(Err(error)) => {
                assert!(!error.to_string().is_empty(), "try {number}");
                refused += 1;
            }
            Err(_) => panic!("try {number} breaks the reader: {}", String::from_utf8_lossy(&text)),
        }
    }
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
}
