//! What a paying client reads, and the short texts of MPP.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testkit::parsers::mpp::mpp_texts(bytes));
