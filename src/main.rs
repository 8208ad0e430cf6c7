//! The service.
mod books;
mod rails;
fn main() {}
