//! A value of `Authorization`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::parsers::mpp::mpp_header(bytes));
