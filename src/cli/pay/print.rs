//! What `pay` shows of an answer, and the exit code that the answer means.

use bytes::Bytes;
use http::{Response, StatusCode};
use payments::x402::{X402Version, requirements::Network};
use sandbox::{
    agent::{Agreed, receipt},
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

/// What would be paid.
pub(super) fn dry_run(format: Format, agreed: &Agreed, signer: &Signer) {
    match format {
        Format::Json => output::json(&json!({"dry_run": true, "would_pay": offer(agreed), "from": signer.address().to_checksum(None)})),
        Format::Readable => output::line(&format!("dry run: {} would pay {}", signer.address(), sentence(agreed))),
    }
}

/// Prints the answer; says on standard error what a refusal says of itself.
pub(super) fn answer(format: Format, response: &Response<Bytes>, agreed: Option<&Agreed>) -> Exit {
    let status = response.status();
    let body = body(response);
    let receipt = receipt::of(response);
    match format {
        Format::Json => output::json(&json!({
            "status": status.as_u16(),
            "charge": header(response, "x-charge"),
            "payment_id": header(response, "x-payment-id").or_else(|| body.get("payment_id")?.as_str()),
            "replayed": header(response, "idempotent-replayed") == Some("true"),
            "signed": agreed.map(offer),
            "receipt": receipt,
            "body": body,
        })),
        Format::Readable => readable(response, agreed, receipt.as_ref(), &body),
    }
    let exit = exit(status);
    if exit != Exit::Done {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (code, message) = (text("/error/code"), text("/error/message"));
        eprintln!("turnpike: {status}{}{code}{}{message}", space(code), space(message));
    }
    exit
}

/// The exit code of an answer.
pub(super) fn exit(status: StatusCode) -> Exit {
    match status {
        _ if status.is_success() => Exit::Done,
        StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => Exit::Payment,
        StatusCode::NOT_FOUND => Exit::NotFound,
        _ => Exit::Failed,
    }
}

fn readable(response: &Response<Bytes>, agreed: Option<&Agreed>, receipt: Option<&Value>, body: &Value) {
    output::line(&response.status().to_string());
    let say = |name: &str, value: &str| output::line(&format!("  {name:<12} {value}"));
    match agreed {
        Some(agreed) => say("signed", &sentence(agreed)),
        None => say("signed", "nothing: the server did not ask for payment"),
    }
    if let Some(charge) = header(response, "x-charge") {
        say("charged", charge);
    }
    if let Some(transaction) = receipt.and_then(|receipt| receipt.get("transaction")?.as_str()).filter(|hash| !hash.is_empty()) {
        say("transaction", transaction);
    }
    match body {
        Value::String(text) => output::line(text),
        other => output::line(&format!("{other:#}")),
    }
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
