//! `turnpike resolve`: what became of a payment that nobody knows the outcome of.

use clap::{ArgGroup, Args};
use payments::{
    agent::Payer,
    checkout::{Resolution, ResolveRefusal, ResolvedAs, ResultName, resolve},
    ids::PaymentId,
};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    invalid_argument::InvalidArgument,
    output::{self, Format},
    reason::{self, Change},
};
use crate::{app, config::Config};

/// What was found out.
#[derive(Args)]
#[command(group(ArgGroup::new("outcome").required(true).args(["done", "not_done"])))]
pub(super) struct ResolveArguments {
    /// The payment's id, `pay_` and 32 hex digits.
    id: PaymentId,
    /// The upstream did it; RESULT is its id.
    #[arg(long, value_name = "RESULT", num_args = 0..=1, value_parser = result)]
    done: Option<Option<ResultName>>,
    /// The result has no id, or an unknown one.
    #[arg(long, requires = "done", conflicts_with = "not_done")]
    without_result: bool,
    /// The upstream did not do it. The payment is owed to the payer, as after a rejection.
    #[arg(long)]
    not_done: bool,
    /// Always print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(config: &Config, arguments: ResolveArguments) -> Result<Exit, Failure> {
    let found = match (arguments.done, arguments.without_result) {
        (None, _) => ResolvedAs::NotDone,
        (Some(Some(name)), false) => ResolvedAs::Done(Some(name)),
        (Some(None), true) => ResolvedAs::Done(None),
        (Some(None), false) => {
            return Err(wrong("--done needs the result's name, or --without-result"));
        }
        (Some(Some(_)), true) => {
            return Err(wrong("--done RESULT and --without-result contradict each other"));
        }
    };
    let (id, change, outcome) = (arguments.id, arguments.change, found.word());
    let beside = reason::books(config).await?;
    let asked = Resolution {
        id,
        found,
        reason: change.reason.clone(),
        via: "cli",
        at: beside.clock.now(),
        dry_run: change.dry_run,
    };
    let intent = resolve(&*beside.books, &*beside.desk, app::resolve_rules(config), asked)
        .await
        .map_err(|refusal| refused(id, &refusal))?;
    if matches!(intent.payer, Payer::Card(_)) {
        reason::note_shown(reason::accounts(&beside).forget(&intent.payer, change.dry_run).await);
    }
    match Format::choose(arguments.json) {
        Format::Json => output::json(&json!({
            "payment_id": id.to_string(),
            "state": intent.state.word(),
            "outcome": outcome,
            "result_id": intent.launch_id.as_ref().filter(|name| !name.is_empty()),
            "reason": change.reason,
            "dry_run": change.dry_run,
        })),
        Format::Readable if change.dry_run => {
            output::line(&format!("{id} would be ended as {outcome}: nothing was changed"))
        }
        Format::Readable => output::line(&format!("{id} is {}", intent.state.word())),
    }
    Ok(change.exit())
}

fn wrong(message: &str) -> Failure {
    Failure::new(Exit::Arguments, message.to_owned())
}

fn refused(id: PaymentId, refusal: &ResolveRefusal) -> Failure {
    match refusal {
        ResolveRefusal::Unknown => Failure::new(Exit::NotFound, format!("{id}: {refusal}")),
        ResolveRefusal::Finished(_)
        | ResolveRefusal::NotSent(_)
        | ResolveRefusal::UnderWay { .. }
        | ResolveRefusal::Driven => Failure::new(Exit::Payment, format!("{id}: {refusal}")),
        ResolveRefusal::Transition(error) => Failure::from_error(Exit::Failed, error),
        ResolveRefusal::Books(error) => Failure::from_error(Exit::Failed, error),
    }
}

fn result(text: &str) -> Result<ResultName, InvalidArgument> {
    ResultName::parse(text).ok_or(InvalidArgument::ResultName)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Arguments;

    #[test]
    fn an_unknown_is_resolved_one_way_with_a_reason() {
        let parse = |rest: &str| {
            let line = format!("turnpike resolve pay_00000000000000000000000000000007{rest}");
            Arguments::try_parse_from(line.split(' ')).is_ok()
        };
        assert!(
            parse(" --done launch-7 --reason seen")
                && parse(" --done --without-result --reason seen --dry-run")
        );
        assert!(parse(" --not-done --reason seen --json"));
        for wrong in [
            " --reason seen",
            " --done x --not-done --reason seen",
            " --not-done",
            " --not-done --without-result --reason seen",
        ] {
            assert!(!parse(wrong), "{wrong}");
        }
    }
}
