//! One payment: what it was, what proves it, and everything that happened to it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use payments::{
    funding::{Funding, IfRefused},
    ids::PaymentId,
    ports::{
        Evidence, JournalLine,
        desk::{AttemptRow, Dossier, PaymentRow},
    },
    time::UnixMs,
};

use super::{
    shell::{Outside, Shell, Shown, Visit, page},
    show,
    timeline::{Step, steps},
};
use crate::operator::{Desk, Links, answer::Refusal, ask, details};

#[derive(Template)]
#[template(path = "payment.html")]
struct View {
    shell: Shell,
    row: PaymentRow,
    dossier: Dossier,
    evidence: Evidence,
    funding: String,
    taken: Option<(i64, String)>,
    mode: &'static str,
    answer: String,
    reference: Option<Outside>,
    facts: Vec<Fact>,
    steps: Vec<Step>,
    attempts: Vec<Try>,
    journal: Vec<Booked>,
    obligation: Option<Owed>,
    can_recheck: bool,
    can_resolve: bool,
    can_refund: bool,
    can_pay_back: bool,
    can_send_back: bool,
    can_credit: bool,
    recheck: String,
    resolve: String,
    refund: String,
}

/// One piece of evidence.
struct Fact {
    name: &'static str,
    value: String,
}

struct Try {
    row: AttemptRow,
    link: Outside,
}

/// A line of the journal, a credit above zero.
pub(super) struct Booked {
    pub(super) txn_id: String,
    pub(super) account: String,
    pub(super) currency: String,
    pub(super) amount: i64,
    /// The same with the other sign.
    pub(super) minus: i64,
    /// Of its posting.
    pub(super) first: bool,
}

struct Owed {
    amount: i64,
    currency: String,
    state: String,
    says: &'static str,
    /// The payment whose money it is, where this one took its price and left it.
    part_of: Option<String>,
}

/// `GET /operator/payments/{id}`.
pub(super) async fn payment(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    visit: Visit,
) -> Shown {
    visit.asked.only(&["done"])?;
    let id: PaymentId = ask::named("id", details::PAYMENT_ID, &id)?;
    // What a client was given counts, and waits for the next commit.
    desk.books.flush().await?;
    let (evidence, dossier) = tokio::try_join!(desk.books.evidence(id), desk.desk.dossier(id))?;
    let Some((evidence, dossier)) = evidence.zip(dossier) else {
        return Err(Refusal::not_found(format!("Payment {id} not found.")).into());
    };
    Ok(page(&view(
        visit.shell(format!("Payment {}", show::short(&id.to_string())), ""),
        evidence,
        dossier,
        &desk,
    )))
}

fn view(shell: Shell, evidence: Evidence, dossier: Dossier, desk: &Desk) -> View {
    let links = desk.links;
    let row = dossier.payment.clone();
    let obligation = evidence.obligation.as_ref().map(|owed| Owed {
        amount: owed.amount_minor,
        currency: owed.currency.clone(),
        state: owed.state.clone(),
        part_of: owed.part_of.clone(),
        says: show::owed_says(&owed.state, &owed.currency, desk.refunds.is_some()),
    });
    View {
        shell,
        funding: funding(&evidence.intent.funding),
        taken: show::taken(&row).map(|(minor, currency)| (minor, currency.to_owned())),
        mode: show::mode(row.live),
        answer: answer(&evidence),
        reference: row.reference.clone().map(|text| Outside { href: links.of_payment(&row), text }),
        facts: facts(&dossier, &evidence),
        steps: steps(&evidence, &dossier),
        attempts: dossier.attempts.iter().map(|attempt| try_of(attempt, &row, links)).collect(),
        journal: booked(&evidence.journal),
        can_recheck: !evidence.intent.state.is_terminal(),
        can_resolve: evidence.intent.state == payments::intent::State::CoreUnknown,
        can_credit: obligation
            .as_ref()
            .is_some_and(|owed| owed.state == "refund_due" && owed.currency == "USD")
            && evidence.intent.funding != Funding::MppCharge { if_refused: IfRefused::Owed },
        can_pay_back: obligation
            .as_ref()
            .is_some_and(|owed| show::can_pay_back(&owed.state, &owed.currency)),
        can_send_back: desk.refunds.is_some()
            && obligation
                .as_ref()
                .is_some_and(|owed| show::can_pay_back(&owed.state, &owed.currency)),
        can_refund: obligation
            .as_ref()
            .is_some_and(|owed| show::can_refund(&owed.state, &owed.currency)),
        obligation,
        recheck: format!("/operator/payments/{}/recheck", row.id),
        resolve: format!("/operator/payments/{}/resolve", row.id),
        refund: format!("/operator/payments/{}/refund", row.id),
        row,
        dossier,
        evidence,
    }
}

fn funding(funding: &Funding) -> String {
    match funding {
        Funding::Free => String::from("a free call"),
        Funding::Entitlement { source } => format!("an entitlement: {source} was paid and refused"),
        Funding::Credit { count, backing } if count.get() == 1 => {
            format!("a credit, with {backing} USD behind it")
        }
        Funding::Credit { count, backing } => {
            format!("{count} credits, with {backing} USD behind them")
        }
        Funding::X402 => String::from("a transfer of USDC (x402)"),
        Funding::MppCharge { .. } => String::from("a charge of the card (MPP)"),
        Funding::MppPack { credits } => {
            format!("a charge of the card (MPP), for {credits} credits")
        }
    }
}

fn answer(evidence: &Evidence) -> String {
    match (&evidence.intent.answer, evidence.intent.delivered) {
        (Some(answer), true) => format!("HTTP {}, delivered", answer.status),
        (Some(answer), false) => {
            format!("HTTP {}, stored; no client has taken it yet", answer.status)
        }
        (None, _) => String::from("none stored"),
    }
}

fn facts(dossier: &Dossier, evidence: &Evidence) -> Vec<Fact> {
    let charge = evidence.intent.charge.as_ref();
    let proof = evidence.intent.settlement.as_ref().and_then(|settlement| settlement.charge());
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    let all = [
        ("Chain", number(dossier.payment.chain_id)),
        ("Block", number(dossier.block_number)),
        ("Block hash", dossier.block_hash.clone()),
        ("Log index", number(dossier.log_index)),
        (
            "Final",
            dossier.is_final.map(|is_final| {
                if is_final { "yes" } else { "not yet: a reorganisation could take it back" }
                    .to_owned()
            }),
        ),
        ("From", dossier.from_addr.clone()),
        ("To", dossier.pay_to.clone()),
        ("Authorization nonce", dossier.nonce.clone()),
        (
            "Authorization expires",
            dossier.valid_before_unix_s.map(|unix_s| UnixMs::from_s(unix_s).rfc3339_s()),
        ),
        ("Charge", proof.and_then(|proof| proof.charge.clone())),
        ("Stripe idempotency key", charge.map(|charge| charge.stripe_key.clone())),
        ("Challenge", dossier.challenge_id.clone()),
        ("Network fee, wei", fees(&dossier.attempts)),
        (
            "Other proofs for it",
            Some(dossier.joined.join(", ")).filter(|joined| !joined.is_empty()),
        ),
    ];
    all.into_iter().filter_map(|(name, value)| Some(Fact { name, value: value? })).collect()
}

fn fees(attempts: &[AttemptRow]) -> Option<String> {
    let fees: Vec<u128> =
        attempts.iter().filter_map(|attempt| attempt.fee_wei.as_deref()?.parse().ok()).collect();
    (!fees.is_empty()).then(|| fees.into_iter().fold(0_u128, u128::saturating_add).to_string())
}

fn try_of(attempt: &AttemptRow, row: &PaymentRow, links: Links) -> Try {
    let href = attempt
        .tx_hash
        .as_deref()
        .zip(row.chain_id)
        .and_then(|(hash, chain)| links.transaction(chain, hash));
    let text = attempt.tx_hash.clone().or_else(|| attempt.stripe_key.clone()).unwrap_or_default();
    Try { row: attempt.clone(), link: Outside { href, text } }
}

/// Lines with their debits and credits told apart.
pub(super) fn booked(lines: &[JournalLine]) -> Vec<Booked> {
    let mut last = None;
    let line = |line: &JournalLine| {
        let first = last.replace(line.txn_id.clone()).as_ref() != Some(&line.txn_id);
        let (txn_id, account, currency) =
            (line.txn_id.clone(), line.account.clone(), line.currency.clone());
        Booked {
            txn_id,
            account,
            currency,
            amount: line.amount,
            minus: line.amount.saturating_neg(),
            first,
        }
    };
    lines.iter().map(line).collect()
}
