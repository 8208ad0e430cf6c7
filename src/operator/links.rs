//! Where a transaction or a charge can be looked at by its own keeper.

use payments::ports::desk::PaymentRow;

/// Explorers by chain.
const EXPLORERS: [(i64, &str); 2] =
    [(8453, "https://basescan.org/tx/"), (84532, "https://sepolia.basescan.org/tx/")];
const STRIPE_LIVE: &str = "https://dashboard.stripe.com/payments/";
const STRIPE_TEST: &str = "https://dashboard.stripe.com/test/payments/";

/// What has a keeper at all: a stand-in of ours has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Links {
    /// Transactions are on a chain that others see.
    pub chain: bool,
    /// Charges are at Stripe itself.
    pub stripe: bool,
}

// === impl Links ===

impl Links {
    /// The address of a transaction in the explorer of its chain.
    pub fn transaction(self, chain_id: i64, tx_hash: &str) -> Option<String> {
        let (_, explorer) =
            EXPLORERS.into_iter().find(|(chain, _)| *chain == chain_id && self.chain)?;
        plain(tx_hash).then(|| format!("{explorer}{tx_hash}"))
    }

    /// The address of a payment in Stripe's dashboard.
    pub fn charge(self, payment_intent: &str, live: bool) -> Option<String> {
        let page = if live { STRIPE_LIVE } else { STRIPE_TEST };
        (self.stripe && plain(payment_intent)).then(|| format!("{page}{payment_intent}"))
    }

    /// The address of what settled a payment.
    pub fn of_payment(self, row: &PaymentRow) -> Option<String> {
        let reference = row.reference.as_deref()?;
        match row.chain_id {
            Some(chain_id) => self.transaction(chain_id, reference),
            None => self.charge(reference, row.live?),
        }
    }
}

/// Nothing that would mean something else in an address.
fn plain(reference: &str) -> bool {
    !reference.is_empty()
        && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_keep_has_an_address_and_a_stand_in_has_none() {
        let real = Links { chain: true, stripe: true };
        assert_eq!(real.transaction(8453, "0xab").as_deref(), Some("https://basescan.org/tx/0xab"));
        assert_eq!(
            real.transaction(84532, "0xab").as_deref(),
            Some("https://sepolia.basescan.org/tx/0xab")
        );
        assert_eq!(real.transaction(1, "0xab"), None);
        assert_eq!(
            real.charge("pi_1", true).as_deref(),
            Some("https://dashboard.stripe.com/payments/pi_1")
        );
        assert_eq!(
            real.charge("pi_1", false).as_deref(),
            Some("https://dashboard.stripe.com/test/payments/pi_1")
        );
        assert_eq!(real.charge("pi_1/../x", false), None);
        let sandbox = Links { chain: false, stripe: false };
        assert_eq!(
            (sandbox.transaction(84532, "0xab"), sandbox.charge("pi_1", false)),
            (None, None)
        );
    }
}
