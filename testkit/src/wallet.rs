//! A wallet that signs EIP-3009 authorizations. What it signs becomes a proof only through the real
//! decoding and verification.

use alloy_primitives::{U256, keccak256};
use base64::{Engine, engine::general_purpose::STANDARD};
use secp256k1::{Message, PublicKey, SecretKey, ecdsa::RecoverableSignature};
use serde_json::{Value, json};

use payments::{
    agent::{Payer, Wallet},
    money::UsdcUnits,
    time::UnixMs,
    x402::{
        X402Version, decode,
        eip712::{self, TransferMessage},
        offer::{Requirements, Token},
        verify::{LiveTransfer, Offers, VerifiedTransfer, verify},
    },
};

/// The price of a launch: 0.55 USDC.
pub const LAUNCH_PRICE: UsdcUnits = UsdcUnits::new(550_000);
/// How long the test wallet's authorizations are valid, in seconds.
pub const VALID_FOR_S: u64 = 300;
/// Widest window that the tests accept, in seconds.
pub const MAX_WINDOW_S: u64 = 3_900;

/// The token of Base Sepolia.
pub fn test_token() -> Token {
    Token::new(
        Wallet::parse_any_case("0x036cbd53842c5426634e7929541ec2318f3dcf7e").unwrap(),
        "USDC",
        "2",
        84_532,
    )
}

/// An offer of that token at some price.
pub fn offer(amount: UsdcUnits) -> Requirements {
    Requirements::new(
        test_token(),
        Wallet::new([0xaa; 20]),
        amount,
        VALID_FOR_S,
        "launch creation",
        "application/json",
    )
}

/// A key pair of tests. Never a key that holds money.
pub struct TestWallet {
    secret: SecretKey,
    address: Wallet,
}

impl TestWallet {
    /// The wallet with this number, from 1.
    pub fn numbered(number: u8) -> Self {
        let secret = SecretKey::from_secret_bytes([number; 32]).unwrap();
        let hash = keccak256(&PublicKey::from_secret_key(&secret).serialize_uncompressed()[1..]);
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        Self { secret, address: Wallet::new(address) }
    }

    /// Its address.
    pub const fn address(&self) -> Wallet {
        self.address
    }

    /// Itself as a payer.
    pub const fn payer(&self) -> Payer {
        Payer::Wallet(self.address)
    }

    /// The header value that pays an offer from now on for [`VALID_FOR_S`]. `number` makes the
    /// nonce: two payments need two numbers.
    pub fn header(
        &self,
        offer: &Requirements,
        number: u64,
        now: UnixMs,
        version: X402Version,
    ) -> String {
        let now_s = now.protocol_s();
        let message = TransferMessage {
            from: self.address,
            to: *offer.pay_to(),
            value: U256::from(offer.amount().get()),
            valid_after: U256::from(now_s.saturating_sub(60)),
            valid_before: U256::from(now_s.saturating_add(offer.max_timeout_s())),
            nonce: nonce(number),
        };
        let payload = self.payload(offer.token(), &message);
        let payment = match version {
            X402Version::V1 => {
                json!({"x402Version": 1, "scheme": "exact", "network": offer.network().v1_name(), "payload": payload})
            }
            X402Version::V2 => {
                let accepted: Value = serde_json::from_str(&offer.v2_element()).unwrap();
                json!({"x402Version": 2, "accepted": accepted, "payload": payload})
            }
        };
        STANDARD.encode(payment.to_string())
    }

    /// The proof that the header of this payment makes.
    pub fn verified(&self, offer: &Requirements, number: u64, now: UnixMs) -> VerifiedTransfer {
        let header = self.header(offer, number, now, X402Version::V2);
        verify(&decode::decode(header.as_bytes()).unwrap().unwrap(), &Offers::exactly(offer))
            .unwrap()
    }

    /// The same proof within its time window.
    pub fn live(&self, offer: &Requirements, number: u64, now: UnixMs) -> LiveTransfer {
        self.verified(offer, number, now).within_window(now.protocol_s(), MAX_WINDOW_S).unwrap()
    }

    fn payload(&self, token: &Token, message: &TransferMessage) -> Value {
        let digest = eip712::digest(token.domain_separator(), message);
        let (parity, compact) = RecoverableSignature::sign_ecdsa_recoverable(
            Message::from_digest(digest.0),
            &self.secret,
        )
        .serialize_compact();
        json!({
            "signature": format!("0x{}{:02x}", hex::encode(compact), parity.to_u8() + 27),
            "authorization": {
                "from": message.from.checksummed(),
                "to": message.to.checksummed(),
                "value": message.value.to_string(),
                "validAfter": message.valid_after.to_string(),
                "validBefore": message.valid_before.to_string(),
                "nonce": format!("0x{}", hex::encode(message.nonce)),
            }
        })
    }
}

/// The authorization nonce with this number.
pub fn nonce(number: u64) -> [u8; 32] {
    let mut nonce = [0x5a; 32];
    nonce[24..].copy_from_slice(&number.to_be_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::START;

    #[test]
    fn what_the_wallet_signs_is_its_proof_in_both_versions() {
        let wallet = TestWallet::numbered(7);
        let offer = offer(LAUNCH_PRICE);
        let spoken = [X402Version::V1, X402Version::V2].map(|version| {
            let header = wallet.header(&offer, 3, START, version);
            verify(&decode::decode(header.as_bytes()).unwrap().unwrap(), &Offers::exactly(&offer))
                .unwrap()
        });
        for proof in &spoken {
            assert_eq!(*proof.from(), wallet.address());
            assert_eq!(proof.value(), LAUNCH_PRICE);
        }
        assert_eq!(
            spoken[0].key(),
            spoken[1].key(),
            "one authorization, whatever version carried it"
        );
        assert_ne!(
            wallet.live(&offer, 4, START).key(),
            spoken[0].key(),
            "another number is another payment"
        );
    }
}
