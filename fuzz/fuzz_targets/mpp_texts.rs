//! What a paying client reads, and the short texts of MPP.
#![no_main]

#[path = "../../payments/tests/parsers/mod.rs"]
mod parsers;
#[path = "../../payments/tests/vectors/mod.rs"]
mod vectors;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::mpp::mpp_texts(bytes));
