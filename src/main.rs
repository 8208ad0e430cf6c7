//! The service.
mod books;
fn main() {}
