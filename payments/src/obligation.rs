//! What is owed to a payer: where it stands, which steps there are from there, and which call it
//! funds.

mod state;

use std::num::NonZeroI64;

pub use state::{NoSuchStep, ObligationState, ObligationStep};

use crate::money::Amount;

/// What was paid for a call that the upstream refused: it funds a call of its own route, whole or
/// not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// What was paid, or what is left of it.
    pub amount: Amount,
    /// The key of the route that it was paid for, `POST /launches`; none for money whose payment
    /// the books do not know.
    pub route: Option<String>,
    /// An earlier call took its price, and this was left.
    pub is_rest: bool,
}

/// What a call takes of an entitlement that funds it, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// What the call is paid with.
    pub taken: i64,
    /// What stays owed, with the same deadline.
    pub rest: Option<NonZeroI64>,
}

impl Entitlement {
    /// Whether it funds a call of this route at this price. What was paid for one call funds one
    /// call, also when the price rose since; the rest that a cheaper call left never funds a dearer
    /// one. Where the route is not known, it funds a call of exactly its amount.
    pub fn funds(&self, route: &str, price: Amount) -> bool {
        let (Ok(amount), Ok(asked)) = (self.amount.minor(), price.minor()) else {
            // What no book can hold is met by nothing.
            return false;
        };
        let same_currency = self.amount.currency() == price.currency();
        match &self.route {
            Some(own) => own == route && same_currency && (amount >= asked || !self.is_rest),
            None => same_currency && amount == asked,
        }
    }
}

// === impl Share ===

impl Share {
    /// Of an entitlement of that amount by a call at that price, both in minor units.
    pub fn of(amount: i64, price: i64) -> Self {
        let taken = amount.min(price);
        Self { taken, rest: amount.checked_sub(taken).and_then(NonZeroI64::new) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_step_is_one_of_the_drawing_and_words_name_their_states() {
        use ObligationStep as Step;
        let named = [
            Step::RESERVE,
            Step::USE,
            Step::REOPEN,
            Step::EXPIRE,
            Step::CREDIT,
            Step::APPROVE,
            Step::PROVE,
            Step::LOSE,
            Step::FAIL,
        ];
        for step in named.into_iter().chain([Step::PAY_BY_HAND, Step::UNPAY]) {
            assert_eq!(step.from().step(step.to()), Ok(step));
        }
        for state in ObligationState::ALL {
            assert_eq!(ObligationState::from_word(state.word()), Some(state));
            assert_eq!(
                state.step(state),
                Err(NoSuchStep { from: state, to: state }),
                "standing still is no step"
            );
        }
        assert_eq!(ObligationState::from_word("refund_failed"), None);
    }

    #[test]
    fn what_was_used_or_given_back_funds_nothing_again() {
        use ObligationState::{Open, Refunded, Reserved, Used};
        for (from, to) in [
            (Used, Open),
            (Used, Reserved),
            (Refunded, Open),
            (Refunded, Used),
            (Open, Used),
            (Open, Refunded),
        ] {
            assert_eq!(from.step(to), Err(NoSuchStep { from, to }));
        }
    }
    use crate::money::{UsdCents, UsdcUnits};

    #[test]
    fn an_entitlement_funds_a_call_of_its_own_route_or_none() {
        let usdc = |units| Amount::Usdc(UsdcUnits::new(units));
        let paid = Entitlement {
            amount: usdc(10_000),
            route: Some(String::from("POST /cheap")),
            is_rest: false,
        };
        assert!(paid.funds("POST /cheap", usdc(10_000)));
        assert!(paid.funds("POST /cheap", usdc(12_000)), "its price rose");
        assert!(paid.funds("POST /cheap", usdc(9_000)), "its price fell");
        assert!(
            !paid.funds("POST /dear", usdc(5_000_000)) && !paid.funds("POST /dear", usdc(10_000))
        );
        assert!(!paid.funds("POST /cheap", Amount::Usd(UsdCents::new(10_000))));
        let rest = Entitlement { is_rest: true, ..paid.clone() };
        assert!(rest.funds("POST /cheap", usdc(10_000)) && rest.funds("POST /cheap", usdc(1)));
        assert!(!rest.funds("POST /cheap", usdc(10_001)), "a rest is never topped up");
        let unknown = Entitlement { route: None, ..paid };
        assert!(
            unknown.funds("POST /dear", usdc(10_000))
                && !unknown.funds("POST /cheap", usdc(12_000))
        );
        assert!(!unknown.funds("POST /cheap", usdc(9_000)));
    }

    #[test]
    fn a_call_takes_its_price_and_no_more_than_there_is() {
        let share = |amount, price| {
            (Share::of(amount, price).taken, Share::of(amount, price).rest.map(NonZeroI64::get))
        };
        assert_eq!(share(600, 500), (500, Some(100)));
        assert_eq!(share(500, 500), (500, None));
        assert_eq!(share(500, 600), (500, None));
        assert_eq!(share(i64::MAX, 1), (1, Some(i64::MAX - 1)));
    }
}
