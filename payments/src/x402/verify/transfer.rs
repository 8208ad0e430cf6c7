//! A transfer that is proven, and the clock's say on it. The only constructor recovers the
//! signature.

use std::fmt;
use std::ops::Deref;

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};

use crate::agent::Wallet;
use crate::error::{ProofError, Reason};
use crate::money::UsdcUnits;
use crate::proof::PaymentKey;
use crate::x402::X402Version;
use crate::x402::eip712::{self, TransferMessage};
use crate::x402::offer::Token;
use crate::x402::signature::{self, Signature};

/// A proof must stay valid at least this long: three blocks in which to settle it.
pub const EXPIRY_PAD_S: u64 = 6;

/// A signed authorization as the books keep it (sealed: whoever reads it may submit it). Data, not
/// proof: [`VerifiedTransfer::from_saved`] verifies it again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedAuthorization {
    /// The version that the payer speaks.
    pub x402_version: X402Version,
    /// The EIP-155 id of the chain.
    pub chain_id: u64,
    /// The token contract.
    pub token: Wallet,
    /// Who pays and signed.
    pub from: Wallet,
    /// Who receives.
    pub to: Wallet,
    /// Atomic units of the token.
    pub value_units: UsdcUnits,
    /// Valid strictly after this.
    pub valid_after_unix_s: u64,
    /// Valid strictly before this.
    pub valid_before_unix_s: u64,
    /// The payer's nonce.
    pub nonce: B256,
    /// First half of the signature.
    pub r: B256,
    /// Second half of the signature, in the lower half of the order.
    pub s: B256,
    /// 27 or 28.
    pub v: u8,
}

impl SignedAuthorization {
    fn key(&self) -> PaymentKey {
        PaymentKey {
            chain_id: self.chain_id,
            token: self.token,
            from: self.from,
            nonce: self.nonce.0,
        }
    }

    fn message(&self) -> TransferMessage {
        TransferMessage {
            from: self.from,
            to: self.to,
            value: U256::from(self.value_units.get()),
            valid_after: U256::from(self.valid_after_unix_s),
            valid_before: U256::from(self.valid_before_unix_s),
            nonce: self.nonce.0,
        }
    }
}

/// Shows no signature and no nonce: together they are the money.
impl fmt::Debug for SignedAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SignedAuthorization({}, {} USDC from {})",
            self.key().log_id(),
            self.value_units,
            self.from
        )
    }
}

/// Proof that a wallet authorized this transfer to us, at some time. Made by [`super::verify`] and
/// [`VerifiedTransfer::from_saved`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTransfer(SignedAuthorization);

/// A verified transfer whose time window was open when it was checked. Made by
/// [`VerifiedTransfer::within_window`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveTransfer(VerifiedTransfer);

// === impl VerifiedTransfer ===

impl VerifiedTransfer {
    /// The one way to make this: the signature recovers to the payer under the token's domain.
    pub(super) fn signed_by_payer(
        authorization: SignedAuthorization,
        token: &Token,
    ) -> Result<Self, ProofError> {
        let digest = eip712::digest(token.domain_separator(), &authorization.message());
        let signature = Signature { r: authorization.r, s: authorization.s, v: authorization.v };
        let signer = signature::recover(&digest, &signature)?;
        if signer == authorization.from {
            return Ok(Self(authorization));
        }
        let expected = format!(
            "a signature of {} for {} {}",
            authorization.from,
            token.domain_name(),
            token.domain_version()
        );
        Err(ProofError::new(
            Reason::Signature,
            "payload.signature",
            expected,
            format!("one of {signer}"),
        ))
    }

    /// Proof again of what the books kept: the signature is recovered anew under this token's
    /// domain.
    ///
    /// # Errors
    /// When the authorization is of another token or chain, or its signature is not the payer's.
    pub fn from_saved(saved: SignedAuthorization, token: &Token) -> Result<Self, ProofError> {
        if (saved.chain_id, &saved.token) != (token.chain_id(), token.address()) {
            let name = |chain: u64, token: &Wallet| format!("eip155:{chain}/{token}");
            let (expected, got) =
                (name(token.chain_id(), token.address()), name(saved.chain_id, &saved.token));
            return Err(ProofError::new(Reason::InvalidNetwork, "token", expected, got));
        }
        let Signature { r, s, v } = signature::check_form(saved.r, saved.s, saved.v)?;
        Self::signed_by_payer(SignedAuthorization { r, s, v, ..saved }, token)
    }

    /// All of it, for the books. Holds the signature: seal it.
    #[must_use]
    pub fn to_saved(&self) -> SignedAuthorization {
        self.0.clone()
    }

    /// Adds the clock: `now + 6 s <= validBefore <= now + max_window_s` and `validAfter < now`. The
    /// upper bound keeps an authorization from outliving what we remember of it; `validAfter` is
    /// strict because the token is.
    ///
    /// # Errors
    /// [`Reason::ValidBefore`], [`Reason::ValidAfter`].
    pub fn within_window(
        &self,
        now_unix_s: u64,
        max_window_s: u64,
    ) -> Result<LiveTransfer, ProofError> {
        let before = self.0.valid_before_unix_s;
        let earliest = now_unix_s.saturating_add(EXPIRY_PAD_S);
        let latest = now_unix_s.saturating_add(max_window_s);
        if before < earliest || before > latest {
            let expected = format!("{earliest} to {latest}");
            return Err(ProofError::new(
                Reason::ValidBefore,
                "payload.authorization.validBefore",
                expected,
                before,
            ));
        }
        let after = self.0.valid_after_unix_s;
        if after >= now_unix_s {
            let expected = format!("earlier than {now_unix_s}");
            return Err(ProofError::new(
                Reason::ValidAfter,
                "payload.authorization.validAfter",
                expected,
                after,
            ));
        }
        Ok(LiveTransfer(self.clone()))
    }

    /// The payment's identity.
    #[must_use]
    pub fn key(&self) -> PaymentKey {
        self.0.key()
    }

    /// The wallet that signed.
    #[must_use]
    pub const fn from(&self) -> &Wallet {
        &self.0.from
    }

    /// The receiver, ours.
    #[must_use]
    pub const fn pay_to(&self) -> &Wallet {
        &self.0.to
    }

    /// The amount, one of the accepted ones.
    #[must_use]
    pub const fn value(&self) -> UsdcUnits {
        self.0.value_units
    }

    /// Valid strictly after this.
    #[must_use]
    pub const fn valid_after_unix_s(&self) -> u64 {
        self.0.valid_after_unix_s
    }

    /// Valid strictly before this.
    #[must_use]
    pub const fn valid_before_unix_s(&self) -> u64 {
        self.0.valid_before_unix_s
    }

    /// The payer's nonce.
    #[must_use]
    pub const fn nonce(&self) -> &[u8; 32] {
        &self.0.nonce.0
    }

    /// First half of the signature, for the settlement call.
    #[must_use]
    pub const fn r(&self) -> &B256 {
        &self.0.r
    }

    /// Second half of the signature, for the settlement call.
    #[must_use]
    pub const fn s(&self) -> &B256 {
        &self.0.s
    }

    /// 27 or 28, for the settlement call.
    #[must_use]
    pub const fn v(&self) -> u8 {
        self.0.v
    }

    /// The version that the payer speaks: decides the names and the header of the receipt.
    #[must_use]
    pub const fn x402_version(&self) -> X402Version {
        self.0.x402_version
    }
}

impl Deref for LiveTransfer {
    type Target = VerifiedTransfer;

    fn deref(&self) -> &VerifiedTransfer {
        &self.0
    }
}
