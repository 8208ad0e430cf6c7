//! A value of the payment headers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::parsers::x402_header(bytes));
