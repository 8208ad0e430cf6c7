//! Signed transfers and transactions.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use base64::{Engine, engine::general_purpose::STANDARD};
use payments::{
    agent::Wallet,
    money::UsdcUnits,
    x402::{
        decode,
        eip712::{self, TransferMessage},
        offer::{Requirements, Token},
        verify::{self, LiveTransfer, Offers},
    },
};
use serde_json::{Value, json};

use super::world::{GWEI, PRICE, VALID_FOR_S};

/// An authorization of exactly the price, read from the header that a version 2 client sends.
pub(super) fn live_transfer(
    payer: &PrivateKeySigner,
    token: &Token,
    pay_to: Wallet,
    now: u64,
    nonce: B256,
) -> LiveTransfer {
    let offer = Requirements::new(
        token.clone(),
        pay_to,
        UsdcUnits::new(PRICE),
        300,
        "",
        "application/json",
    );
    let from = Wallet::new(payer.address().into_array());
    let before = now + VALID_FOR_S;
    let message = TransferMessage {
        from,
        to: pay_to,
        value: U256::from(PRICE),
        valid_after: U256::ZERO,
        valid_before: U256::from(before),
        nonce: nonce.0,
    };
    let signature =
        payer.sign_hash_sync(&eip712::digest(token.domain_separator(), &message)).unwrap();
    let accepted: Value = serde_json::from_str(&offer.v2_element()).unwrap();
    let payment = json!({
        "x402Version": 2,
        "accepted": accepted,
        "payload": {
            "signature": Bytes::from(signature.as_bytes()),
            "authorization": {
                "from": from, "to": pay_to, "value": PRICE.to_string(),
                "validAfter": "0", "validBefore": before.to_string(), "nonce": nonce,
            },
        },
    });
    let unverified =
        decode::decode(STANDARD.encode(payment.to_string()).as_bytes()).unwrap().unwrap();
    verify::verify(&unverified, &Offers::exactly(&offer))
        .unwrap()
        .within_window(now, 3_900)
        .unwrap()
}

pub(super) fn raw_call(
    from: &PrivateKeySigner,
    chain_id: u64,
    to: Address,
    nonce: u64,
    input: Vec<u8>,
) -> Bytes {
    let tx = TxEip1559 {
        chain_id,
        nonce,
        gas_limit: 300_000,
        max_fee_per_gas: 100 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: TxKind::Call(to),
        value: U256::ZERO,
        access_list: Default::default(),
        input: input.into(),
    };
    let signature = from.sign_hash_sync(&tx.signature_hash()).unwrap();
    TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into()
}
