//! What we offer: the token, the receiver and the amount, in the words of both protocol versions.

use alloy_primitives::B256;

use crate::agent::Wallet;
use crate::money::UsdcUnits;
use crate::x402::eip712;
use crate::x402::json::quoted;

/// Version 1 knows chains by name only; a chain without one cannot be paid with version 1.
const V1_NAMES: [(u64, &str); 23] = [
    (1, "ethereum"),
    (11_155_111, "sepolia"),
    (8453, "base"),
    (84532, "base-sepolia"),
    (43114, "avalanche"),
    (43113, "avalanche-fuji"),
    (137, "polygon"),
    (80002, "polygon-amoy"),
    (1329, "sei"),
    (1328, "sei-testnet"),
    (4689, "iotex"),
    (2741, "abstract"),
    (11124, "abstract-testnet"),
    (3338, "peaq"),
    (1514, "story"),
    (41923, "educhain"),
    (324_705_682, "skale-base-sepolia"),
    (4326, "megaeth"),
    (143, "monad"),
    (988, "stable"),
    (2201, "stable-testnet"),
    (42220, "celo"),
    (14, "flare"),
];

/// A chain, by its number and by the two names that the protocol versions use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    chain_id: u64,
    caip2: String,
    v1_name: Option<&'static str>,
}

impl Network {
    /// The chain with this EIP-155 id.
    #[must_use]
    pub fn new(chain_id: u64) -> Self {
        let v1_name = V1_NAMES.iter().find(|(id, _)| *id == chain_id).map(|(_, name)| *name);
        Self { chain_id, caip2: format!("eip155:{chain_id}"), v1_name }
    }

    /// The EIP-155 id.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The name in version 2, `eip155:8453`.
    #[must_use]
    pub fn caip2(&self) -> &str {
        &self.caip2
    }

    /// The name in version 1, `base`; `None` where version 1 has none.
    #[must_use]
    pub const fn v1_name(&self) -> Option<&'static str> {
        self.v1_name
    }
}

/// A token contract that speaks EIP-3009, with the domain that its payers sign under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    address: Wallet,
    domain_name: String,
    domain_version: String,
    chain_id: u64,
    domain_separator: B256,
}

impl Token {
    /// The token at `address`; its domain separator is computed once, here. A wrong name is the
    /// most common cause of refused signatures: compare [`Token::domain_separator`] with the
    /// contract's own at start.
    #[must_use]
    pub fn new(address: Wallet, domain_name: &str, domain_version: &str, chain_id: u64) -> Self {
        let domain_separator =
            eip712::domain_separator(domain_name, domain_version, chain_id, &address);
        Self {
            address,
            domain_name: domain_name.to_owned(),
            domain_version: domain_version.to_owned(),
            chain_id,
            domain_separator,
        }
    }

    /// The contract.
    #[must_use]
    pub const fn address(&self) -> &Wallet {
        &self.address
    }

    /// `name` of the EIP-712 domain.
    #[must_use]
    pub fn domain_name(&self) -> &str {
        &self.domain_name
    }

    /// `version` of the EIP-712 domain.
    #[must_use]
    pub fn domain_version(&self) -> &str {
        &self.domain_version
    }

    /// The EIP-155 id of its chain.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// What the contract's `DOMAIN_SEPARATOR()` must answer.
    #[must_use]
    pub const fn domain_separator(&self) -> &B256 {
        &self.domain_separator
    }
}

/// One offer: pay this amount of this token to this receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirements {
    network: Network,
    token: Token,
    pay_to: Wallet,
    amount: UsdcUnits,
    max_timeout_s: u64,
    description: String,
    mime_type: String,
}

impl Requirements {
    /// An offer on the token's chain. Keep `description` in ASCII and within 500 characters:
    /// version 1 clients decode Latin-1, and hosted facilitators refuse longer ones.
    #[must_use]
    pub fn new(
        token: Token,
        pay_to: Wallet,
        amount: UsdcUnits,
        max_timeout_s: u64,
        description: &str,
        mime_type: &str,
    ) -> Self {
        Self {
            network: Network::new(token.chain_id),
            token,
            pay_to,
            amount,
            max_timeout_s,
            description: description.to_owned(),
            mime_type: mime_type.to_owned(),
        }
    }

    /// The chain.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The token.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// The receiver.
    #[must_use]
    pub const fn pay_to(&self) -> &Wallet {
        &self.pay_to
    }

    /// The price; zero asks for identity alone.
    #[must_use]
    pub const fn amount(&self) -> UsdcUnits {
        self.amount
    }

    /// How long an authorization should be valid, in seconds.
    #[must_use]
    pub const fn max_timeout_s(&self) -> u64 {
        self.max_timeout_s
    }

    /// What is sold, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The media type of the paid answer.
    #[must_use]
    pub fn mime_type(&self) -> &str {
        &self.mime_type
    }

    /// The element of `accepts` in version 2. Exactly the members that every client echoes; no
    /// nulls.
    #[must_use]
    pub fn v2_element(&self) -> String {
        format!(
            r#"{{"scheme":"exact","network":"{}","amount":"{}","asset":"{}","payTo":"{}","maxTimeoutSeconds":{},"extra":{}}}"#,
            self.network.caip2,
            self.amount.get(),
            self.token.address.checksummed(),
            self.pay_to.checksummed(),
            self.max_timeout_s,
            self.extra(),
        )
    }

    /// The element of `accepts` in version 1 around its `resource` value: the text before and after
    /// the JSON string of the absolute URL. `None` when the chain has no version 1 name.
    #[must_use]
    pub fn v1_element_around_resource(&self) -> Option<(String, String)> {
        let before = format!(
            r#"{{"scheme":"exact","network":"{}","maxAmountRequired":"{}","resource":"#,
            self.network.v1_name?,
            self.amount.get(),
        );
        let after = format!(
            r#","description":{},"mimeType":{},"payTo":"{}","maxTimeoutSeconds":{},"asset":"{}","extra":{}}}"#,
            quoted(&self.description),
            quoted(&self.mime_type),
            self.pay_to.checksummed(),
            self.max_timeout_s,
            self.token.address.checksummed(),
            self.extra(),
        );
        Some((before, after))
    }

    /// The element of `accepts` in version 1 for one absolute URL. `None` when the chain has no
    /// version 1 name.
    #[must_use]
    pub fn v1_element(&self, resource_url: &str) -> Option<String> {
        let (before, after) = self.v1_element_around_resource()?;
        Some(format!("{before}{}{after}", quoted(resource_url)))
    }

    fn extra(&self) -> String {
        format!(
            r#"{{"name":{},"version":{}}}"#,
            quoted(&self.token.domain_name),
            quoted(&self.token.domain_version)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_without_a_v1_name_has_no_v1_element() {
        assert_eq!(Network::new(8453).v1_name(), Some("base"));
        assert_eq!(Network::new(84532).v1_name(), Some("base-sepolia"));
        let local = Token::new(Wallet::new([1; 20]), "USD Coin", "2", 31337);
        let offer = Requirements::new(local, Wallet::new([2; 20]), UsdcUnits::new(1), 300, "", "");
        assert_eq!(offer.network().caip2(), "eip155:31337");
        assert_eq!(offer.v1_element("https://a.example/"), None);
    }
}
