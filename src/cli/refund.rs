//! `turnpike refund`: what is owed back, and the approval that gives it back.

use clap::{Args, Subcommand};
use payments::{
    ids::PaymentId,
    paid_back::{PaidBackError, PaidByHand, book_paid_by_hand},
    ports::{ObligationRow, RefundApproval, RefundRefusal},
    settlement::ChainHash,
};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output::{self, Format, money},
    reason::{self, Change},
    refund_list::ls,
    refund_usdc,
};
use crate::{
    app::{self, Beside},
    config::Config,
    operator::{
        giving_back::{Approved, CardRefund, Credited, NotGivenBack},
        shape::paid_back,
    },
};

/// What to do.
#[derive(Args)]
pub(super) struct RefundArguments {
    /// Always print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// List pending and completed refunds, newest first.
    Ls {
        /// Maximum number of rows.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Only payments older than this id: the last id of the previous page.
        #[arg(long, value_name = "ID")]
        before: Option<PaymentId>,
    },
    /// Refund a payment to its card, or in USDC from the refund wallet. The running gateway sends
    /// it; otherwise it is sent the next time a gateway starts.
    Approve {
        /// The payment's id, `pay_` and 32 hex digits.
        id: PaymentId,
        /// Issue a credit instead of a refund to the card that failed.
        #[arg(long)]
        as_credit: bool,
        /// The transaction of a manual USDC refund: its log is checked, and the refund is booked.
        #[arg(long, value_name = "TX", value_parser = tx_hash, conflicts_with = "as_credit")]
        paid_by: Option<ChainHash>,
        #[command(flatten)]
        change: Change,
    },
}

pub(super) async fn run(config: &Config, arguments: RefundArguments) -> Result<Exit, Failure> {
    let beside = reason::books(config).await?;
    let format = Format::choose(arguments.json);
    match arguments.task {
        Task::Ls { limit, before } => {
            ls(&beside, before, limit, format, !config.refunds.signer_key.is_empty()).await
        }
        Task::Approve { id, paid_by: Some(tx_hash), change, .. } => {
            let said = PaidByHand {
                id,
                tx_hash,
                reason: change.reason.clone(),
                via: "cli",
                at: beside.clock.now(),
                dry_run: change.dry_run,
            };
            paid_by_hand(config, &beside, said, format).await
        }
        Task::Approve { id, as_credit: true, paid_by: None, change } => {
            credit(&beside, id, &change, format).await
        }
        Task::Approve { id, as_credit: false, paid_by: None, change } => {
            approve(config, &beside, id, &change, format).await
        }
    }
}

async fn approve(
    config: &Config,
    beside: &Beside,
    id: PaymentId,
    change: &Change,
    format: Format,
) -> Result<Exit, Failure> {
    let approval = approval(beside, id, change);
    let wallet = refund_usdc::wallet(config, id);
    let paid = match reason::accounts(beside).approve_refund(&approval, wallet).await? {
        Approved::InUsdc(refund) => {
            return Ok(refund_usdc::show(&refund, &approval, beside.served, format));
        }
        Approved::ByCard(paid) => paid,
    };
    reason::note_shown(paid.shown);
    let takes_credit = paid.takes_credit();
    let CardRefund { refund, owed, .. } = paid;
    let currency = owed.map(|owed| owed.currency).unwrap_or_default();
    let next = sent_by(change.dry_run, beside.served);
    match format {
        Format::Json => output::json(&json!({
            "payment_id": id.to_string(),
            "payment_intent": refund.payment_intent,
            "amount_minor": refund.amount_minor,
            "currency": currency,
            "stripe_key": refund.stripe_key,
            "state": refund.state.word(),
            "takes_credit": takes_credit,
            "reason": change.reason,
            "dry_run": change.dry_run,
            "next": next,
        })),
        Format::Readable => {
            let amount = money(i64::try_from(refund.amount_minor).unwrap_or(i64::MAX), &currency);
            let (verb, credit) = (
                if change.dry_run { "would go" } else { "goes" },
                if takes_credit { ", and its credit is taken back" } else { "" },
            );
            output::line(&format!(
                "{amount} of {id} {verb} back to the card ({}){credit}: {next}",
                refund.payment_intent
            ));
        }
    }
    Ok(change.exit())
}

fn approval(beside: &Beside, id: PaymentId, change: &Change) -> RefundApproval {
    RefundApproval {
        intent: id,
        reason: change.reason.clone(),
        via: "cli",
        at: beside.clock.now(),
        dry_run: change.dry_run,
    }
}

/// Who sends what was approved.
pub(super) const fn sent_by(dry_run: bool, served: bool) -> &'static str {
    match (dry_run, served) {
        (true, _) => "nothing was changed",
        (false, true) => "the running gateway sends it now",
        (false, false) => "no gateway runs; it is sent once one does",
    }
}

async fn credit(
    beside: &Beside,
    id: PaymentId,
    change: &Change,
    format: Format,
) -> Result<Exit, Failure> {
    let Credited { balance, shown } =
        reason::accounts(beside).credit_instead(&approval(beside, id, change)).await?;
    reason::note_shown(shown);
    match format {
        Format::Json => output::json(&json!({
            "payment_id": id.to_string(),
            "state": "used",
            "balance": balance.get(),
            "reason": change.reason,
            "dry_run": change.dry_run,
        })),
        Format::Readable => {
            let verb = if change.dry_run { "would get" } else { "got" };
            output::line(&format!(
                "the payer of {id} {verb} its credit in the place of the refund: {balance} in all"
            ));
        }
    }
    Ok(change.exit())
}

async fn paid_by_hand(
    config: &Config,
    beside: &Beside,
    said: PaidByHand,
    format: Format,
) -> Result<Exit, Failure> {
    let parts =
        app::reconciler(config).await.map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    let (id, tx_hash) = (said.id, said.tx_hash);
    let paid = book_paid_by_hand(&*parts.chain, &*beside.cards, &parts.receiver, said).await;
    let paid = paid.map_err(|error| not_paid_back(id, &error))?;
    match format {
        Format::Json => output::json(&paid_back(&paid)),
        Format::Readable => {
            let verb = if paid.dry_run { "would be" } else { "is" };
            output::line(&format!(
                "{} USDC of {id} {verb} paid back to {} by {tx_hash}",
                paid.owed.amount, paid.owed.wallet
            ));
        }
    }
    Ok(if paid.dry_run { Exit::DryRun } else { Exit::Done })
}

fn not_paid_back(id: PaymentId, error: &PaidBackError) -> Failure {
    match error {
        PaidBackError::Refused(refusal) => refused(id, None, refusal),
        PaidBackError::Rail(error) => Failure::from_error(Exit::Failed, error),
        PaidBackError::NotMined | PaidBackError::TooNew | PaidBackError::NoSuchTransfer { .. } => {
            Failure::new(Exit::Payment, format!("{id}: {error}"))
        }
    }
}

fn tx_hash(text: &str) -> Result<ChainHash, InvalidTxHash> {
    ChainHash::parse(text).ok_or(InvalidTxHash)
}

#[derive(Debug, thiserror::Error)]
#[error("expected a transaction's hash, 0x and 64 hex digits")]
struct InvalidTxHash;

impl From<NotGivenBack> for Failure {
    fn from(error: NotGivenBack) -> Self {
        match error {
            NotGivenBack::Refused { id, owed, refusal } => refused(id, owed.as_ref(), &refusal),
            NotGivenBack::Rail(error) => Self::from_error(Exit::Failed, &error),
        }
    }
}

fn refused(id: PaymentId, owed: Option<&ObligationRow>, refusal: &RefundRefusal) -> Failure {
    match refusal {
        RefundRefusal::NotOwed => Failure::new(Exit::NotFound, format!("{id}: {refusal}")),
        RefundRefusal::NotByCard => {
            let to = owed
                .map(|owed| {
                    format!(": send {} to {}", money(owed.amount_minor, &owed.currency), owed.payer)
                })
                .unwrap_or_default();
            Failure::new(
                Exit::Payment,
                format!(
                    "{id}: {refusal}{to}; then book it with --paid-by TX. Until then it stays a liability"
                ),
            )
        }
        RefundRefusal::Standing(_)
        | RefundRefusal::CreditSpent
        | RefundRefusal::NoCreditForIt
        | RefundRefusal::NotInUsdc
        | RefundRefusal::TransferUsed
        | RefundRefusal::SettlementLost
        | RefundRefusal::DayCap { .. }
        | RefundRefusal::WalletTooPoor { .. }
        | RefundRefusal::TokenRefuses(_)
        | RefundRefusal::NotSigned(_) => Failure::new(Exit::Payment, format!("{id}: {refusal}")),
        RefundRefusal::Books(error) => Failure::from_error(Exit::Failed, error),
    }
}
