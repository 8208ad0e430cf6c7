//! What must be true after the story: the agent, the core, the books and the chain tell the same.

use payments::ports::JournalLine;
use serde_json::{Map, Value, json};

use super::{
    acts::{FREE, Paid},
    books::Books,
    chain,
    error::DemoError,
    stage::{Seen, Stage},
};

/// The receiving address's account in the books.
const USDC_HOT: &str = "asset:usdc_hot";

/// One thing that must be true.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) holds: bool,
    /// What was found.
    pub(super) found: String,
}

/// All of them, and the figures behind.
pub(super) struct Outcome {
    pub(super) checks: Vec<Check>,
    pub(super) figures: Map<String, Value>,
}

pub(super) fn check(name: &'static str, holds: bool, found: impl ToString) -> Check {
    Check { name, holds, found: found.to_string() }
}

/// What the story came to, as the agent, the core and the books have it.
pub(super) struct Told<'a> {
    pub(super) free: &'a [Seen],
    pub(super) paid: &'a Paid,
    pub(super) replay: &'a Seen,
    pub(super) launches: &'a [String],
    pub(super) books: &'a Books,
}

/// Looks everywhere once more.
pub(super) async fn all(stage: &Stage<'_>, told: &Told<'_>) -> Result<Outcome, DemoError> {
    let (paid, books) = (told.paid, told.books);
    let settlements: Vec<_> =
        books.paid.iter().filter(|intent| intent.transfer_proof().is_some()).collect();
    let settled = *settlements.first().ok_or("the books hold no settlement")?;
    let proof = settled.transfer_proof().ok_or("the books hold no settlement")?;
    let terms = settled.transfer.as_ref().ok_or("the settlement has no terms")?;
    let on_chain = chain::balance_units(stage, &terms.pay_to).await?;
    let block = chain::block_of(stage, &paid.transaction).await?;
    let hot: i64 =
        books.balance.iter().filter(|line| line.account == USDC_HOT).map(|line| line.amount).sum();
    let mut checks = launches_agree(told);
    checks.extend([
        check("there is 1 settlement", settlements.len() == 1, settlements.len()),
        check(
            "of 550000 units",
            terms.value.get() == 550_000 && paid.units == 550_000,
            terms.value.get(),
        ),
        check(
            "in the transaction that the receipt names",
            proof.tx_hash.to_string() == paid.transaction,
            proof.tx_hash,
        ),
        check(
            "and the chain has it",
            block == Some(proof.block_number),
            format!("block {}", proof.block_number),
        ),
    ]);
    checks.extend(answers_and_sums_agree(told, on_chain, hot));
    let figures = json!({
        "launches": told.launches.len(),
        "free_slots": books.usage.free_used,
        "settlements": settlements.len(),
        "settled_units": terms.value.get(),
        "transaction": paid.transaction,
        "block": proof.block_number,
        "payment_id": settled.id.to_string(),
        "chain_balance_units": on_chain,
        "usdc_hot_units": hot,
    });
    Ok(Outcome { checks, figures: figures.as_object().cloned().unwrap_or_default() })
}

/// The launches, free and paid, at the core and in the books.
fn launches_agree(told: &Told<'_>) -> Vec<Check> {
    let slots = told.books.usage.free_used;
    let (of_wallet, created) = told
        .books
        .intents
        .iter()
        .filter(|intent| intent.rail == "x402")
        .fold((0, 0), |(all, created), intent| {
            (all + 1, created + usize::from(intent.state == "created"))
        });
    let charged_nothing = told
        .free
        .iter()
        .filter(|seen| seen.header("x-charge").starts_with("none; reason=free_tier"))
        .count();
    let launches = told.launches.len();
    vec![
        check("the core holds exactly 6 launches of the wallet", launches == FREE + 1, launches),
        check(
            "the books hold 6 payments of it, each created",
            of_wallet == FREE + 1 && created == FREE + 1,
            created,
        ),
        check("5 launches cost nothing", charged_nothing == FREE, charged_nothing),
        check("5 free slots of this month are used", usize::try_from(slots) == Ok(FREE), slots),
    ]
}

/// The replayed answer, and the sums of the chain and the journal.
fn answers_and_sums_agree(told: &Told<'_>, on_chain: u64, hot: i64) -> [Check; 3] {
    let replayed = &told.replay;
    let imbalances = JournalLine::imbalances(&told.books.balance);
    [
        check(
            "the replay is the first answer, word for word",
            replayed.header("idempotent-replayed") == "true"
                && replayed.response.body() == told.paid.seen.response.body(),
            format!("{} bytes", replayed.response.body().len()),
        ),
        check(
            "balanceOf(payTo) is asset:usdc_hot",
            i64::try_from(on_chain) == Ok(hot),
            format!("{on_chain} = {hot}"),
        ),
        check(
            "no currency of the journal is out of balance",
            imbalances.is_empty(),
            format!("{} are", imbalances.len()),
        ),
    ]
}

// === impl Outcome ===

impl Outcome {
    pub(super) fn all_hold(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }

    pub(super) fn add(&mut self, more: Self) {
        self.checks.extend(more.checks);
        self.figures.extend(more.figures);
    }

    pub(super) fn json(&self) -> Value {
        let checks: Vec<_> = self
            .checks
            .iter()
            .map(|check| json!({"name": check.name, "ok": check.holds, "found": check.found}))
            .collect();
        let mut all = Map::from_iter([(String::from("ok"), self.all_hold().into())]);
        all.extend(self.figures.clone());
        all.insert(String::from("checks"), checks.into());
        Value::Object(all)
    }
}
