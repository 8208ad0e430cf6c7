//! What `pay` shows of an answer, and the exit code that the answer means.

use std::io::{self, IsTerminal};

use bytes::Bytes;
use http::{Response, StatusCode};
use payments::x402::{X402Version, offer::Network};
use sandbox::{
    agent::{Agreed, Card, CardAgreed, card, receipt},
    wallet::Signer,
};
use serde_json::{Value, json};

use crate::cli::{
    exit::Exit,
    output::{self, Format},
};

/// The protocol version as a number.
pub(super) const fn number(version: X402Version) -> u8 {
    match version {
        X402Version::V1 => 1,
        X402Version::V2 => 2,
    }
}

/// With what the call was sent.
pub(super) enum Signed<'a> {
    /// With nothing: no payment was asked for.
    Nothing,
    /// With an authorization of a wallet.
    Wallet(&'a Agreed, &'a Signer),
    /// With a payment token of a card.
    Card(&'a CardAgreed, &'a Card),
    /// With an agent token: a credit pays.
    Token,
}

// === impl Signed ===

impl Signed<'_> {
    fn offer(&self) -> Option<Value> {
        match self {
            Self::Wallet(agreed, _) => Some(offer(agreed)),
            Self::Card(agreed, _) => Some(charge(agreed)),
            Self::Nothing | Self::Token => None,
        }
    }
}

/// What would be paid, and what the call costs on either rail.
pub(super) fn dry_run(
    format: Format,
    wallet: Option<&Agreed>,
    card: Option<&CardAgreed>,
    signed: &Signed<'_>,
) {
    let prices = json!({"x402": wallet.map(offer), "mpp": card.map(charge)});
    if format == Format::Json {
        let from = match signed {
            Signed::Wallet(_, signer) => Value::from(signer.address().to_checksum(None)),
            Signed::Card(_, card) => Value::from(card.method.as_str()),
            Signed::Nothing | Signed::Token => Value::Null,
        };
        return output::json(
            &json!({"dry_run": true, "would_pay": signed.offer(), "from": from, "prices": prices}),
        );
    }
    output::line(&match signed {
        Signed::Wallet(agreed, signer) => {
            format!("dry run: {} would pay {}", signer.address(), sentence(agreed))
        }
        Signed::Card(agreed, card) => {
            format!(
                "dry run: {} would pay {}, or a credit if its account has one",
                card.method,
                in_words(agreed)
            )
        }
        Signed::Nothing | Signed::Token => {
            String::from("dry run: the agent token would spend a credit of its account")
        }
    });
    let say = |rail: &str, price: Option<String>| {
        output::line(&format!(
            "  {rail:<8} {}",
            price.unwrap_or_else(|| String::from("not offered"))
        ))
    };
    say("wallet", wallet.map(sentence));
    say("card", card.map(in_words));
}

/// Prints the answer; says on standard error what a refusal says of itself. The agent token is a
/// secret: whole only where a program reads, or when asked for.
pub(super) fn answer(
    format: Format,
    response: &Response<Bytes>,
    signed: &Signed<'_>,
    show_token: bool,
) -> Exit {
    let status = response.status();
    let body = body(response);
    let receipt = receipt::of(response).or_else(|| card_receipt(response));
    let token = card::agent_token(response).map(|token| {
        if show_token || (format == Format::Json && !io::stdout().is_terminal()) {
            token.to_owned()
        } else {
            beginning(token)
        }
    });
    match format {
        Format::Json => output::json(&json!({
            "status": status.as_u16(),
            "charge": header(response, "x-charge"),
            "payment_id": header(response, "x-payment-id").or_else(|| body.get("payment_id")?.as_str()),
            "replayed": header(response, "idempotent-replayed") == Some("true"),
            "signed": signed.offer(),
            "receipt": receipt,
            "agent_token": token,
            "body": body,
        })),
        Format::Readable => readable(response, signed, receipt.as_ref(), token.as_deref(), &body),
    }
    let exit = exit(status);
    if exit != Exit::Done {
        let text =
            |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (code, message) = (text("/error/code"), text("/error/message"));
        eprintln!("turnpike: {status}{}{code}{}{message}", space(code), space(message));
        if matches!(signed, Signed::Token) && status == StatusCode::PAYMENT_REQUIRED {
            eprintln!(
                "turnpike: no credit paid for it; pay with --card, or buy a pack at /credits/purchase with --card --max-usd 12"
            );
        }
    }
    exit
}

/// The exit code of an answer.
pub(super) fn exit(status: StatusCode) -> Exit {
    match status {
        _ if status.is_success() => Exit::Done,
        StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => {
            Exit::Payment
        }
        StatusCode::NOT_FOUND => Exit::NotFound,
        _ => Exit::Failed,
    }
}

fn readable(
    response: &Response<Bytes>,
    signed: &Signed<'_>,
    receipt: Option<&Value>,
    token: Option<&str>,
    body: &Value,
) {
    output::line(&response.status().to_string());
    let say = |name: &str, value: &str| output::line(&format!("  {name:<12} {value}"));
    match signed {
        Signed::Wallet(agreed, _) => say("signed", &sentence(agreed)),
        Signed::Card(agreed, card) => {
            say("card", &format!("{}, up to {}", card.method, in_words(agreed)))
        }
        Signed::Token => say("signed", "nothing: the agent token says who asks"),
        Signed::Nothing => say("signed", "nothing: the server did not ask for payment"),
    }
    if let Some(charge) = header(response, "x-charge") {
        say("charged", charge);
    }
    let text = |name: &str| {
        receipt.and_then(|receipt| receipt.get(name)?.as_str()).filter(|text| !text.is_empty())
    };
    if let Some(transaction) = text("transaction") {
        say("transaction", transaction);
    }
    if let (Some(reference), Some(timestamp)) = (text("reference"), text("timestamp")) {
        say("receipt", &format!("{reference} of {timestamp}"));
    }
    if let Some(token) = token {
        say("agent token", token);
    }
    match body {
        Value::String(text) => output::line(text),
        other => output::line(&format!("{other:#}")),
    }
}

/// Enough of a secret to tell it from another.
fn beginning(token: &str) -> String {
    format!("{}... (--show-token)", token.get(..8).unwrap_or_default())
}

fn card_receipt(response: &Response<Bytes>) -> Option<Value> {
    let receipt = card::receipt(response)?;
    Some(
        json!({"method": receipt.method, "reference": receipt.reference, "timestamp": receipt.timestamp}),
    )
}

fn charge(agreed: &CardAgreed) -> Value {
    json!({
        "amount": agreed.amount().to_string(),
        "amount_cents": agreed.amount().get(),
        "currency": "USD",
        "network_id": agreed.network_id(),
    })
}

fn in_words(agreed: &CardAgreed) -> String {
    format!("{} USD to {}", agreed.amount(), agreed.network_id())
}

fn offer(agreed: &Agreed) -> Value {
    json!({
        "amount": agreed.amount().to_string(),
        "amount_units": agreed.amount().get(),
        "network": Network::new(agreed.token().chain_id()).caip2(),
        "asset": agreed.token().address().checksummed(),
        "pay_to": agreed.pay_to().checksummed(),
        "x402_version": number(agreed.version()),
    })
}

fn sentence(agreed: &Agreed) -> String {
    let network = Network::new(agreed.token().chain_id());
    format!("{} USDC to {} on {}", agreed.amount(), agreed.pay_to().checksummed(), network.caip2())
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// The body as JSON, or as text where it is none.
fn body(response: &Response<Bytes>) -> Value {
    let text = || Value::String(String::from_utf8_lossy(response.body()).into_owned());
    serde_json::from_slice(response.body()).unwrap_or_else(|_| text())
}

fn space(text: &str) -> &'static str {
    if text.is_empty() { "" } else { " " }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_told_by_its_beginning() {
        assert_eq!(beginning("tpk_abcdefgh"), "tpk_abcd... (--show-token)");
        assert_eq!(beginning("tpk"), "... (--show-token)");
    }

    #[test]
    fn each_answer_has_its_exit_code() {
        for (status, code) in [
            (StatusCode::OK, Exit::Done),
            (StatusCode::CREATED, Exit::Done),
            (StatusCode::PAYMENT_REQUIRED, Exit::Payment),
            (StatusCode::UNAUTHORIZED, Exit::Payment),
            (StatusCode::FORBIDDEN, Exit::Payment),
            (StatusCode::NOT_FOUND, Exit::NotFound),
            (StatusCode::BAD_REQUEST, Exit::Failed),
            (StatusCode::CONFLICT, Exit::Failed),
            (StatusCode::SERVICE_UNAVAILABLE, Exit::Failed),
        ] {
            assert_eq!(exit(status), code, "{status}");
        }
    }
}
