//! The service.
#[allow(dead_code)]
mod upstream;

fn main() {}
