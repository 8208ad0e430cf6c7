//! From an unverified payment to proof, in two stages, because a repeated proof must be recognised
//! whatever the time is.
//!
//! [`verify`] checks everything that needs neither clock nor chain, cheap checks first, and makes a
//! [`VerifiedTransfer`]. [`VerifiedTransfer::within_window`] adds the clock and makes a
//! [`LiveTransfer`], which alone may be claimed and settled. [`check_chain_state`] is what the
//! chain must answer.
//!
//! | # | check | reason |
//! |---|---|---|
//! | 1 | v1: scheme, network; v2: `accepted` is our offer | `unsupported_scheme`, `invalid_network`, `accepted_requirements_mismatch` |
//! | 2 | `to` is our receiver | `..._recipient_mismatch` |
//! | 3 | `from` is not our receiver | `self_payment` |
//! | 4 | `value` equals an accepted amount | `..._authorization_value_mismatch` |
//! | 5 | times that a clock can reach | `..._valid_before`, `..._valid_after` |
//! | 6 | 65 bytes, low s, v of 0, 1, 27, 28; no ERC-6492 wrapper | `..._signature`, `eip6492_factory_not_allowed` |
//! | 7 | the signature recovers to `from` under our token's domain | `..._signature` |

mod offers;
mod presented;
mod transfer;

use std::fmt;

use alloy_primitives::{B256, U256};

use crate::agent::Wallet;
use crate::error::{ProofError, Reason};
use crate::money::UsdcUnits;
use crate::x402::decode::{Accepted, Terms, UnverifiedPayment};
use crate::x402::offer::Requirements;
use crate::x402::signature::{self, Signature};

pub use offers::Offers;
pub use presented::{PresentedTransfer, present};
pub use transfer::{EXPIRY_PAD_S, LiveTransfer, SignedAuthorization, VerifiedTransfer};

/// Verifies everything that needs neither clock nor chain, in the order of the module's list. What
/// is proven speaks of our own offer; nothing that the client echoed is used afterwards.
///
/// # Errors
/// The first check that fails.
pub fn verify(
    payment: &UnverifiedPayment,
    offers: &Offers<'_>,
) -> Result<VerifiedTransfer, ProofError> {
    let ours = offers.requirements();
    let agreed = match &payment.terms {
        Terms::V1 { scheme, network } => check_v1_terms(scheme, network, ours).map(|()| None)?,
        Terms::V2(accepted) => Some(check_accepted(accepted, offers)?),
    };
    check_recipient(&payment.to, ours.pay_to())?;
    check_payer(&payment.from, ours.pay_to())?;
    let value_units = check_value(payment.value, agreed, offers)?;
    let (valid_after_unix_s, valid_before_unix_s) = check_times(payment)?;
    let Signature { r, s, v } = signature::parse(&payment.signature)?;
    let token = ours.token();
    let authorization = SignedAuthorization {
        x402_version: payment.version,
        chain_id: token.chain_id(),
        token: *token.address(),
        from: payment.from,
        to: payment.to,
        value_units,
        valid_after_unix_s,
        valid_before_unix_s,
        nonce: B256::from(payment.nonce),
        r,
        s,
        v,
    };
    VerifiedTransfer::signed_by_payer(authorization, token)
}

/// What the chain must answer before a live transfer may be claimed: the authorization is unused,
/// and the payer holds the value.
///
/// # Errors
/// [`Reason::NonceAlreadyUsed`], [`Reason::InsufficientFunds`].
pub fn check_chain_state(
    transfer: &VerifiedTransfer,
    authorization_used: bool,
    balance_units: U256,
) -> Result<(), ProofError> {
    if authorization_used {
        const FIELD: &str = "payload.authorization.nonce";
        return Err(ProofError::new(
            Reason::NonceAlreadyUsed,
            FIELD,
            "an unused nonce",
            "one used or cancelled on the chain",
        ));
    }
    let value = transfer.value().get();
    if balance_units < U256::from(value) {
        let expected = format!("a balance of at least {value} units");
        return Err(ProofError::new(
            Reason::InsufficientFunds,
            "payload.authorization.from",
            expected,
            balance_units,
        ));
    }
    Ok(())
}

// === the checks ===

fn check_v1_terms(scheme: &str, network: &str, ours: &Requirements) -> Result<(), ProofError> {
    if scheme != "exact" {
        return Err(ProofError::new(Reason::UnsupportedScheme, "scheme", "exact", scheme));
    }
    match ours.network().v1_name() {
        Some(name) if name == network => Ok(()),
        Some(name) => Err(ProofError::new(Reason::InvalidNetwork, "network", name, network)),
        None => {
            let expected = format!("a version 2 payment on {}", ours.network().caip2());
            Err(ProofError::new(Reason::InvalidNetwork, "network", expected, network))
        }
    }
}

/// The amount that was agreed on. `extra` may be absent or hold more than we offered: our own
/// domain is used anyway.
fn check_accepted(accepted: &Accepted, offers: &Offers<'_>) -> Result<UsdcUnits, ProofError> {
    let ours = offers.requirements();
    let mismatch = |field, expected: &dyn fmt::Display, got: &dyn fmt::Display| {
        Err(ProofError::new(Reason::AcceptedMismatch, field, expected.to_string(), got))
    };
    let is = |text: &str, wallet: &Wallet| {
        Wallet::parse_any_case(text).is_ok_and(|parsed| parsed == *wallet)
    };
    if accepted.scheme != "exact" {
        return mismatch("accepted.scheme", &"exact", &accepted.scheme);
    }
    if accepted.network != ours.network().caip2() {
        return mismatch("accepted.network", &ours.network().caip2(), &accepted.network);
    }
    if !is(&accepted.asset, ours.token().address()) {
        return mismatch("accepted.asset", ours.token().address(), &accepted.asset);
    }
    if !is(&accepted.pay_to, ours.pay_to()) {
        return mismatch("accepted.payTo", ours.pay_to(), &accepted.pay_to);
    }
    if accepted.max_timeout_s != ours.max_timeout_s() {
        return mismatch(
            "accepted.maxTimeoutSeconds",
            &ours.max_timeout_s(),
            &accepted.max_timeout_s,
        );
    }
    match accepted.transfer_method.as_deref() {
        None | Some("eip3009") => {}
        Some(other) => return mismatch("accepted.extra.assetTransferMethod", &"eip3009", &other),
    }
    match offers.amount(accepted.amount) {
        Some(amount) => Ok(amount),
        None => mismatch("accepted.amount", &ours.amount().get(), &accepted.amount),
    }
}

fn check_recipient(to: &Wallet, pay_to: &Wallet) -> Result<(), ProofError> {
    if to == pay_to {
        return Ok(());
    }
    Err(ProofError::new(
        Reason::RecipientMismatch,
        "payload.authorization.to",
        pay_to.to_string(),
        to,
    ))
}

/// A transfer from the receiver to itself moves nothing.
fn check_payer(from: &Wallet, pay_to: &Wallet) -> Result<(), ProofError> {
    if from != pay_to {
        return Ok(());
    }
    Err(ProofError::new(
        Reason::SelfPayment,
        "payload.authorization.from",
        "a wallet other than payTo, which would pay itself",
        from,
    ))
}

fn check_value(
    value: U256,
    agreed: Option<UsdcUnits>,
    offers: &Offers<'_>,
) -> Result<UsdcUnits, ProofError> {
    let expected = agreed.unwrap_or(offers.requirements().amount());
    match offers.amount(value) {
        Some(units) if agreed.is_none_or(|agreed| agreed == units) => Ok(units),
        _ => {
            let expected = expected.get().to_string();
            Err(ProofError::new(
                Reason::ValueMismatch,
                "payload.authorization.value",
                expected,
                value,
            ))
        }
    }
}

/// A bound beyond 64 bits can never be met by [`VerifiedTransfer::within_window`], whatever the
/// clock says.
fn check_times(payment: &UnverifiedPayment) -> Result<(u64, u64), ProofError> {
    let reachable = |reason, field, bound: U256| {
        u64::try_from(bound)
            .map_err(|_| ProofError::new(reason, field, "a Unix time in seconds", bound))
    };
    let before =
        reachable(Reason::ValidBefore, "payload.authorization.validBefore", payment.valid_before)?;
    let after =
        reachable(Reason::ValidAfter, "payload.authorization.validAfter", payment.valid_after)?;
    Ok((after, before))
}
