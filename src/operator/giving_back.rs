//! Giving back what is owed, and changing what an account holds: one function for each, which the
//! API, the page and commands call. What is said of it is theirs.

use payments::{
    agent::Payer,
    charge::Refund,
    ids::PaymentId,
    money::Credits,
    obligation::ObligationState,
    ports::{
        AdjustmentError, BalanceCache, Books, CardBooks, CreditAccount, CreditAdjustment,
        ObligationRow, RailError, RefundApproval, RefundRefusal, UsdcRefund,
    },
    usdc_refunds::{UsdcRefundError, UsdcRefunds, approve_usdc_refund},
};

/// What such a change needs.
pub struct Accounts<'a> {
    /// Payments.
    pub books: &'a dyn Books,
    /// What is owed, and card accounts.
    pub cards: &'a dyn CardBooks,
    /// Balances as agents see them; forgotten after a change.
    pub balances: &'a dyn BalanceCache,
}

/// A refund that was approved, or would be.
pub enum Approved {
    /// The card processor gives it back.
    ByCard(CardRefund),
    /// The refund wallet sends it.
    InUsdc(UsdcRefund),
}

/// A refund to a card.
pub struct CardRefund {
    /// What the card processor is asked for.
    pub refund: Refund,
    /// What was owed before.
    pub owed: Option<ObligationRow>,
    /// Whether gateways show the account as it is from now on.
    pub shown: Shown,
}

/// A credit in the place of a refund that failed.
pub struct Credited {
    /// What the account has with it.
    pub balance: Credits,
    /// Whether gateways show it from now on.
    pub shown: Shown,
}

/// An account whose credits were changed, or would be.
pub struct Adjusted {
    /// How it is afterwards.
    pub account: CreditAccount,
    /// Whether gateways show it from now on.
    pub shown: Shown,
}

/// Whether gateways show an account as it is after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// From now on; also where nothing was changed.
    Anew,
    /// The cache does not answer: what was read before may still be shown.
    PerhapsAsBefore,
}

/// Why nothing was given back.
#[derive(Debug, thiserror::Error)]
pub enum NotGivenBack {
    /// The books, or what they hold, forbid it.
    #[error("{id}: {refusal}")]
    Refused {
        /// Of what.
        id: PaymentId,
        /// What is owed, where a refund to the card was refused.
        owed: Option<ObligationRow>,
        /// Why.
        #[source]
        refusal: RefundRefusal,
    },
    /// The chain does not say.
    #[error(transparent)]
    Rail(#[from] RailError),
}

// === impl CardRefund ===

impl CardRefund {
    /// Whether it takes back the credit that was given for the same debt.
    #[must_use]
    pub fn takes_credit(&self) -> bool {
        self.owed.as_ref().is_some_and(|owed| owed.state == ObligationState::Used.word())
    }
}

// === impl Accounts ===

impl Accounts<'_> {
    /// Gives a payment back: to its card, or from the refund wallet. `wallet` is asked only where
    /// no card paid.
    ///
    /// # Errors
    /// [`NotGivenBack`], or what `wallet` says.
    pub async fn approve_refund<E: From<NotGivenBack>>(
        &self,
        approval: &RefundApproval,
        wallet: impl Future<Output = Result<Option<UsdcRefunds>, E>>,
    ) -> Result<Approved, E> {
        let owed = self.owed(approval.intent).await?;
        let refused = match self.cards.approve_refund(approval.clone()).await {
            Ok(refund) => {
                let shown = self.show_anew(owed.as_ref(), approval.dry_run).await;
                return Ok(Approved::ByCard(CardRefund { refund, owed, shown }));
            }
            Err(refusal) => NotGivenBack::Refused { id: approval.intent, owed, refusal },
        };
        if let NotGivenBack::Refused { refusal: RefundRefusal::NotByCard, .. } = refused
            && let Some(wallet) = wallet.await?
        {
            let refund = approve_usdc_refund(&wallet, approval).await;
            return Ok(Approved::InUsdc(refund.map_err(|error| match error {
                UsdcRefundError::Refused(refusal) => {
                    NotGivenBack::Refused { id: approval.intent, owed: None, refusal }
                }
                UsdcRefundError::Rail(error) => NotGivenBack::Rail(error),
            })?));
        }
        Err(refused.into())
    }

    /// Gives the launch's credit in the place of a refund that failed.
    ///
    /// # Errors
    /// [`NotGivenBack`].
    pub async fn credit_instead(
        &self,
        approval: &RefundApproval,
    ) -> Result<Credited, NotGivenBack> {
        let id = approval.intent;
        let owed = self.owed(id).await?;
        match self.cards.credit_instead(approval.clone()).await {
            Ok(balance) => {
                let shown = self.show_anew(owed.as_ref(), approval.dry_run).await;
                Ok(Credited { balance, shown })
            }
            Err(refusal) => Err(NotGivenBack::Refused { id, owed, refusal }),
        }
    }

    /// Gives credits to an account, or takes them.
    ///
    /// # Errors
    /// [`AdjustmentError`].
    pub async fn adjust(&self, adjustment: CreditAdjustment) -> Result<Adjusted, AdjustmentError> {
        let (payer, dry_run) = (adjustment.payer.clone(), adjustment.dry_run);
        let account = self.cards.adjust_credits(adjustment).await?;
        Ok(Adjusted { account, shown: self.forget(&payer, dry_run).await })
    }

    /// Has gateways show an account as it is from now on.
    pub async fn forget(&self, payer: &Payer, dry_run: bool) -> Shown {
        if dry_run || self.balances.forget(payer).await {
            Shown::Anew
        } else {
            Shown::PerhapsAsBefore
        }
    }

    async fn owed(&self, id: PaymentId) -> Result<Option<ObligationRow>, NotGivenBack> {
        let evidence = self.books.evidence(id).await.map_err(|error| NotGivenBack::Refused {
            id,
            owed: None,
            refusal: RefundRefusal::Books(error),
        })?;
        Ok(evidence.and_then(|evidence| evidence.obligation))
    }

    async fn show_anew(&self, owed: Option<&ObligationRow>, dry_run: bool) -> Shown {
        match owed.and_then(|owed| owed.payer.parse().ok()) {
            Some(payer) => self.forget(&payer, dry_run).await,
            None => Shown::Anew,
        }
    }
}
