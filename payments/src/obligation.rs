//! What is owed to a payer, and which call it funds.

use crate::money::Amount;

/// What was paid for a call that the upstream refused: it funds a call of its own route, whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// What was paid.
    pub amount: Amount,
    /// The key of the route that it was paid for, `POST /launches`; none for money whose payment the books do not know.
    pub route: Option<String>,
}

impl Entitlement {
    /// Whether it funds a call of this route at this price. A price that rose since is covered; one that fell is not: what would be left of the
    /// entitlement stays owed as a whole. Where the route is not known, it funds a call of exactly its amount.
    pub fn funds(&self, route: &str, price: Amount) -> bool {
        match &self.route {
            Some(own) => own == route && self.amount.currency() == price.currency() && is_at_most(self.amount, price),
            None => self.amount == price,
        }
    }
}

fn is_at_most(amount: Amount, price: Amount) -> bool {
    match (amount.minor(), price.minor()) {
        (Ok(amount), Ok(price)) => amount <= price,
        // What no book can hold is met by nothing.
        (Err(_), _) | (_, Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{UsdCents, UsdcUnits};

    #[test]
    fn an_entitlement_funds_a_call_of_its_own_route_or_none() {
        let usdc = |units| Amount::Usdc(UsdcUnits::new(units));
        let entitlement = Entitlement { amount: usdc(10_000), route: Some(String::from("POST /cheap")) };
        assert!(entitlement.funds("POST /cheap", usdc(10_000)));
        assert!(entitlement.funds("POST /cheap", usdc(12_000)), "its price rose");
        assert!(!entitlement.funds("POST /cheap", usdc(9_000)), "the rest would be lost");
        assert!(!entitlement.funds("POST /dear", usdc(5_000_000)) && !entitlement.funds("POST /dear", usdc(10_000)));
        assert!(!entitlement.funds("POST /cheap", Amount::Usd(UsdCents::new(10_000))));
        let unknown = Entitlement { route: None, ..entitlement };
        assert!(unknown.funds("POST /dear", usdc(10_000)) && !unknown.funds("POST /cheap", usdc(12_000)));
    }
}
