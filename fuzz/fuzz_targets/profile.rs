//! The text of a profile, which is read, and upgraded where it is of the schema before.
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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.toml");
    std::fs::write(&path, bytes).unwrap();
    if let Ok(profile) = upstream::profile::Profile::load(path.to_str().unwrap(), &|_| Some(String::from("key"))) {
        assert!(!profile.name.is_empty() && !profile.routes.is_empty());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(upstream::profile::Upgrade::Written { text, .. }) = upstream::profile::upgrade(text) {
        assert_eq!(upstream::profile::upgrade(&text), Ok(upstream::profile::Upgrade::Current));
    }
});
