//! What the agent agrees to pay. A server may ask for anything; an agent signs only for the token
//! that its owner named, up to a limit.

use payments::agent::Wallet;
use payments::money::UsdcUnits;
use payments::x402::X402Version;
use payments::x402::offer::{Network, Token};
use serde_json::Value;

use super::challenge::{Challenge, Offer};

/// What the owner allows.
#[derive(Clone, Debug)]
pub struct Spending {
    /// The only token that is ever signed for; it names its chain.
    pub token: Token,
    /// The most that one request may cost.
    pub most: UsdcUnits,
}

/// An offer that the agent agreed to. Only [`Spending::choose`] makes one, and only of this is
/// anything signed.
#[derive(Clone, Debug)]
pub struct Agreed {
    pub(super) version: X402Version,
    pub(super) network: String,
    pub(super) token: Token,
    pub(super) pay_to: Wallet,
    pub(super) amount: UsdcUnits,
    pub(super) max_timeout_s: u64,
    /// The offer as it came, and the challenge's `resource`: version 2 wants both back.
    pub(super) element: Value,
    pub(super) resource: Option<Value>,
}

/// Why the agent does not pay. Nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No offer on the expected chain.
    #[error(
        "refused to pay: the server asks for payment on {asked}, this agent pays on {expected} only"
    )]
    Network {
        /// The chain that is asked for.
        asked: String,
        /// The agent's chain.
        expected: String,
    },
    /// Another token, or another signing domain under its address.
    #[error(
        "refused to pay: the server asks for the token {asked}, this agent pays with {expected} only"
    )]
    Asset {
        /// The token that is asked for.
        asked: String,
        /// The agent's token.
        expected: String,
    },
    /// Not a plain transfer of an exact amount.
    #[error("refused to pay: the scheme {0:?} is not one that this agent pays")]
    Scheme(String),
    /// Above the limit.
    #[error("refused to pay: {asked} USDC is asked for, the limit is {most} USDC (--max-usdc)")]
    AboveLimit {
        /// What is asked for.
        asked: UsdcUnits,
        /// The limit.
        most: UsdcUnits,
    },
    /// A member is missing or unreadable.
    #[error("refused to pay: the offer has no usable {0}")]
    Unusable(&'static str),
}

// === impl Spending ===

impl Spending {
    /// The first offer that the agent agrees to, or why it agrees to none: the reason of the offer
    /// that came furthest.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn choose(&self, challenge: &Challenge) -> Result<Agreed, Refusal> {
        let mut furthest = Refusal::Unusable("accepts");
        let mut reached = 0;
        for offer in challenge.offers() {
            match self.check(challenge, offer) {
                Ok(agreed) => return Ok(agreed),
                Err(refusal) if refusal.depth() > reached => {
                    (reached, furthest) = (refusal.depth(), refusal)
                }
                Err(_) => {}
            }
        }
        Err(furthest)
    }

    fn check(&self, challenge: &Challenge, offer: &Offer) -> Result<Agreed, Refusal> {
        if offer.scheme != "exact" {
            return Err(Refusal::Scheme(offer.scheme.clone()));
        }
        let network = Network::new(self.token.chain_id());
        if !offer.is_on(&network) {
            return Err(Refusal::Network {
                asked: offer.network.clone(),
                expected: network.caip2().to_owned(),
            });
        }
        self.check_asset(offer)?;
        let pay_to = offer.pay_to.ok_or(Refusal::Unusable("payTo"))?;
        if offer.max_timeout_s == 0 {
            return Err(Refusal::Unusable("maxTimeoutSeconds"));
        }
        let amount = offer.amount.ok_or(Refusal::Unusable("amount"))?;
        if amount > self.most {
            return Err(Refusal::AboveLimit { asked: amount, most: self.most });
        }
        Ok(Agreed {
            version: challenge.version(),
            network: offer.network.clone(),
            token: self.token.clone(),
            pay_to,
            amount,
            max_timeout_s: offer.max_timeout_s,
            element: offer.element.clone(),
            resource: challenge.json().get("resource").cloned(),
        })
    }

    fn check_asset(&self, offer: &Offer) -> Result<(), Refusal> {
        let asset = offer.asset.ok_or(Refusal::Unusable("asset"))?;
        let token = &self.token;
        let domain = (offer.domain_name.as_str(), offer.domain_version.as_str());
        if asset == *token.address() && domain == (token.domain_name(), token.domain_version()) {
            return Ok(());
        }
        let named =
            |address: String, name: &str, version: &str| format!("{address} ({name} {version})");
        Err(Refusal::Asset {
            asked: named(asset.checksummed(), domain.0, domain.1),
            expected: named(
                token.address().checksummed(),
                token.domain_name(),
                token.domain_version(),
            ),
        })
    }
}

// === impl Agreed ===

impl Agreed {
    /// What will be paid; 0 only says who is there.
    #[must_use]
    pub const fn amount(&self) -> UsdcUnits {
        self.amount
    }

    /// Who will be paid.
    #[must_use]
    pub const fn pay_to(&self) -> Wallet {
        self.pay_to
    }

    /// With what.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// The version of the protocol that the proof will speak.
    #[must_use]
    pub const fn version(&self) -> X402Version {
        self.version
    }
}

// === impl Refusal ===

impl Refusal {
    /// How far the offer came before it was refused.
    const fn depth(&self) -> u8 {
        match self {
            Self::Scheme(_) => 1,
            Self::Network { .. } => 2,
            Self::Asset { .. } => 3,
            Self::Unusable(_) => 4,
            Self::AboveLimit { .. } => 5,
        }
    }
}
