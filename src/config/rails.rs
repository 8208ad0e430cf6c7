//! `[x402]`, `[mpp]`, `[stripe]`, `[pricing]`.

use serde::{Deserialize, Serialize};

use super::{CredentialUrl, EvmAddress, PublicUrl, Secret, Usd, Usdc};

/// `[x402]`: USDC by signed authorization.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct X402 {
    /// Who settles.
    pub mode: X402Mode,
    /// The EIP-155 chain.
    pub chain_id: u64,
    /// The chain's JSON-RPC.
    pub rpc_url: CredentialUrl,
    /// The token; not set: Circle's USDC on that chain.
    pub asset: EvmAddress,
    /// The name of the token's signing domain; not set: that of USDC on that chain.
    pub domain_name: String,
    /// The version of the token's signing domain.
    pub domain_version: String,
    /// Who is paid. A sandbox makes one once.
    pub pay_to: EvmAddress,
    /// The key that pays the gas; 32 bytes in hex. A sandbox makes one once.
    pub signer_key: Secret,
    /// The keys of other replicas' and of retired signers: they only finish what they began.
    pub other_signer_keys: Vec<Secret>,
    /// Accounts of others that may settle what is paid to us, such as a facilitator's; a settlement
    /// by anybody else is a finding.
    pub known_relayers: Vec<EvmAddress>,
    /// Where a facilitator is.
    pub facilitator_url: String,
    /// How long a challenge asks an authorization to be valid, in seconds.
    pub max_timeout_s: u64,
    /// The furthest `validBefore` that is accepted, in seconds from now.
    pub max_window_s: u64,
    /// Blocks on top before a settlement counts.
    pub confirmations: u64,
    /// The shape of `error` in a 402.
    pub error_shape: ErrorShape,
    /// The highest fee per gas that a settlement may offer, in gwei.
    pub max_fee_gwei: u64,
    /// The most that one payment may cost in gas over all of its transactions, in gwei; not set:
    /// what one settlement costs at `max_fee_gwei`.
    pub max_gas_gwei: Option<u64>,
    /// What one of the chain's coins costs; not set: gas is not valued, and only the plain bound
    /// holds.
    pub gas_coin_usd: Option<Usd>,
    /// The share of its price that a payment may cost in gas, in per cent, where the coin has a
    /// price.
    pub max_gas_percent: u32,
    /// Payments of one payer that may revert within an hour before no further one is sent.
    pub reverts_per_hour: u32,
    /// How many claimed payments may wait for a signer before a further one is refused.
    pub queue_max: u32,
    /// What reverted payments of all payers may cost in gas within an hour before none is sent, in
    /// gwei.
    pub max_gas_lost_gwei_per_hour: u64,
    /// After how long without a receipt the fee is raised, in seconds.
    pub fee_bump_after_s: u64,
    /// How long the chain may take to answer, in milliseconds.
    pub rpc_timeout_ms: u64,
    /// Whether a wallet must hold the price even for a free launch.
    pub require_balance_for_free: bool,
}

impl Default for X402 {
    fn default() -> Self {
        Self {
            mode: X402Mode::Sandbox,
            chain_id: super::chain::BASE_SEPOLIA,
            rpc_url: CredentialUrl::default(),
            asset: EvmAddress(None),
            domain_name: String::new(),
            domain_version: "2".to_owned(),
            pay_to: EvmAddress(None),
            signer_key: Secret::default(),
            other_signer_keys: Vec::new(),
            known_relayers: Vec::new(),
            facilitator_url: String::new(),
            max_timeout_s: 300,
            max_window_s: 3900,
            confirmations: 1,
            error_shape: ErrorShape::Object,
            max_fee_gwei: 10,
            max_gas_gwei: None,
            gas_coin_usd: None,
            max_gas_percent: 50,
            reverts_per_hour: 3,
            queue_max: 200,
            max_gas_lost_gwei_per_hour: 5_000_000,
            fee_bump_after_s: 15,
            rpc_timeout_ms: 5000,
            require_balance_for_free: true,
        }
    }
}

/// Who settles an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum X402Mode {
    /// The chain in this process.
    Sandbox,
    /// Our own signer on a chain.
    Chain,
    /// Somebody else's.
    Facilitator,
}

/// The shape of `error` in a 402.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorShape {
    /// The product's `{ code, message }`.
    Object,
    /// A text, for clients that need one.
    String,
    /// As the client's protocol version wants it.
    Auto,
}

/// `[mpp]`: challenges and accounts of the card rail.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mpp {
    /// HMAC keys of challenges: the first signs, all verify.
    pub secret_keys: Vec<Secret>,
    /// The key of account names. Never rotated.
    pub account_key: Secret,
    /// The realm of challenges; not set: the host of `server.public_url`.
    pub realm: String,
    /// HMAC keys of agent tokens: the first makes, all recognise.
    pub token_keys: Vec<Secret>,
    /// How long a challenge can be paid, in seconds.
    pub challenge_ttl_s: u64,
    /// How long a credential that paid tells who asks on routes that cost nothing, in seconds from
    /// its settlement.
    pub used_credential_s: u64,
    /// Whether a challenge is bound to the body that it was asked with.
    pub bind_bodies: bool,
}

impl Default for Mpp {
    fn default() -> Self {
        Self {
            secret_keys: Vec::new(),
            account_key: Secret::default(),
            realm: String::new(),
            token_keys: Vec::new(),
            challenge_ttl_s: 2100,
            used_credential_s: 3600,
            bind_bodies: true,
        }
    }
}

/// `[stripe]`: who charges cards.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stripe {
    /// Which Stripe.
    pub mode: StripeMode,
    /// Where its API is.
    pub api_base: PublicUrl,
    /// The API key.
    pub secret_key: Secret,
    /// The network id of the seller.
    pub network_id: String,
    /// The key of webhook signatures.
    pub webhook_secret: Secret,
    /// The version of the API; shared payment tokens need a preview.
    pub api_version: String,
    /// Where a charge names its token.
    pub spt_parameter: SptParameter,
    /// Nothing but this gateway uses the account: its balance is compared, and what others move in
    /// it is a finding.
    pub exclusive: bool,
    /// How long Stripe may take to answer, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for Stripe {
    fn default() -> Self {
        Self {
            mode: StripeMode::Sandbox,
            api_base: PublicUrl::known("https://api.stripe.com"),
            secret_key: Secret::default(),
            network_id: String::new(),
            webhook_secret: Secret::default(),
            api_version: "2026-07-29.preview".to_owned(),
            spt_parameter: SptParameter::PaymentMethodData,
            exclusive: false,
            timeout_ms: 20_000,
        }
    }
}

impl Stripe {
    /// Whether the key charges real cards.
    #[must_use]
    pub fn has_live_key(&self) -> bool {
        let key = self.secret_key.expose();
        ["sk_live_", "rk_live_"].iter().any(|live| key.starts_with(live))
    }
}

/// Where a charge names its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SptParameter {
    /// `shared_payment_granted_token`.
    TopLevel,
    /// `payment_method_data[shared_payment_granted_token]`.
    PaymentMethodData,
}

/// Which Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StripeMode {
    /// No card rail.
    Off,
    /// The emulator in this process.
    Sandbox,
    /// Stripe with a test key.
    Test,
    /// Stripe with a live key.
    Live,
}

/// `[pricing]`: prices, and what is owed when a paid creation is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pricing {
    /// A launch through x402; not set: the profile's price.
    pub launch_usdc: Option<Usdc>,
    /// A launch by card; not set: the profile's price.
    pub launch_usd: Option<Usd>,
    /// Free launches per wallet and UTC month; 0: none; not set: the profile's number.
    pub free_launches_per_month: Option<u32>,
    /// The pack of 20 credits.
    pub pack_20_usd: Usd,
    /// How long a paid and refused creation entitles to another before it is a refund due, in
    /// hours.
    pub entitlement_hours: u64,
    /// How often a day one agent may be refused after paying.
    pub refused_after_pay_per_day: u32,
}

impl Default for Pricing {
    fn default() -> Self {
        Self {
            launch_usdc: None,
            launch_usd: None,
            free_launches_per_month: None,
            pack_20_usd: Usd::from_minor(1_200),
            entitlement_hours: 24,
            refused_after_pay_per_day: 3,
        }
    }
}
