//! The JSON inside `Authorization: Payment`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::parsers::mpp::mpp_json(bytes));
