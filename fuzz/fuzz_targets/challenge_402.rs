//! The 402 for what a client chose.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::parsers::challenge_402(bytes));
