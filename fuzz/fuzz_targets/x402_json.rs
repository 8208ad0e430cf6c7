//! The JSON inside a payment header.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::parsers::x402_json(bytes));
