//! What one transfer to us is, and whether a settlement is where the books say.

use crate::{
    intent::State,
    ports::{BookedTransfer, ClaimedAuthorization, ReceiptKind, Received},
};

/// What a transfer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A settlement of ours, perhaps in another place than booked: whoever looks at settlements
    /// moves it.
    Settles,
    /// Its payment is being decided; its driver books it.
    Undecided,
    /// Nothing moved.
    Nothing,
    /// Money that settles nothing.
    Receipt(ReceiptKind, String),
}

/// By what its authorization was claimed for; none for a plain transfer, or one that nobody showed
/// us.
pub(super) fn meaning(
    transfer: &Received,
    authorized: bool,
    claimed: Option<&ClaimedAuthorization>,
) -> Meaning {
    let (from, value) = (transfer.from, transfer.value);
    if value.get() == 0 {
        return Meaning::Nothing;
    }
    let Some(claimed) = claimed else {
        let how = if authorized {
            "by an authorization that was never shown to us"
        } else {
            "without an authorization"
        };
        return Meaning::Receipt(
            ReceiptKind::Unmatched,
            format!("{value} USDC came from {from} {how}; it is kept in suspense"),
        );
    };
    let unearned = |why: &str| {
        let of = claimed.intent.map(|(id, _)| format!(" of {id}")).unwrap_or_default();
        Meaning::Receipt(
            ReceiptKind::Unearned,
            format!("{value} USDC came from {from}: {why}{of}; it is owed back"),
        )
    };
    match claimed.intent {
        _ if claimed.settled && claimed.pays => Meaning::Settles,
        _ if !claimed.pays => unearned("somebody cashed a proof that was only to say who asks"),
        Some((_, State::PayFailed)) => {
            unearned("it arrived after its payment had failed, for the payment")
        }
        Some((_, State::Queued | State::Signed | State::Submitted | State::SubmitUnknown)) => {
            Meaning::Undecided
        }
        _ => {
            let of = claimed
                .intent
                .map(|(id, state)| format!(" ({id} is {})", state.word()))
                .unwrap_or_default();
            Meaning::Receipt(
                ReceiptKind::Unmatched,
                format!(
                    "{value} USDC came from {from}, and its settlement is not in the books{of}"
                ),
            )
        }
    }
}

/// How a booked settlement stands beside the logs of its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Beside {
    /// It is there.
    Same,
    /// Another amount is there.
    Differs(String),
    /// It is not there.
    Absent,
}

pub(super) fn beside(booked: &BookedTransfer, shown: Option<&Received>) -> Beside {
    match shown.filter(|shown| shown.from == booked.from) {
        None => Beside::Absent,
        Some(shown) if shown.value == booked.amount => Beside::Same,
        Some(shown) => Beside::Differs(format!(
            "the books say {} USDC and the chain {} USDC in {} (log {})",
            booked.amount, shown.value, booked.proof.tx_hash, booked.proof.log_index
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::Wallet,
        ids::PaymentId,
        money::UsdcUnits,
        ports::LogPlace,
        settlement::{ChainHash, SettlementProof},
    };

    fn received(units: u64) -> Received {
        let place = LogPlace { tx_hash: ChainHash([7; 32]), log_index: 3 };
        Received {
            place,
            block_number: 9,
            from: Wallet::new([1; 20]),
            value: UsdcUnits::new(units),
        }
    }

    fn claimed(pays: bool, state: Option<State>, settled: bool) -> ClaimedAuthorization {
        let id = PaymentId::new(uuid::Uuid::from_u128(1));
        ClaimedAuthorization { pays, intent: state.map(|state| (id, state)), settled }
    }

    fn kind(authorized: bool, claimed: Option<ClaimedAuthorization>) -> ReceiptKind {
        match meaning(&received(550_000), authorized, claimed.as_ref()) {
            Meaning::Receipt(kind, _) => kind,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn money_is_owed_to_whoever_signed_for_something_else_or_too_late() {
        assert_eq!(
            kind(true, Some(claimed(false, None, false))),
            ReceiptKind::Unearned,
            "a free read"
        );
        assert_eq!(
            kind(true, Some(claimed(false, Some(State::Created), false))),
            ReceiptKind::Unearned,
            "a free launch"
        );
        assert_eq!(
            kind(true, Some(claimed(true, Some(State::PayFailed), false))),
            ReceiptKind::Unearned,
            "too late"
        );
        // A proof that joined a paid intent is not the one that paid it.
        assert_eq!(
            kind(true, Some(claimed(false, Some(State::Created), true))),
            ReceiptKind::Unearned
        );
    }

    #[test]
    fn money_that_nobody_showed_us_is_in_suspense() {
        assert_eq!(kind(false, None), ReceiptKind::Unmatched);
        assert_eq!(kind(true, None), ReceiptKind::Unmatched);
        assert_eq!(
            kind(true, Some(claimed(true, Some(State::Created), false))),
            ReceiptKind::Unmatched,
            "a settlement that is missing"
        );
    }

    #[test]
    fn a_settlement_and_a_payment_that_is_being_decided_are_no_receipts() {
        let meaning = |state, settled| {
            meaning(&received(1), true, Some(&claimed(true, Some(state), settled)))
        };
        assert_eq!(meaning(State::Created, true), Meaning::Settles);
        for state in [State::Signed, State::Submitted, State::SubmitUnknown] {
            assert_eq!(meaning(state, false), Meaning::Undecided);
        }
        assert_eq!(super::meaning(&received(0), false, None), Meaning::Nothing);
    }

    #[test]
    fn a_settlement_is_its_payers_log_with_its_amount() {
        let proof = SettlementProof {
            tx_hash: ChainHash([7; 32]),
            block_number: 9,
            block_hash: ChainHash([8; 32]),
            log_index: 3,
            fee_wei: 0,
        };
        let intent = PaymentId::new(uuid::Uuid::from_u128(1));
        let booked = BookedTransfer {
            intent,
            proof,
            from: Wallet::new([1; 20]),
            amount: UsdcUnits::new(5),
            is_final: false,
        };
        assert_eq!(beside(&booked, Some(&received(5))), Beside::Same);
        assert!(matches!(beside(&booked, Some(&received(6))), Beside::Differs(_)));
        assert_eq!(beside(&booked, None), Beside::Absent);
        assert_eq!(
            beside(&booked, Some(&Received { from: Wallet::new([2; 20]), ..received(5) })),
            Beside::Absent
        );
    }
}
