//! `turnpike migrate`: brings the books to this program's tables, without serving.

use clap::Args;
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output::{self, Format},
};
use crate::{app, config::Config};

/// What to do.
#[derive(Args)]
pub(super) struct MigrateArguments {
    /// Only list pending migrations.
    #[arg(long)]
    dry_run: bool,
    /// Always print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, arguments: MigrateArguments) -> Result<Exit, Failure> {
    let failed = |error| Failure::from_error(Exit::Failed, &error);
    let missing = app::missing_migrations(config).await.map_err(failed)?;
    if !arguments.dry_run {
        app::migrate(config).await.map_err(failed)?;
    }
    match Format::choose(arguments.json) {
        Format::Json => output::json(&json!({"missing": missing, "applied": !arguments.dry_run})),
        Format::Readable if missing.is_empty() => {
            output::line("the books have this program's tables")
        }
        Format::Readable => {
            let verb = if arguments.dry_run { "missing" } else { "applied" };
            let numbers: Vec<String> = missing.iter().map(i64::to_string).collect();
            output::line(&format!("{verb}: {}", numbers.join(", ")));
        }
    }
    Ok(Exit::Done)
}
