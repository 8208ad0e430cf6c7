//! A payment proof from its first field to its header, with every field open to be wrong.
//!
//! The typed data is hashed here, from the standard's text, and not with the code that the gateway
//! verifies with.

use alloy_primitives::{Address, B256, U256, keccak256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::anvil::{ASSET, CHAIN_ID};
use super::wallet::Wallet;

/// The curve's order n: the twin of a signature's s is n - s.
const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// The EIP-712 domain that an authorization is signed for.
#[derive(Clone, Debug)]
pub struct Domain {
    pub name: String,
    pub version: String,
    pub chain_id: u64,
    pub contract: Address,
}

impl Domain {
    fn separator(&self) -> B256 {
        let kind =
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        let words = [
            keccak256(kind),
            keccak256(&self.name),
            keccak256(&self.version),
            B256::from(U256::from(self.chain_id)),
            self.contract.into_word(),
        ];
        keccak256(concat(&words))
    }
}

/// What a gateway asks: the offer that a payment must meet.
#[derive(Clone, Debug)]
pub struct Terms {
    pub pay_to: Address,
    pub amount: u64,
    pub asset: String,
    pub network: String,
    pub network_v1: String,
    pub max_timeout_s: u64,
    pub domain: Domain,
}

impl Terms {
    /// The terms of a gateway on Base Sepolia.
    pub fn base_sepolia(pay_to: Address, amount: u64) -> Self {
        Self {
            pay_to,
            amount,
            asset: ASSET.to_owned(),
            network: format!("eip155:{CHAIN_ID}"),
            network_v1: "base-sepolia".to_owned(),
            max_timeout_s: 300,
            domain: Domain {
                name: "USDC".to_owned(),
                version: "2".to_owned(),
                chain_id: CHAIN_ID,
                contract: ASSET.parse().unwrap(),
            },
        }
    }

    /// The same terms for another amount.
    pub fn asking(&self, amount: u64) -> Self {
        Self { amount, ..self.clone() }
    }

    fn accepted(&self) -> Value {
        json!({
            "scheme": "exact", "network": self.network, "amount": self.amount.to_string(), "asset": self.asset,
            "payTo": self.pay_to.to_checksum(None), "maxTimeoutSeconds": self.max_timeout_s,
            "extra": {"name": self.domain.name, "version": self.domain.version},
        })
    }
}

/// An authorization before it is signed.
#[derive(Clone, Debug)]
pub struct Draft {
    pub from: Address,
    pub to: Address,
    pub value: U256,
    pub valid_after: u64,
    pub valid_before: u64,
    pub nonce: B256,
    pub domain: Domain,
    /// What the payload says that it accepted.
    pub terms: Terms,
}

impl Draft {
    /// The EIP-712 digest of `TransferWithAuthorization`.
    pub fn digest(&self) -> B256 {
        let kind = "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,\
                    uint256 validBefore,bytes32 nonce)";
        let words = [
            keccak256(kind),
            self.from.into_word(),
            self.to.into_word(),
            B256::from(self.value),
            B256::from(U256::from(self.valid_after)),
            B256::from(U256::from(self.valid_before)),
            self.nonce,
        ];
        self.enveloped(&words)
    }

    /// The EIP-712 digest of `CancelAuthorization`.
    pub fn cancel_digest(&self) -> B256 {
        let kind = "CancelAuthorization(address authorizer,bytes32 nonce)";
        self.enveloped(&[keccak256(kind), self.from.into_word(), self.nonce])
    }

    fn enveloped(&self, words: &[B256]) -> B256 {
        let hash = keccak256(concat(words));
        let mut envelope = vec![0x19, 0x01];
        envelope.extend_from_slice(self.domain.separator().as_slice());
        envelope.extend_from_slice(hash.as_slice());
        keccak256(envelope)
    }

    /// Signed by `wallet`, whoever `from` names.
    pub fn sign(&self, wallet: &Wallet) -> Proof {
        Proof { draft: self.clone(), signature: wallet.sign(self.digest()) }
    }
}

/// A signed authorization.
#[derive(Clone, Debug)]
pub struct Proof {
    pub draft: Draft,
    /// r, s, v; any bytes that a test wants.
    pub signature: Vec<u8>,
}

/// A header that carries a proof.
pub type Header = (&'static str, String);

impl Proof {
    /// The header as most of today's clients send it.
    pub fn v2(&self) -> Header {
        encode_v2(&self.json_v2())
    }

    /// The header of version 1.
    pub fn v1(&self) -> Header {
        encode_v1(&self.json_v1())
    }

    pub fn json_v2(&self) -> Value {
        json!({
            "x402Version": 2, "accepted": self.draft.terms.accepted(), "payload": self.payload(),
        })
    }

    pub fn json_v1(&self) -> Value {
        json!({
            "x402Version": 1, "scheme": "exact", "network": self.draft.terms.network_v1, "payload": self.payload(),
        })
    }

    fn payload(&self) -> Value {
        let draft = &self.draft;
        json!({
            "signature": format!("0x{}", hex::encode(&self.signature)),
            "authorization": {
                "from": draft.from.to_checksum(None), "to": draft.to.to_checksum(None),
                "value": draft.value.to_string(), "validAfter": draft.valid_after.to_string(),
                "validBefore": draft.valid_before.to_string(), "nonce": draft.nonce.to_string(),
            },
        })
    }

    /// The same authorization with the other valid (s, v): what a token with the low-s rule
    /// refuses.
    pub fn high_s_twin(&self) -> Self {
        let order = U256::from_str_radix(ORDER, 16).unwrap();
        let s = U256::from_be_slice(&self.signature[32..64]);
        let mut signature = self.signature[..32].to_vec();
        signature.extend_from_slice(&(order - s).to_be_bytes::<32>());
        signature.push(if self.signature[64] == 27 { 28 } else { 27 });
        self.signed_with(signature)
    }

    /// The same authorization with these signature bytes.
    pub fn signed_with(&self, signature: Vec<u8>) -> Self {
        Self { draft: self.draft.clone(), signature }
    }
}

pub fn encode_v2(payload: &Value) -> Header {
    ("payment-signature", STANDARD.encode(payload.to_string()))
}

pub fn encode_v1(payload: &Value) -> Header {
    ("x-payment", STANDARD.encode(payload.to_string()))
}

/// Words, one after the other.
fn concat(words: &[B256]) -> Vec<u8> {
    words.iter().flat_map(|word| word.0).collect()
}

#[test]
fn digest_and_signature_are_those_of_a_published_client() {
    let payer = Wallet::from_hex(super::wallet::DEVELOPMENT_KEY);
    let payee = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8".parse().unwrap();
    let mut draft = payer.draft(&Terms::base_sepolia(payee, 550_000));
    (draft.valid_after, draft.valid_before) = (0, 1_767_225_900);
    draft.nonce =
        "0x275d66327b5232e7b24d7de5da9f1c266df163c7033f67415fabee166b329b79".parse().unwrap();
    assert_eq!(
        draft.digest().to_string(),
        "0x6c31b0244ae6d3f952620cc33da7b7bd8266863e1631cf9a99b71a33ccd25aec"
    );
    assert_eq!(
        hex::encode(draft.sign(&payer).signature),
        "c33b26350a4a52d6b424988500a9172c95c782c5eff037b3739f8703bcb75c86\
         2b5c37f2dc25821e7e57ec7d4eb3e3a228b33e0febca146dcfeb4c0c08cfedfb1b"
    );
}
