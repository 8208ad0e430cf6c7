//! Addresses, ids, keys, hashes and amounts.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::parsers::texts(bytes));
