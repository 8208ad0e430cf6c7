//! Refunds in USDC: signed by a wallet that does nothing else, saved, sent and proven like a
//! settlement.
//!
//! An approval takes one nonce of the wallet. Everything that is signed for it is signed under that
//! nonce: the transfer, the same at a higher fee, and an empty transaction in its place when it was
//! not mined in time. So one of them at most is ever mined, and only when none of them can be any
//! more, in a block that is final, is the debt due again.

use std::sync::Arc;

use crate::{
    gas::GasBound,
    ids::PaymentId,
    money::{Amount, UsdcUnits},
    ports::{
        BooksError, CardBooks, ChainRail, Clock, RailError, Raised, RefundApproval, RefundRail,
        RefundRefusal, Standing, UsdcRefund, UsdcRefundBooks, UsdcRefundChange, UsdcRefundNote,
        UsdcRefundOrder, UsdcRefundOutcome, UsdcRefundState,
    },
    settlement::{Attempt, AttemptKind},
};

/// How many refunds one round looks at.
const ROUND_LIMIT: u32 = 64;
/// How long a look keeps others away.
const LEASE_MS: i64 = 30_000;
/// The shortest and the longest time between two looks at a refund that is not decided, and at one
/// that is not final.
const LOOK_AGAIN_MS: (i64, i64) = (1_500, 60_000);
/// How long a refund may wait for its block before an empty transaction is signed in its place.
const CANCEL_AFTER_MS: i64 = 24 * 3_600_000;

/// The refund wallet with its books.
#[derive(Clone)]
pub struct UsdcRefunds {
    /// Where transactions go.
    pub chain: Arc<dyn ChainRail>,
    /// The wallet.
    pub wallet: Arc<dyn RefundRail>,
    /// Refunds.
    pub books: Arc<dyn UsdcRefundBooks>,
    /// Debts.
    pub owed: Arc<dyn CardBooks>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What one refund may cost in gas.
    pub gas: GasBound,
    /// The most that may be approved on one day in UTC.
    pub per_day: UsdcUnits,
    /// How long after its approval a refund that is not decided becomes a finding.
    pub stuck_after_ms: i64,
}

/// Why a refund was not approved. Nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum UsdcRefundError {
    /// The books, or what they hold, forbid it.
    #[error(transparent)]
    Refused(#[from] RefundRefusal),
    /// The chain does not say.
    #[error(transparent)]
    Rail(#[from] RailError),
}

/// What a round of looks changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct UsdcRefundRound {
    /// Looked at.
    pub looks: u32,
    /// Proven paid.
    pub refunded: Vec<PaymentId>,
    /// Taken back by a reorganisation, and sent again.
    pub lost: Vec<PaymentId>,
    /// Not paid: due again.
    pub failed: Vec<PaymentId>,
    /// Overdue and not decided.
    pub stuck: Vec<PaymentId>,
}

/// Approves the refund of a debt in USDC: signed and saved in one commit, and sent by the next
/// round.
///
/// # Errors
/// [`UsdcRefundError`].
pub async fn approve_usdc_refund(
    parts: &UsdcRefunds,
    approval: &RefundApproval,
) -> Result<UsdcRefund, UsdcRefundError> {
    let owed = parts.owed.usdc_owed(approval.intent).await?;
    let view = parts
        .wallet
        .refund_view(owed.wallet, owed.amount, parts.gas.of(Amount::Usdc(owed.amount)))
        .await?;
    if view.held < owed.amount {
        return Err(RefundRefusal::WalletTooPoor { held: view.held, needed: owed.amount }.into());
    }
    if let Some(words) = view.would_revert.clone() {
        if !approval.dry_run {
            parts
                .books
                .note_usdc_refund_refused(approval.intent, &words, approval.at)
                .await
                .map_err(RefundRefusal::Books)?;
        }
        return Err(RefundRefusal::TokenRefuses(words).into());
    }
    let order = UsdcRefundOrder {
        approval,
        owed,
        chain_id: parts.chain.chain_id(),
        view: &view,
        per_day: parts.per_day,
    };
    Ok(parts.books.approve_usdc_refund(&order).await?)
}

/// Looks at every refund whose time has come. One that cannot be decided waits by itself.
///
/// # Errors
/// [`BooksError`] when the books do not answer. A node that does not answer ends the round.
pub async fn usdc_refund_round(parts: &UsdcRefunds) -> Result<UsdcRefundRound, BooksError> {
    let mut round = UsdcRefundRound::default();
    while round.looks < ROUND_LIMIT {
        let now = parts.clock.now();
        let Some(refund) = parts
            .books
            .take_usdc_refund(parts.chain.chain_id(), now, now.plus_ms(LEASE_MS))
            .await?
        else {
            break;
        };
        round.looks += 1;
        let looked = look_at_refund(parts, &refund).await?;
        let (change, answered) =
            looked.map_or((UsdcRefundChange::Same, false), |change| (change, true));
        let note = note(parts, &refund, change).await;
        if !parts.books.note_usdc_refund(&refund, &note).await? {
            continue;
        }
        match (&note.change, refund.state) {
            (UsdcRefundChange::Paid(_), UsdcRefundState::Sent) => round.refunded.push(refund.owed),
            (UsdcRefundChange::Lost, _) => round.lost.push(refund.owed),
            (UsdcRefundChange::Failed(_), _) => round.failed.push(refund.owed),
            (UsdcRefundChange::Same, _) if note.is_stuck => round.stuck.push(refund.owed),
            (UsdcRefundChange::Paid(_) | UsdcRefundChange::Final | UsdcRefundChange::Same, _) => {}
        }
        // A node that hangs would hang for each of them.
        if !answered {
            break;
        }
    }
    Ok(round)
}

/// `None` when the node does not say.
async fn look_at_refund(
    parts: &UsdcRefunds,
    refund: &UsdcRefund,
) -> Result<Option<UsdcRefundChange>, BooksError> {
    match (refund.state, &refund.proof) {
        (UsdcRefundState::Refunded, Some(proof)) => {
            let Ok(standing) = parts.chain.standing(std::slice::from_ref(proof)).await else {
                return Ok(None);
            };
            Ok(match standing.first() {
                Some(Standing::Final) => Some(UsdcRefundChange::Final),
                Some(Standing::Displaced) => displaced(parts, refund).await,
                Some(Standing::Stands | Standing::NotKnown) | None => Some(UsdcRefundChange::Same),
            })
        }
        (UsdcRefundState::Refunded | UsdcRefundState::Sent, _) => undecided(parts, refund).await,
        (UsdcRefundState::Failed, _) => Ok(Some(UsdcRefundChange::Same)),
    }
}

/// Its block is gone: where is it now?
async fn displaced(parts: &UsdcRefunds, refund: &UsdcRefund) -> Option<UsdcRefundChange> {
    match parts.wallet.refund_outcome(refund).await.ok()? {
        UsdcRefundOutcome::Paid(proof) => Some(UsdcRefundChange::Paid(proof)),
        // Sent again, or due again, once the books call it undecided.
        UsdcRefundOutcome::Unused | UsdcRefundOutcome::Failed(_) => Some(UsdcRefundChange::Lost),
        UsdcRefundOutcome::Used => Some(UsdcRefundChange::Same),
    }
}

async fn undecided(
    parts: &UsdcRefunds,
    refund: &UsdcRefund,
) -> Result<Option<UsdcRefundChange>, BooksError> {
    match parts.wallet.refund_outcome(refund).await {
        Ok(UsdcRefundOutcome::Paid(proof)) => Ok(Some(UsdcRefundChange::Paid(proof))),
        Ok(UsdcRefundOutcome::Failed(why)) => Ok(Some(UsdcRefundChange::Failed(why))),
        Ok(UsdcRefundOutcome::Used) => Ok(Some(UsdcRefundChange::Same)),
        Ok(UsdcRefundOutcome::Unused) => {
            send(parts, refund).await.map(|()| Some(UsdcRefundChange::Same))
        }
        Err(_) => Ok(None),
    }
}

/// The same bytes, the same at a higher fee, or nothing in their place: each saved before it is
/// sent.
async fn send(parts: &UsdcRefunds, refund: &UsdcRefund) -> Result<(), BooksError> {
    let Some(last) = refund.attempts.last() else { return Ok(()) };
    let now = parts.clock.now();
    let gas_wei = parts.gas.left_for(Amount::Usdc(refund.amount), &refund.attempts, last);
    let late = now >= refund.approved_at.plus_ms(CANCEL_AFTER_MS);
    let new: Option<Attempt> = match last.kind {
        // At its bound the transfer stays what it is.
        AttemptKind::Transfer if late => {
            parts.chain.void(refund.owed, last, gas_wei, now).await.ok()
        }
        AttemptKind::Transfer | AttemptKind::Void => {
            match parts.chain.bump(refund.owed, last, gas_wei, now).await {
                Ok(Raised::Higher(raised)) => Some(raised),
                Ok(Raised::NotNow | Raised::AtBound) | Err(_) => None,
            }
        }
    };
    match &new {
        Some(new) if !parts.books.save_usdc_refund_attempt(refund, new).await? => return Ok(()),
        Some(_) | None => {}
    }
    parts.chain.send(new.as_ref().unwrap_or(last)).await;
    Ok(())
}

async fn note(
    parts: &UsdcRefunds,
    refund: &UsdcRefund,
    change: UsdcRefundChange,
) -> UsdcRefundNote {
    let decided = matches!(change, UsdcRefundChange::Paid(_) | UsdcRefundChange::Failed(_));
    // What it cost is not worth waiting for: a payer's money is booked without it.
    let fees_wei = if decided {
        parts.chain.fees_paid(&refund.attempts).await.unwrap_or_default()
    } else {
        Vec::new()
    };
    let at = parts.clock.now();
    let next_look_at = match change {
        UsdcRefundChange::Final | UsdcRefundChange::Failed(_) => None,
        UsdcRefundChange::Paid(_) | UsdcRefundChange::Lost => Some(at.plus_ms(LOOK_AGAIN_MS.0)),
        UsdcRefundChange::Same => {
            let age_ms = at.ms().saturating_sub(refund.approved_at.ms());
            Some(at.plus_ms((age_ms / 8).clamp(LOOK_AGAIN_MS.0, LOOK_AGAIN_MS.1)))
        }
    };
    let undecided = refund.state == UsdcRefundState::Sent && change == UsdcRefundChange::Same;
    let is_stuck = undecided && at >= refund.approved_at.plus_ms(parts.stuck_after_ms);
    UsdcRefundNote { change, fees_wei, next_look_at, is_stuck, at }
}
