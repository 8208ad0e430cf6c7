//! A claim in the making.

use super::CardPart;
use crate::{
    clock::{START, numbered_id},
    rail::{CHAIN_ID, SIGNER, attempt},
    wallet::{LAUNCH_PRICE, nonce, test_token},
    world::{FOR_ONE_CREDIT, SETTINGS, kept, launches},
};
use payments::{
    agent::{Payer, Wallet},
    fingerprint::Fingerprint,
    free_quota::FreeTerms,
    funding::PayTerms,
    ids::PaymentId,
    intent::Protocol,
    money::UsdcUnits,
    ports::{ClaimKey, IdentityClaim, NewClaim, PreparationError, Preparer},
    proof::{PaymentKey, ProofKey},
    route::Quota,
    settlement::{Attempt, AttemptKind, TransferTerms},
    time::UnixMs,
    x402::X402Version,
};

/// A launch or a pack that some payer asks for, with its proof and how it would be paid.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Names the intent, the proof and, unless it is changed, the body.
    pub number: u64,
    /// Who asks.
    pub wallet: Wallet,
    /// What is asked for: equal bodies are equal requests.
    pub body: String,
    /// Asked for by a card account instead.
    pub card: Option<CardPart>,
    /// The client's `Idempotency-Key`.
    pub idempotency: Option<String>,
    /// The route's free calls.
    pub free: Option<FreeTerms>,
    /// The proof is for the full price.
    pub covers_price: bool,
    /// What a launch costs a wallet.
    pub price_usdc: UsdcUnits,
    /// What the wallet holds beside the price, as the claim sees it.
    pub beside_price_units: u64,
    /// The block of that look.
    pub seen_at_block: u64,
    /// The signer's next nonce as the chain sees it.
    pub chain_next_nonce: u64,
    /// The chain of its authorization.
    pub chain_id: u64,
    /// It waits for a settler, though its signer is free.
    pub is_queued: bool,
    /// So many payments may wait.
    pub queue_max: u32,
    /// Why no transaction can be prepared.
    pub preparation_fails: Option<PreparationError>,
    /// When it is claimed.
    pub at: UnixMs,
}

impl Draft {
    /// A paid launch of the first wallet, unlike every other number's.
    pub fn numbered(number: u64) -> Self {
        Self {
            number,
            wallet: Wallet::new([1; 20]),
            body: format!("{{\"title\":\"{number}\"}}"),
            card: None,
            idempotency: None,
            free: None,
            covers_price: true,
            price_usdc: LAUNCH_PRICE,
            beside_price_units: u64::MAX,
            seen_at_block: 100,
            chain_next_nonce: 0,
            chain_id: CHAIN_ID,
            is_queued: false,
            queue_max: 200,
            preparation_fails: None,
            at: START,
        }
    }

    /// With the usual free calls.
    #[must_use]
    pub fn free(self) -> Self {
        self.free_of(launches(), SETTINGS.free_per_day_total)
    }

    /// With the free calls of this quota, under a cap of the day over all wallets.
    #[must_use]
    pub fn free_of(self, quota: Quota, per_day_total: u32) -> Self {
        Self { free: Some(FreeTerms { quota, per_day_total }), ..self }
    }

    /// Waiting for a settler.
    #[must_use]
    pub fn queued(self) -> Self {
        Self { is_queued: true, ..self }
    }

    /// What it takes to sign it later.
    pub fn sealed_authorization(&self) -> Vec<u8> {
        format!("authorization {}", self.number).into_bytes()
    }

    /// Of another wallet.
    #[must_use]
    pub fn of_wallet(self, byte: u8) -> Self {
        Self { wallet: Wallet::new([byte; 20]), ..self }
    }

    /// At this price.
    #[must_use]
    pub fn at_price(self, units: u64) -> Self {
        Self { price_usdc: UsdcUnits::new(units), ..self }
    }

    /// Asking for what another draft asks for.
    #[must_use]
    pub fn like(self, other: &Self) -> Self {
        Self { body: other.body.clone(), wallet: other.wallet, ..self }
    }

    /// Claimed this much after the usual moment.
    #[must_use]
    pub fn later_ms(self, ms: i64) -> Self {
        Self { at: self.at.plus_ms(ms), ..self }
    }

    /// The intent's id.
    pub fn id(&self) -> PaymentId {
        numbered_id(self.number)
    }

    /// Who pays.
    pub fn payer(&self) -> Payer {
        self.card.map_or(Payer::Wallet(self.wallet), |card| {
            Payer::Card(format!("account-{}", card.account))
        })
    }

    /// What is asked for.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of("POST", "/launches", "", self.body.as_bytes())
    }

    /// Its authorization.
    pub fn authorization(&self) -> PaymentKey {
        PaymentKey {
            chain_id: self.chain_id,
            token: *test_token().address(),
            from: self.wallet,
            nonce: nonce(self.number),
        }
    }

    /// What it is known by.
    pub fn key(&self) -> ClaimKey {
        let proof = match &self.card {
            None => Some(ProofKey::Authorization(self.authorization())),
            Some(card) => card.presented.then(|| ProofKey::Charge(card.key())),
        };
        ClaimKey { proof, idempotency: self.idempotency.clone().map(|key| (self.payer(), key)) }
    }

    /// Its proof, used for identity.
    pub fn identity(&self) -> IdentityClaim {
        IdentityClaim { key: self.authorization(), fingerprint: self.fingerprint(), at: self.at }
    }

    /// The terms of its authorization.
    pub fn terms(&self) -> TransferTerms {
        TransferTerms {
            key: self.authorization(),
            pay_to: Wallet::new([0xaa; 20]),
            value: self.price_usdc,
            valid_before_unix_s: self.at.protocol_s() + 300,
            claimed_at_block: self.seen_at_block,
        }
    }

    /// Until when the claimer drives it.
    pub fn lease_until(&self) -> UnixMs {
        self.at.plus_ms(SETTINGS.lease_ms)
    }

    /// The claim.
    pub fn claim(&self) -> NewClaim<'_> {
        NewClaim {
            id: self.id(),
            payer: self.payer(),
            key: self.key(),
            fingerprint: self.fingerprint(),
            request: kept(&self.body),
            price: self.price(),
            protocol: if self.card.is_some() {
                Protocol::Mpp
            } else {
                Protocol::X402(X402Version::V2)
            },
            free: self.free.as_ref().map(|terms| terms.at(self.at)),
            pay_terms: PayTerms {
                refused_after_pay_per_day: SETTINGS.refused_after_pay_per_day,
                reverts: SETTINGS.reverts,
                proof_covers_price: self.covers_price,
                means: self.means(),
                product: self.card.map_or(FOR_ONE_CREDIT, |card| card.product),
                beside_price_units: self.beside_price_units,
            },
            payment: self.payment(),
            join_since: self.at.plus_ms(-SETTINGS.join_window_ms),
            at: self.at,
            lease_until: self.lease_until(),
        }
    }
}

impl Preparer for Draft {
    fn signer(&self) -> Wallet {
        SIGNER
    }

    fn can_sign(&self) -> Result<(), PreparationError> {
        self.preparation_fails.map_or(Ok(()), Err)
    }

    fn prepare(
        &self,
        intent: PaymentId,
        eoa_nonce: u64,
        at: UnixMs,
    ) -> Result<Attempt, PreparationError> {
        match self.preparation_fails {
            Some(error) => Err(error),
            None => Ok(attempt(AttemptKind::Transfer, intent, eoa_nonce, 1_000, at)),
        }
    }
}
