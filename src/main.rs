//! Turnpike: an agent-payments gateway. `turnpike` serves; see `turnpike --help` for the rest.

mod app;
mod books;
mod cache;
mod cli;
mod clock;
mod config;
mod export;
mod gateway;
mod http;
mod operator;
mod rails;
mod seal;
mod strict_toml;
mod telemetry;
mod upstream;
mod variables;
mod worker;

fn main() -> std::process::ExitCode {
    cli::main()
}
