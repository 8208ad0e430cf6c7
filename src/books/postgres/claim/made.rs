//! What a claim makes.

use std::num::NonZeroI64;

use payments::{
    free_quota::FreeSlot,
    funding::Funding,
    intent::{Intent, State},
    money::{Amount, UsdcUnits},
    obligation::Share,
    ports::{BooksError, NewClaim},
    settlement::Attempt,
    time::UnixMs,
};

use super::facts::Facts;

/// What funds the intent, and what that costs.
pub(super) struct Funded {
    pub(super) funding: Funding,
    pub(super) price: Amount,
    /// What stays owed of the entitlement, in minor units.
    pub(super) rest: Option<NonZeroI64>,
    /// The signed transaction, where one settles it.
    pub(super) attempt: Option<Attempt>,
    /// The slot that a free call takes.
    pub(super) slot: Option<FreeSlot>,
}

// === impl Funded ===

impl Funded {
    pub(super) fn of(
        claim: &NewClaim<'_>,
        funding: Funding,
        facts: &Facts,
    ) -> Result<Self, BooksError> {
        let (price, rest) = match &funding {
            Funding::Credit { count, .. } => (Amount::Credits(*count), None),
            Funding::Entitlement { .. } => {
                let asked = claim.price.minor().map_err(|_| too_large(claim))?;
                let Share { taken, rest } = Share::of(facts.entitled_minor, asked);
                (
                    Amount::Usdc(UsdcUnits::new(
                        u64::try_from(taken).map_err(|_| too_large(claim))?,
                    )),
                    rest,
                )
            }
            Funding::Free | Funding::X402 | Funding::MppCharge { .. } | Funding::MppPack { .. } => {
                (claim.price, None)
            }
        };
        Ok(Self { funding, price, rest, attempt: None, slot: facts.available.free_slot.clone() })
    }

    pub(super) fn state(&self) -> State {
        self.funding.claimed_state(self.attempt.as_ref())
    }

    /// What waits for a signer is free for any settler.
    pub(super) fn lease_until(&self, claim: &NewClaim<'_>) -> UnixMs {
        if self.state() == State::Queued { UnixMs::new(0) } else { claim.lease_until }
    }

    /// The intent.
    pub(super) fn intent(self, claim: &NewClaim<'_>) -> Intent {
        claim.intent(self.funding, self.price, self.attempt)
    }
}

/// The rules decided for a payment that the claim does not bring.
pub(super) fn nothing_to_send(claim: &NewClaim<'_>) -> BooksError {
    BooksError::Corrupt { table: "intents", column: "funding", key: claim.id.to_string() }
}

pub(super) fn too_large(claim: &NewClaim<'_>) -> BooksError {
    BooksError::Corrupt { table: "intents", column: "price_minor", key: claim.id.to_string() }
}
