//! Why a proof was refused, with the code that goes over the wire.

use std::fmt;

/// The check that failed, in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The header or what it decodes to is larger than allowed.
    HeaderTooLarge,
    /// Not base64, not UTF-8, not a JSON object, or a member of the wrong shape.
    InvalidPayload,
    /// `x402Version` is not the number 1 or 2.
    InvalidX402Version,
    /// The identifier of the extension `payment-identifier` is not one.
    InvalidPaymentIdentifier,
    /// A payload of Permit2 or ERC-7710, which is not offered.
    UnsupportedPayloadType,
    /// The scheme is not offered (v1).
    UnsupportedScheme,
    /// The network is not offered (v1).
    InvalidNetwork,
    /// The echoed `accepted` is none of the offers (v2).
    AcceptedMismatch,
    /// `to` is not the receiver.
    RecipientMismatch,
    /// `from` is the receiver: nothing would be paid.
    SelfPayment,
    /// `value` is not the price.
    ValueMismatch,
    /// Expired, about to expire, or valid for longer than allowed.
    ValidBefore,
    /// Not valid yet.
    ValidAfter,
    /// The signature is malformed, malleable, or another account's.
    Signature,
    /// An ERC-6492 wrapper: its factory would be called from our gas wallet.
    FactoryNotAllowed,
    /// The payer is a contract that is not deployed.
    UndeployedSmartWallet,
    /// The payment key is claimed already.
    DuplicateSettlement,
    /// The authorization is used or cancelled on the chain.
    NonceAlreadyUsed,
    /// The payer holds less than the value.
    InsufficientFunds,
    /// The settlement call would revert.
    SimulationFailed,
}

impl Reason {
    /// The stable code: the specification's where it has one.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::HeaderTooLarge => "payment_header_too_large",
            Self::InvalidPayload => "invalid_payload",
            Self::InvalidX402Version => "invalid_x402_version",
            Self::InvalidPaymentIdentifier => "invalid_payment_identifier",
            Self::UnsupportedPayloadType => "unsupported_payload_type",
            Self::UnsupportedScheme => "unsupported_scheme",
            Self::InvalidNetwork => "invalid_network",
            Self::AcceptedMismatch => "accepted_requirements_mismatch",
            Self::RecipientMismatch => "invalid_exact_evm_payload_recipient_mismatch",
            Self::SelfPayment => "self_payment",
            Self::ValueMismatch => "invalid_exact_evm_payload_authorization_value_mismatch",
            Self::ValidBefore => "invalid_exact_evm_payload_authorization_valid_before",
            Self::ValidAfter => "invalid_exact_evm_payload_authorization_valid_after",
            Self::Signature => "invalid_exact_evm_payload_signature",
            Self::FactoryNotAllowed => "eip6492_factory_not_allowed",
            Self::UndeployedSmartWallet => "invalid_exact_evm_payload_undeployed_smart_wallet",
            Self::DuplicateSettlement => "duplicate_settlement",
            Self::NonceAlreadyUsed => "invalid_exact_evm_nonce_already_used",
            Self::InsufficientFunds => "insufficient_funds",
            Self::SimulationFailed => "invalid_exact_evm_transaction_simulation_failed",
        }
    }

    /// The HTTP status that fits: 431 for size, 400 for what is not part of the payment, otherwise
    /// 402 with a fresh challenge.
    #[must_use]
    pub const fn status_hint(self) -> u16 {
        match self {
            Self::HeaderTooLarge => 431,
            Self::InvalidPaymentIdentifier => 400,
            _ => 402,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A refused proof: the check, the member that failed it, and both values. Carries no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {field}: expected {expected}, got {got}")]
pub struct ProofError {
    /// The check that failed.
    pub reason: Reason,
    /// The member of the payment that failed, as a dotted path.
    pub field: &'static str,
    /// What would have passed.
    pub expected: String,
    /// What was there, shortened.
    pub got: String,
}

impl ProofError {
    /// Longest part of a client's own text that is repeated to it, in bytes.
    const MAX_GOT_BYTES: usize = 96;

    /// A refusal; `got` is cut to a length that suits an error text.
    pub fn new(
        reason: Reason,
        field: &'static str,
        expected: impl Into<String>,
        got: impl fmt::Display,
    ) -> Self {
        let mut got = got.to_string();
        if got.len() > Self::MAX_GOT_BYTES {
            let end =
                (0..=Self::MAX_GOT_BYTES).rev().find(|end| got.is_char_boundary(*end)).unwrap_or(0);
            got.truncate(end);
            got.push_str("...");
        }
        Self { reason, field, expected: expected.into(), got }
    }

    /// See [`Reason::status_hint`].
    #[must_use]
    pub const fn status_hint(&self) -> u16 {
        self.reason.status_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let error =
            ProofError::new(Reason::InvalidPayload, "payload", "an object", "é".repeat(500));
        assert_eq!(error.got.len(), ProofError::MAX_GOT_BYTES + 3);
        assert!(
            error.to_string().starts_with("invalid_payload: payload: expected an object, got é")
        );
        assert_eq!(error.status_hint(), 402);
        assert_eq!(Reason::HeaderTooLarge.status_hint(), 431);
    }
}
