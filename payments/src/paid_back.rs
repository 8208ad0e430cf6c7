//! USDC that an operator sent back by hand: a transfer is checked on the chain and booked against
//! the debt that it paid.

use crate::{
    agent::Wallet,
    ids::PaymentId,
    ports::{
        BooksError, CardBooks, ChainHistory, PaidBack, RailError, Receiver, ReconcileBooks,
        RefundRefusal, TokenTransfer, UsdcOwed,
    },
    settlement::ChainHash,
    time::UnixMs,
};

/// What an operator says of a debt that was paid by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidByHand {
    /// The payment, or the receipt, that is owed back.
    pub id: PaymentId,
    /// The transaction that paid it.
    pub tx_hash: ChainHash,
    /// Why; kept with it.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: &'static str,
    /// Now.
    pub at: UnixMs,
    /// Only says what would come of it; nothing changes.
    pub dry_run: bool,
}

/// Why a transaction does not pay a debt. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum PaidBackError {
    /// Nothing is due in USDC under this name, or the transfer is used.
    #[error(transparent)]
    Refused(#[from] RefundRefusal),
    /// The chain does not show the transaction as one that succeeded.
    #[error("the transaction is not on the chain, or it failed")]
    NotMined,
    /// It is so new that it is not counted yet.
    #[error("the transaction has too few confirmations; try again in a moment")]
    TooNew,
    /// No transfer in it pays this debt.
    #[error(
        "no transfer in the transaction sends exactly {amount} USDC to {wallet} after the payment came"
    )]
    NoSuchTransfer {
        /// What is owed.
        amount: crate::money::UsdcUnits,
        /// To whom.
        wallet: Wallet,
    },
    /// The chain does not say.
    #[error(transparent)]
    Rail(#[from] RailError),
}

/// Checks the transaction's log and books the debt as paid: exactly the amount, to the payer, by
/// somebody else, after the money came, and by a transfer that paid nothing else.
///
/// # Errors
/// [`PaidBackError`].
pub async fn book_paid_by_hand(
    chain: &dyn ChainHistory,
    books: &dyn CardBooks,
    receiver: &Receiver,
    said: PaidByHand,
) -> Result<PaidBack, PaidBackError> {
    let owed = books.usdc_owed(said.id).await?;
    let transfers = chain.transfers_of(said.tx_hash).await?.ok_or(PaidBackError::NotMined)?;
    let used =
        books.paid_back_by(receiver.chain_id, said.tx_hash).await.map_err(RefundRefusal::Books)?;
    let fitting: Vec<TokenTransfer> =
        transfers.into_iter().filter(|transfer| pays(transfer, &owed)).collect();
    let Some(transfer) =
        fitting.iter().find(|transfer| !used.contains(&transfer.place.log_index)).cloned()
    else {
        return Err(if fitting.is_empty() {
            PaidBackError::NoSuchTransfer { amount: owed.amount, wallet: owed.wallet }
        } else {
            RefundRefusal::TransferUsed.into()
        });
    };
    if transfer.block_number > chain.heads().await?.confirmed {
        return Err(PaidBackError::TooNew);
    }
    let from_pay_to = transfer.from == receiver.pay_to;
    let PaidByHand { reason, via, at, dry_run, .. } = said;
    let paid = PaidBack {
        owed,
        chain_id: receiver.chain_id,
        transfer,
        from_pay_to,
        reason,
        via,
        at,
        dry_run,
    };
    books.note_paid_back(&paid).await?;
    Ok(paid)
}

fn pays(transfer: &TokenTransfer, owed: &UsdcOwed) -> bool {
    let sent_back = transfer.to == owed.wallet && transfer.from != owed.wallet;
    sent_back && transfer.value == owed.amount && transfer.block_number > owed.since_block
}

/// Why a look at such transfers ended early.
#[derive(Debug, thiserror::Error)]
pub enum PaidBackLookError {
    /// The chain does not say.
    #[error(transparent)]
    Rail(#[from] RailError),
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// Looks at transfers that a reorganisation may still take away, and returns the debts that are due
/// again because one is gone.
///
/// # Errors
/// [`PaidBackLookError`]: what was not looked at is looked at by the next run.
pub async fn look_at_paid_back(
    chain: &dyn ChainHistory,
    books: &dyn ReconcileBooks,
    chain_id: u64,
    at: UnixMs,
) -> Result<Vec<PaymentId>, PaidBackLookError> {
    let unsettled = books.unsettled_paid_back(chain_id).await?;
    if unsettled.is_empty() {
        return Ok(Vec::new());
    }
    let heads = chain.heads().await?;
    let mut due_again = Vec::new();
    for transfer in unsettled.iter().filter(|transfer| transfer.block_number <= heads.settled) {
        let shown = chain.transfers_of(transfer.place.tx_hash).await?.unwrap_or_default();
        let stands = shown
            .iter()
            .any(|it| it.place == transfer.place && it.block_number == transfer.block_number);
        books.note_paid_back_fate(transfer, stands, at).await?;
        if !stands {
            due_again.push(transfer.owed);
        }
    }
    Ok(due_again)
}
