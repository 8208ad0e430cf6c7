//! `turnpike upstream`: whether the upstream takes us, and opening the way to it by hand.

use clap::{Args, Subcommand};
use payments::ports::{WayRow, desk::NewAction};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output::{self, Format},
    reason::{self, Change},
};
use crate::{
    app::Beside,
    config::Config,
    operator::actions::way::{ACTION, SUBJECT, shown},
};

/// What to do.
#[derive(Args)]
pub(super) struct UpstreamArguments {
    /// Always print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Resume charging for calls. It closes again at the next rejection.
    Open {
        #[command(flatten)]
        change: Change,
    },
}

/// Shows it, 1 while it is closed; or opens it.
pub(super) async fn run(config: &Config, arguments: UpstreamArguments) -> Result<Exit, Failure> {
    let beside = reason::books(config).await?;
    let format = Format::choose(arguments.json);
    match arguments.task {
        None => show(&beside, format).await,
        Some(Task::Open { change }) => open(&beside, &change, format).await,
    }
}

async fn show(beside: &Beside, format: Format) -> Result<Exit, Failure> {
    let way = beside.way.way().await.map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    match format {
        Format::Json => output::json(&shown(&way)),
        Format::Readable => output::line(&says(&way)),
    }
    Ok(if way.closed.is_some() { Exit::Failed } else { Exit::Done })
}

fn says(way: &WayRow) -> String {
    match (&way.closed, way.pause_until) {
        (Some(closed), _) => format!(
            "the upstream refuses the gateway itself since {}: {}",
            closed.since.rfc3339_s(),
            closed.detail
        ),
        (None, Some(until)) => {
            format!("open; the upstream asked last for a pause until {}", until.rfc3339_s())
        }
        (None, None) => String::from("open"),
    }
}

async fn open(beside: &Beside, change: &Change, format: Format) -> Result<Exit, Failure> {
    let (reason, at) = (change.reason.clone(), beside.clock.now());
    let action = NewAction { at, action: ACTION, subject: SUBJECT.to_owned(), reason, via: "cli" };
    let was = beside
        .way
        .open_way(&action, change.dry_run)
        .await
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    let was = was.ok_or_else(|| {
        Failure::new(Exit::Payment, String::from("the way to the upstream is open"))
    })?;
    match format {
        Format::Json => output::json(
            &json!({"was": shown(&was), "reason": change.reason, "dry_run": change.dry_run}),
        ),
        Format::Readable if change.dry_run => {
            output::line("it would be opened: nothing was changed")
        }
        Format::Readable => output::line("it is open; a running gateway goes on within a second"),
    }
    Ok(change.exit())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Arguments;

    #[test]
    fn the_way_is_shown_and_opened_with_a_reason() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
        assert!(
            parse("turnpike upstream --json")
                && parse("turnpike upstream open --reason paid --dry-run")
        );
        assert!(
            !parse("turnpike upstream open") && !parse("turnpike upstream close --reason late")
        );
    }
}
