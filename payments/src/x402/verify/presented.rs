//! A signature that may have paid under other terms than today's.

use crate::error::{ProofError, Reason};
use crate::proof::PaymentKey;
use crate::x402::decode::UnverifiedPayment;
use crate::x402::eip712::{self, TransferMessage};
use crate::x402::offer::Token;
use crate::x402::signature;

/// A payer's signature over a transfer of our token, whatever its amount, its receiver and its
/// time. Names a payment that may have been taken under earlier terms; it pays nothing and
/// does not identify the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentedTransfer {
    key: PaymentKey,
}

/// Checks that the payer signed, and nothing else: what is under way or done is recognised before
/// anything is compared with today's terms.
///
/// # Errors
/// The signature is not the payer's under this token's domain.
pub fn present(
    payment: &UnverifiedPayment,
    token: &Token,
) -> Result<PresentedTransfer, ProofError> {
    let signature = signature::parse(&payment.signature)?;
    let message = TransferMessage {
        from: payment.from,
        to: payment.to,
        value: payment.value,
        valid_after: payment.valid_after,
        valid_before: payment.valid_before,
        nonce: payment.nonce,
    };
    let signer =
        signature::recover(&eip712::digest(token.domain_separator(), &message), &signature)?;
    if signer != payment.from {
        let expected = format!("a signature of {}", payment.from);
        return Err(ProofError::new(
            Reason::Signature,
            "payload.signature",
            expected,
            format!("one of {signer}"),
        ));
    }
    let key = PaymentKey {
        chain_id: token.chain_id(),
        token: *token.address(),
        from: payment.from,
        nonce: payment.nonce,
    };
    Ok(PresentedTransfer { key })
}

// === impl PresentedTransfer ===

impl PresentedTransfer {
    /// The payment's identity.
    #[must_use]
    pub const fn key(&self) -> &PaymentKey {
        &self.key
    }
}
