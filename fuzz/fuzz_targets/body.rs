//! A body against the schema of the built-in profile.
#![no_main]

#[allow(dead_code)]
#[path = "../../src/strict_toml.rs"]
mod strict_toml;
#[allow(dead_code)]
#[path = "../../src/variables.rs"]
mod variables;
/// The service is a binary: its parsers are taken in as files. These need nothing else of it.
#[allow(dead_code, unused_imports)]
#[path = "../../src/upstream"]
mod upstream {
    pub mod contract;
    pub mod profile;
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let contract = upstream::contract::BodyContract::compile(include_str!("../../contracts/schemas/create-launch.json")).unwrap();
    if let Ok(value) = contract.check(bytes) {
        assert!(contract.check(value.to_string().as_bytes()).is_ok_and(|again| again == value));
    }
});
