//! `turnpike explain <name>`: why was this the answer? The name is a payment's id, a request's, or
//! anything else that names a payment.

use payments::{
    agent::Payer,
    funding::Funding,
    ids::PaymentId,
    intent::{Intent, Protocol},
    ports::{
        BooksError, Evidence, RequestNote,
        desk::{Page, PaymentFilter, PaymentRow, TextSearch},
    },
};
use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    ledger::list::payments_table,
    output, reason, report,
};
use crate::{app::Beside, config::Config, gateway::story};

/// Payments of one name that are listed.
const LISTED: u32 = 50;

/// What a name led to.
enum Told {
    Story(Value),
    Several(Vec<PaymentRow>),
    Nothing,
}

/// Tells the story of a payment or of a request, or lists the payments that have the name; exit
/// code 5 when nobody knows it.
pub(super) async fn run(config: &Config, id: &str) -> Result<Exit, Failure> {
    let beside = reason::books(config).await?;
    match tell(&beside, id).await.map_err(|error| Failure::from_error(Exit::Failed, &error))? {
        Told::Story(story) => report::value(&story, report::piped()),
        Told::Several(rows) if report::piped() => report::value(&json!({"matches": rows}), true),
        Told::Several(rows) => {
            output::line(&payments_table(&rows));
            output::line("several payments have this name: turnpike explain <payment>");
        }
        Told::Nothing => {
            let text =
                "requests are kept for 7 days, and only those of agents that proved who they are";
            return Err(Failure::new(
                Exit::NotFound,
                format!("no payment and no request {id:?}; {text}"),
            ));
        }
    }
    Ok(Exit::Done)
}

async fn tell(beside: &Beside, id: &str) -> Result<Told, BooksError> {
    if let Ok(payment) = id.parse::<PaymentId>() {
        return Ok(beside
            .books
            .evidence(payment)
            .await?
            .map_or(Told::Nothing, |evidence| Told::Story(of_payment(&evidence))));
    }
    if let Some(note) = beside.books.request(id).await? {
        let mut story = of_request(&note);
        if let Some(payment) = note.payment
            && let Some(evidence) = beside.books.evidence(payment).await?
        {
            story["payment"] = of_payment(&evidence);
        }
        return Ok(Told::Story(story));
    }
    let named = PaymentFilter { text: Some(TextSearch::read(id)), ..PaymentFilter::default() };
    let rows = beside.desk.payments(&named, &Page { after: None, limit: LISTED }).await?;
    let [one] = rows.as_slice() else {
        return Ok(if rows.is_empty() { Told::Nothing } else { Told::Several(rows) });
    };
    let Ok(payment) = one.id.parse() else { return Ok(Told::Several(rows)) };
    Ok(beside
        .books
        .evidence(payment)
        .await?
        .map_or(Told::Nothing, |evidence| Told::Story(of_payment(&evidence))))
}

fn of_request(note: &RequestNote) -> Value {
    let (charged, words) = note.charge.split_once(';').unwrap_or((&note.charge, ""));
    let word = |name: &str| {
        words.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    json!({
        "request_id": note.request_id,
        "at": note.at.rfc3339(),
        "route": note.route,
        "identity": {"payer": note.payer.to_string(), "proven_by": proven_by(&note.payer)},
        "answer": {"status": note.status, "code": note.code, "reason": note.reason},
        "charged": charged,
        "tier": word("reason").or((charged != "none").then_some("paid")),
        "free_launches_left": word("remaining").and_then(|text| text.parse::<u32>().ok()),
        "why": why_answered(note),
    })
}

fn proven_by(payer: &Payer) -> &'static str {
    match payer {
        Payer::Wallet(_) => "a signature over an x402 authorization",
        Payer::Card(_) => {
            "a payment token that the card processor vouched for, an agent token, or the credential that paid"
        }
    }
}

fn why_answered(note: &RequestNote) -> &'static str {
    match (note.status, note.reason.as_deref()) {
        (200..=299, _) => "all checks passed",
        _ if note.code.as_deref() == Some("PAYMENT_003") => {
            "the card or its payment token was rejected; nothing was charged"
        }
        (_, Some("invalid_body")) => {
            "invalid body; rejected before anything was claimed or charged"
        }
        (_, Some("insufficient_funds")) => {
            "no free launch left, and the wallet balance was below the price; nothing was claimed"
        }
        (_, Some("too_many_refused")) => {
            "too many of the agent's paid requests were rejected that day; nothing was claimed"
        }
        (_, Some("upstream_unavailable" | "chain_unavailable")) => {
            "a dependency was unavailable; nothing was claimed"
        }
        (_, Some("upstream_refuses_us")) => {
            "the upstream rejects the gateway's own key or account; nothing was claimed"
        }
        (_, Some("settlement_pending")) => {
            "the outcome was pending at the response deadline; see the payment"
        }
        (_, Some("refused_by_upstream")) => "rejected upstream",
        (500..=599, _) => "a part of the gateway was unavailable; see the log for this request id",
        _ => "see reason and code",
    }
}

fn of_payment(evidence: &Evidence) -> Value {
    let intent = &evidence.intent;
    let mut story = story::of_payment(evidence);
    let more = [
        ("identity", json!({"payer": intent.payer.to_string(), "proof": proof(intent)})),
        (
            "request",
            json!({"route": intent.request.route, "fingerprint": intent.fingerprint.to_string(), "body_bytes": intent.request.body.len()}),
        ),
        ("tier", json!(tier(intent))),
        ("checked", json!(checked(intent))),
        ("answer", json!(intent.answer.as_ref().map(|answer| answer.status))),
        ("delivered", json!(intent.delivered)),
        ("journal", json!(evidence.journal)),
    ];
    for (name, value) in more {
        story[name] = value;
    }
    story
}

/// What funded it, and why that and nothing else: the order is entitlement, free slot, payment.
fn tier(intent: &Intent) -> String {
    match &intent.funding {
        Funding::Entitlement { source } => {
            format!("an entitlement: {source} was paid and rejected before, and is used first")
        }
        Funding::Free => {
            String::from("free: the wallet had a free call left, and no entitlement was open")
        }
        Funding::X402 => {
            format!("paid {}: no entitlement was open and no free slot was left", intent.price)
        }
        Funding::Credit { .. } => String::from("a credit: the account had one"),
        Funding::MppCharge { .. } => {
            format!("paid {} by card: the account had no credit to spend", intent.price)
        }
        Funding::MppPack { credits } => {
            format!("paid {} by card for {credits} credits", intent.price)
        }
    }
}

fn proof(intent: &Intent) -> String {
    match intent.protocol {
        Protocol::X402(version) => format!("x402 version {}", u8::from(version)),
        Protocol::Mpp => {
            String::from("a card account, by the card processor's word or its agent token")
        }
    }
}

/// What held before the claim was made; a claim is made only when all of it holds.
fn checked(intent: &Intent) -> Vec<&'static str> {
    match intent.protocol {
        Protocol::X402(_) => checked_of_wallet(intent),
        Protocol::Mpp => checked_of_card(intent),
    }
}

fn checked_of_card(intent: &Intent) -> Vec<&'static str> {
    let mut checks = vec![
        "who asks: the processor's word on the payment token, or an agent token",
        "the agent's rate limit",
        "the body against the rules of the route",
        "the credential unclaimed, in the same transaction as the funding",
    ];
    if intent.charge.is_some() {
        checks.push("the challenge: ours by its MAC, of this route, price and body, not expired; its token unused");
    }
    if intent.settlement.is_some() {
        checks.push(
            "at the processor afterwards: succeeded, with the right amount, currency and mode",
        );
    }
    checks
}

fn checked_of_wallet(intent: &Intent) -> Vec<&'static str> {
    let mut checks = vec![
        "the signature, by the wallet itself",
        "network, token, receiver and amount against the offer",
        "the time window of the authorization",
        "the agent's rate limit",
        "the body against the schema and the rules for agents",
        "the upstream's breaker and budget",
        "on the chain: the authorization unused, the balance",
        "the proof unclaimed, in the same transaction as the funding",
    ];
    if intent.settlement.is_some() {
        checks.push("on the chain afterwards: the transfer's log beside the authorization's");
    }
    checks
}
