//! What must be true after the card agent's story: the agent, the books and the card processor tell
//! the same.

use bytes::Bytes;
use http::{Request, header};
use payments::intent::Intent;
use sandbox::agent::Transport;
use serde_json::{Map, Value, json};

use super::{
    books::Books,
    card::CardStory,
    checks::{Check, Outcome, check},
    error::DemoError,
    stage::{Seen, Stage},
};

/// A launch and a pack, in cents.
const CHARGED_CENTS: i64 = 60 + 1_200;
/// Credits that are left: 20 bought, 3 spent.
const LEFT: i64 = 20 - 3;

/// The checks, and the figures behind.
pub(super) async fn all(
    stage: &Stage<'_>,
    told: &CardStory,
    books: &Books,
) -> Result<Outcome, DemoError> {
    let charges: Vec<&Intent> =
        books.paid.iter().filter(|intent| intent.charge.is_some()).collect();
    let states = |state: &str| {
        books.intents.iter().filter(|intent| intent.rail == "mpp" && intent.state == state).count()
    };
    let of_account = books
        .balance
        .iter()
        .filter(|line| line.currency == "CREDIT" && line.account.starts_with("payer:card:"));
    let (credits, clearing) =
        (of_account.map(|line| line.amount).sum::<i64>(), booked(books, "asset:stripe_clearing"));
    let at_processor = succeeded_cents(stage).await?;
    let on_credit = launches_on_credit(told);
    let charge_of =
        |seen: &Seen| seen.header("x-charge").split(';').next().unwrap_or_default().to_owned();
    let (launch, pack) =
        (told.launches.first().map(charge_of).unwrap_or_default(), charge_of(&told.pack));
    let mut checks = vec![
        // The launch that a fresh payment token spent a credit on is of a holder of its own.
        check(
            "the agent token lists the 3 launches that its holder paid for",
            told.listed == 3 && told.launches.len() == 4,
            told.listed,
        ),
        check(
            "the card was charged for a launch and a pack",
            launch == "0.60 USD" && pack == "12.00 USD",
            format!("{launch}, {pack}"),
        ),
        check("the books hold these 2 charges", charges.len() == 2, charges.len()),
        check("3 launches cost a credit each", on_credit == 3, on_credit),
        check(
            "the refused launch cost nothing",
            told.refused.header("x-charge").starts_with("none; reason=refused")
                && states("released") == 1,
            told.refused.header("x-charge"),
        ),
        check(
            "the declined card was not charged",
            told.declined.header("x-charge") == "none" && states("pay_failed") == 1,
            told.declined.header("x-charge"),
        ),
        check("20 credits - 3 = 17, as the agent reads it", told.balance == LEFT, told.balance),
        check("and as the books have it", credits == LEFT, credits),
        check(
            "what the processor took is asset:stripe_clearing",
            at_processor == clearing && clearing == CHARGED_CENTS,
            format!("{at_processor} = {clearing}"),
        ),
    ];
    let (balanced, sums) = sums_are_zero(books);
    checks.extend(balanced);
    let figures = json!({
        "card_launches": told.listed,
        "card_charges": charges.len(),
        "charged_cents": clearing,
        "processor_cents": at_processor,
        "credits_spent": on_credit,
        "credits_left": credits,
        "journal_sums": sums,
    });
    Ok(Outcome { checks, figures: figures.as_object().cloned().unwrap_or_default() })
}

/// The balance of an account, in minor units.
fn booked(books: &Books, account: &str) -> i64 {
    let lines = books.balance.iter().filter(|line| line.account == account);
    lines.map(|line| line.amount).sum()
}

fn launches_on_credit(told: &CardStory) -> usize {
    told.launches
        .iter()
        .filter(|seen| seen.header("x-charge").starts_with("none; reason=credit"))
        .count()
}

/// Whether each currency of the journal adds up to 0, and its sum.
fn sums_are_zero(books: &Books) -> (Vec<Check>, Map<String, Value>) {
    let (mut checks, mut sums) = (Vec::new(), Map::new());
    for (currency, name) in [
        ("USDC", "the trial balance is 0 in USDC"),
        ("USD", "the trial balance is 0 in USD"),
        ("CREDIT", "the trial balance is 0 in CREDIT"),
    ] {
        let lines: Vec<i64> = books
            .balance
            .iter()
            .filter(|line| line.currency == currency)
            .map(|line| line.amount)
            .collect();
        let sum: i64 = lines.iter().sum();
        checks.push(check(
            name,
            sum == 0 && !lines.is_empty(),
            format!("{sum} in {} accounts", lines.len()),
        ));
        sums.insert(currency.to_owned(), sum.into());
    }
    (checks, sums)
}

/// What the processor itself says that it took.
async fn succeeded_cents(stage: &Stage<'_>) -> Result<i64, DemoError> {
    let url = stage.mint.url.to_string();
    let base = url.split("/v1/").next().unwrap_or_default();
    let request = Request::get(format!("{base}/v1/payment_intents?limit=100"))
        .header(header::AUTHORIZATION, format!("Bearer {}", stage.mint.key))
        .header("stripe-version", &stage.mint.api_version)
        .body(Bytes::new());
    let response = stage.agent.transport.send(request?).await?;
    let list: Value = serde_json::from_slice(response.body())?;
    let payments = list["data"]
        .as_array()
        .ok_or_else(|| DemoError::NoPayments(list["error"]["message"].clone()))?;
    let succeeded = payments.iter().filter(|payment| payment["status"] == "succeeded");
    Ok(succeeded.filter_map(|payment| payment["amount_received"].as_i64()).sum())
}
