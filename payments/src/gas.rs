//! What a payment may cost in gas. Gas is paid in the chain's own coin, so a share of a price needs
//! the coin's price; without one the bound is a plain number of wei. And what it did cost, as the
//! journal has it.

use std::fmt;

use crate::{
    clearing::CentsMoved,
    money::Amount,
    settlement::{Attempt, AttemptKind},
};

/// Wei of one gwei.
const WEI_PER_GWEI: u128 = 1_000_000_000;
/// Gwei of one coin.
const GWEI_PER_COIN: i128 = 1_000_000_000;
/// Wei of one coin.
const WEI_PER_COIN: u128 = 1_000_000_000_000_000_000;
/// Millionths of a dollar of one cent.
const MICROS_PER_CENT: u16 = 10_000;

/// What was spent of the chain's own coin, in thousand millionths of it: below zero for what is
/// spent no more. The journal's unit, because 9.2 coins in wei are more than it holds; what is not
/// a whole gwei yet is booked once it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gwei(i64);

impl Gwei {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// What the journal calls the coin.
    pub const CURRENCY: &'static str = "ETH";
    /// Decimals of one coin in this unit.
    pub const DECIMALS: usize = 9;

    /// So many gwei.
    #[must_use]
    pub const fn new(gwei: i64) -> Self {
        Self(gwei)
    }

    /// The gwei.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The whole gwei of so many wei; none where the journal cannot hold them.
    #[must_use]
    pub fn of_wei(wei: u128) -> Option<Self> {
        i64::try_from(wei / WEI_PER_GWEI).ok().map(Self)
    }

    /// The difference, or `None` when it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// What it is worth in cents, rounded towards zero, where one coin costs so many millionths of
    /// a dollar; none where that does not fit.
    #[must_use]
    pub fn cents_at(self, coin_usd_micros: u64) -> Option<CentsMoved> {
        let micros = i128::from(self.0).checked_mul(i128::from(coin_usd_micros))? / GWEI_PER_COIN;
        i64::try_from(micros / i128::from(MICROS_PER_CENT)).ok().map(CentsMoved::new)
    }
}

impl fmt::Display for Gwei {
    /// In coins, all nine decimals but the zeros behind the second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let digits = format!("{:0>10}", self.0.unsigned_abs());
        let (whole, part) = digits.split_at(digits.len().saturating_sub(Self::DECIMALS));
        let kept = part.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{whole}.{}", part.get(..kept).unwrap_or(part))
    }
}

/// The most that one payment may cost in gas, over all of its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasBound {
    /// Never more than this, whatever the price.
    pub plain_wei: u128,
    /// A share of the price, where the coin's price is known.
    pub share: Option<GasShare>,
}

/// A share of a price in dollars, in the chain's coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasShare {
    /// Per cent of the price.
    pub percent: u32,
    /// What one coin costs, in millionths of a dollar; never 0.
    pub coin_usd_micros: u64,
}

impl GasBound {
    /// In wei, for a payment of this price.
    pub fn of(&self, price: Amount) -> u128 {
        let micros = match price {
            Amount::Usdc(units) => u128::from(units.get()),
            Amount::Usd(cents) => {
                u128::from(cents.get()).saturating_mul(u128::from(MICROS_PER_CENT))
            }
            // A credit needs no settlement on a chain.
            Amount::Credits(_) => return self.plain_wei,
        };
        let share = self.share.and_then(|share| share.of(micros));
        share.map_or(self.plain_wei, |wei| wei.min(self.plain_wei))
    }

    /// What is left in wei for the transaction under this nonce: the bound, less what the payment's
    /// other nonces cost or may still cost.
    pub fn left_for(&self, price: Amount, attempts: &[Attempt], nonce: &Attempt) -> u128 {
        let same = |one: &Attempt, other: &Attempt| {
            (one.signer, one.eoa_nonce) == (other.signer, other.eoa_nonce)
        };
        let mut others: Vec<&Attempt> = Vec::new();
        for attempt in attempts.iter().filter(|attempt| !same(attempt, nonce)) {
            match others.iter_mut().find(|other| same(other, attempt)) {
                // Of the transactions under one nonce one is mined: the dearest, as long as it is
                // not known.
                Some(other) if cost(attempt) > cost(other) => *other = attempt,
                Some(_) => {}
                None => others.push(attempt),
            }
        }
        let spent =
            others.into_iter().fold(0_u128, |sum, attempt| sum.saturating_add(cost(attempt)));
        self.of(price).saturating_sub(spent)
    }
}

impl GasShare {
    fn of(self, usd_micros: u128) -> Option<u128> {
        let share = usd_micros.checked_mul(u128::from(self.percent))?;
        share
            .checked_mul(WEI_PER_COIN)?
            .checked_div(u128::from(self.coin_usd_micros).checked_mul(100)?)
    }
}

/// What a transaction cost, or the most that it can cost.
fn cost(attempt: &Attempt) -> u128 {
    attempt.fee_wei.unwrap_or_else(|| {
        attempt.max_fee_per_gas_wei.saturating_mul(u128::from(attempt.kind.gas_limit()))
    })
}

impl AttemptKind {
    /// The gas that a transaction of this kind may use. A settlement: the token behind its proxy
    /// needs 60,000 to 110,000, the rest is margin for a payer or receiver whose balance slot is
    /// new; what is not used is not charged. An empty transaction: what every transaction costs.
    pub const fn gas_limit(self) -> u64 {
        match self {
            Self::Transfer => 150_000,
            Self::Void => 21_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{UsdCents, UsdcUnits};

    const PRICE: Amount = Amount::Usdc(UsdcUnits::new(550_000));

    #[test]
    fn a_share_of_the_price_is_valued_where_the_coin_has_a_price() {
        let plain = GasBound { plain_wei: 1_000_000_000_000_000, share: None };
        assert_eq!(plain.of(PRICE), 1_000_000_000_000_000);
        // Half of 0.55 at 2,500 dollars a coin.
        let shared = GasBound {
            share: Some(GasShare { percent: 50, coin_usd_micros: 2_500_000_000 }),
            ..plain
        };
        assert_eq!(shared.of(PRICE), 110_000_000_000_000);
        assert_eq!(shared.of(Amount::Usd(UsdCents::new(55))), 110_000_000_000_000);
        assert_eq!(GasBound { plain_wei: 5, ..shared }.of(PRICE), 5, "the plain bound holds too");
        let absurd = GasBound {
            plain_wei: 7,
            share: Some(GasShare { percent: u32::MAX, coin_usd_micros: 1 }),
        };
        assert_eq!(
            absurd.of(Amount::Usdc(UsdcUnits::new(u64::MAX))),
            7,
            "what cannot be computed is bounded plainly"
        );
    }

    #[test]
    fn spent_gas_is_booked_in_whole_gwei_and_valued_by_the_coins_price() {
        assert_eq!(Gwei::of_wei(1_999_999_999), Some(Gwei::new(1)));
        assert_eq!(Gwei::of_wei(u128::MAX), None);
        let spent = Gwei::new(12_345_678);
        assert_eq!(
            (spent.to_string().as_str(), Gwei::new(-1_500_000_000).to_string().as_str()),
            ("0.012345678", "-1.50")
        );
        // 0.0123 coins at 2,500 dollars.
        assert_eq!(spent.cents_at(2_500_000_000), Some(CentsMoved::new(3_086)));
        assert_eq!(Gwei::new(i64::MAX).cents_at(u64::MAX), None);
    }
}
