//! What every test of the rail needs: a payment of 60 cents, and Stripe's words for it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use payments::{
    charge::{Charge, PaymentToken},
    ids::PaymentId,
    money::UsdCents,
    ports::{CardError, CardOutcome, CardRail, Clock, NewCharge, SealError, Sealer},
    proof::{ChallengeId, ChargeKey},
    settlement::PaymentFailure,
    time::UnixMs,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::{SptParameter, StripeConfig, StripeRail},
    canned::{CannedStripe, Heard, Reply},
};

pub(super) const KEY: &str = "sk_test_s3cr3tk3y";
pub(super) const TOKEN: &str = "spt_s3cr3tt0k3n";
pub(super) const AMOUNT: UsdCents = UsdCents::new(60);
pub(super) const SAVED_AT: UnixMs = UnixMs::from_s(1_795_300_000);
pub(super) const HOUR_MS: i64 = 3_600_000;

/// "Seals" by a prefix: what matters is that other names do not open it.
pub(super) struct TestSealer;

/// Stands still until it is moved.
pub(super) struct TestClock(pub AtomicI64);

impl Sealer for TestSealer {
    fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mask = |byte: &u8| byte ^ 0x5a;
        [aad, b"|", &plain.iter().map(mask).collect::<Vec<_>>()].concat()
    }

    fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let rest =
            sealed.strip_prefix(aad).and_then(|rest| rest.strip_prefix(b"|")).ok_or(SealError)?;
        Ok(rest.iter().map(|byte| byte ^ 0x5a).collect())
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.0.load(Ordering::Relaxed))
    }

    async fn sleep_ms(&self, _: u64) {}
}

pub(super) fn config(url: &str) -> StripeConfig {
    StripeConfig {
        api_base: url.to_owned(),
        secret_key: KEY.to_owned(),
        livemode: false,
        api_version: String::from("2026-07-29.preview"),
        spt_parameter: SptParameter::default(),
        timeout_ms: 2_000,
    }
}

pub(super) fn rail(url: &str) -> StripeRail {
    StripeRail::new(
        &config(url),
        Arc::new(TestSealer),
        Arc::new(TestClock(AtomicI64::new(SAVED_AT.ms()))),
    )
    .unwrap()
}

pub(super) fn intent() -> PaymentId {
    PaymentId::new(Uuid::from_u128(7))
}

pub(super) fn new_charge() -> NewCharge {
    let token = PaymentToken::parse(TOKEN).unwrap();
    NewCharge {
        key: ChargeKey {
            challenge_id: ChallengeId([9; 32]),
            token_sha256: *token.sha256().as_bytes(),
        },
        token,
        amount: AMOUNT,
        route: String::from("POST /launches"),
        agent_token_sha256: [1; 32],
    }
}

pub(super) fn saved(rail: &StripeRail) -> Charge {
    rail.prepare(intent(), new_charge(), SAVED_AT).unwrap()
}

/// One round of a charge just after it was saved, against this script.
pub(super) async fn charged(
    script: impl Fn(&Heard) -> Reply + Send + Sync + 'static,
) -> (Result<CardOutcome, CardError>, CannedStripe) {
    let (url, stripe) = CannedStripe::start(script).await;
    // Another process saved it, and perhaps sent it.
    let saved = saved(&rail(&url));
    let outcome = rail(&url).charge(intent(), &saved, AMOUNT, SAVED_AT.plus_s(1)).await;
    (outcome, stripe)
}

pub(super) fn declined(word: &str) -> CardOutcome {
    CardOutcome::Failed(PaymentFailure::Declined(word.to_owned()))
}

/// Our payment, in this state.
pub(super) fn payment(status: &str) -> Value {
    let received = if status == "succeeded" { AMOUNT.get() } else { 0 };
    json!({
        "id": "pi_1", "object": "payment_intent", "status": status, "amount": AMOUNT.get(), "amount_received": received,
        "currency": "usd", "livemode": false, "created": SAVED_AT.unix_s(), "latest_charge": "ch_1", "last_payment_error": null,
        "metadata": {"gateway_payment_id": intent().to_string()}, "of_a_later_version": {"x": [1]},
    })
}

pub(super) fn error(kind: &str, code: &str, members: Value) -> Value {
    let mut error =
        json!({"type": kind, "code": code, "message": format!("What {TOKEN} and {KEY} did.")});
    for (name, value) in members.as_object().unwrap() {
        error[name.as_str()] = value.clone();
    }
    json!({"error": error})
}

pub(super) fn page(data: Value) -> Value {
    json!({"object": "list", "data": data, "has_more": false, "url": "/v1/x"})
}

/// The pairs of a form.
pub(super) fn form(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}
