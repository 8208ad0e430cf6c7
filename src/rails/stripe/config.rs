//! How the rail reaches Stripe.

/// How the rail reaches Stripe.
pub struct StripeConfig {
    /// `https://api.stripe.com`, or `http://` on the loopback.
    pub api_base: String,
    /// A secret or restricted key. Never shown.
    pub secret_key: String,
    /// Whether real money is meant. The key and every answer must say the same.
    pub livemode: bool,
    /// `Stripe-Version`: shared payment tokens need a preview version.
    pub api_version: String,
    /// Where the token stands in a charge.
    pub spt_parameter: SptParameter,
    /// How long one call may take, in milliseconds.
    pub timeout_ms: u64,
}

/// Where the shared payment token stands in the parameters of a charge: Stripe documents it under
/// the payment method's data, the drafts and SDKs of MPP put it at the top.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SptParameter {
    /// `payment_method_data[shared_payment_granted_token]`.
    #[default]
    PaymentMethodData,
    /// `shared_payment_granted_token`.
    TopLevel,
}

/// The configuration cannot work with any Stripe. Repeats none of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StripeConfigError {
    /// Not `https://host`, nor `http://` on the loopback.
    #[error(
        "the card processor's address must begin with https://, or with http:// on the loopback"
    )]
    Url,
    /// Neither a secret nor a restricted key.
    #[error("the card processor's key must begin with sk_test_, rk_test_, sk_live_ or rk_live_")]
    Key,
    /// A test key where real money is meant, or the reverse.
    #[error("the card processor's key is of the other mode")]
    Mode,
    /// Cannot be a header's value.
    #[error("the card processor's API version is not a version")]
    Version,
}

impl SptParameter {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TopLevel => "shared_payment_granted_token",
            Self::PaymentMethodData => "payment_method_data[shared_payment_granted_token]",
        }
    }
}
