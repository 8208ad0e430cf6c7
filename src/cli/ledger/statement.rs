//! `turnpike ledger statement`: a payer's account.

use clap::{Args, ValueEnum};
use payments::ports::desk::{Page, PaymentFilter, StatementLine};

use super::{
    export::{Sink, copy},
    filter::{Filter, known},
    tables::seconds,
    unreadable,
};
use crate::{
    app::Beside,
    cli::{
        exit::{Exit, Failure},
        moment::Moment,
        output::{self, Format, money, table},
    },
    export::{BEGINNING, END, Form, PAGE, Source, What},
};

#[derive(Args)]
pub(super) struct Statement {
    /// `wallet:0x...`, `0x...` or `card:...`.
    #[arg(value_parser = known("payer"))]
    payer: String,
    /// From this time: RFC 3339, a day in UTC, or relative (30d).
    #[arg(long, value_name = "TIME", value_parser = Moment::read)]
    since: Option<Moment>,
    /// Before this time: RFC 3339, a day in UTC, or relative.
    #[arg(long, value_name = "TIME", value_parser = Moment::read)]
    until: Option<Moment>,
    /// Output format; default: a table on a terminal, JSON when piped.
    #[arg(long)]
    format: Option<Shape>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    Table,
    Json,
    Csv,
}

pub(super) async fn run(beside: &Beside, of: Statement, format: Format) -> Result<Exit, Failure> {
    let filter = Filter::of_payer(of.payer, of.since, of.until).read(beside.clock.now())?;
    let shape = of.format.unwrap_or(match format {
        Format::Json => Shape::Json,
        Format::Readable => Shape::Table,
    });
    if shape == Shape::Csv {
        let source = Source::of(What::Statement, filter, None, false)
            .map_err(|error| Failure::from_error(Exit::Arguments, &error))?;
        return copy(beside, source, Form::Csv, Sink::standard_output()).await;
    }
    let lines = all(beside, &filter).await?;
    match shape {
        Shape::Table => output::line(&as_table(&lines)),
        Shape::Json | Shape::Csv => output::json(&serde_json::json!(lines)),
    }
    Ok(Exit::Done)
}

/// The lines that a person looks at are held whole.
async fn all(beside: &Beside, filter: &PaymentFilter) -> Result<Vec<StatementLine>, Failure> {
    let mut lines: Vec<StatementLine> = Vec::new();
    let Some(payer) = &filter.payer else { return Ok(lines) };
    loop {
        let page = Page { after: lines.last().map(|line| line.seq), limit: PAGE };
        let more = beside
            .desk
            .statement(payer, filter.since.unwrap_or(BEGINNING), filter.until.unwrap_or(END), &page)
            .await;
        let more = more.map_err(unreadable)?;
        let ended = !output::is_full(more.len(), PAGE);
        lines.extend(more);
        if ended {
            return Ok(lines);
        }
    }
}

fn as_table(lines: &[StatementLine]) -> String {
    let rows = lines.iter().map(|line| {
        let (amount, balance) =
            (money(line.amount_minor, &line.currency), money(line.balance_minor, &line.currency));
        vec![
            seconds(&line.at),
            line.kind.replace('_', " "),
            line.intent_id.clone(),
            amount,
            balance,
        ]
    });
    table(&["at (UTC)", "what", "payment", ">amount", ">balance"], rows.collect())
}
