//! The configuration: defaults < `turnpike.toml` < environment (`TURNPIKE_SECTION__KEY`) < `--set
//! section.key=value`.
//!
//! With nothing given, the embedded default runs: SQLite, memory cache, sandbox rails, embedded
//! launch core. Unknown keys are errors and every mistake is named at once. [`refuse`] is the list
//! of settings with which the gateway never starts.

pub mod chain;
mod file_error;
mod layers;
pub mod rails;
pub mod reconcile;
pub mod refunds;
pub mod refuse;
pub mod secret;
pub mod service;
pub mod storage;
#[cfg(test)]
mod tests;
pub mod urls;
pub mod values;

use std::fmt;
use std::path::Path;

use serde::Serialize;

pub use rails::{ErrorShape, Mpp, Pricing, SptParameter, Stripe, StripeMode, X402, X402Mode};
pub use reconcile::Reconcile;
pub use refunds::Refunds;
pub use secret::Secret;
pub use service::{Limits, Operator, Server, Test};
pub use storage::{Cache, Sandbox, Store, Upstream, UpstreamUrl};
pub use urls::{CredentialUrl, PublicUrl};
pub use values::{EvmAddress, Networks, Usd, Usdc};

use crate::strict_toml::Mistake;
use layers::Layers;

/// Everything that can be set; one struct per section.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Config {
    /// Listeners and deadlines of the HTTP side.
    pub server: Server,
    /// The operator's API and page.
    pub operator: Operator,
    /// The books.
    pub store: Store,
    /// What may be lost at any time.
    pub cache: Cache,
    /// The API behind the gateway.
    pub upstream: Upstream,
    /// USDC by signed authorization.
    pub x402: X402,
    /// Challenges and accounts of the card rail.
    pub mpp: Mpp,
    /// Who charges cards.
    pub stripe: Stripe,
    /// Prices and what is owed when a paid creation is refused.
    pub pricing: Pricing,
    /// How much is accepted from whom.
    pub limits: Limits,
    /// When the books are compared with the world.
    pub reconcile: Reconcile,
    /// Money on its way back.
    pub refunds: Refunds,
    /// The stand-ins of the world.
    pub sandbox: Sandbox,
    /// For tests only.
    pub test: Test,
}

impl Config {
    /// Reads all layers. `file` must exist when it is given, and may name variables as `${NAME}`;
    /// `env` are all variables of the process; each of `overrides` is `section.key=value`.
    ///
    /// # Errors
    /// Every mistake of every layer, and every rule of [`refuse`] that the result breaks.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        overrides: &[String],
    ) -> Result<Self, ConfigErrors> {
        let mut layers = Layers::new();
        let env = env.collect();
        if let Some(path) = file {
            layers.file(path, &env);
        }
        layers.environment(&env);
        layers.flags(overrides);
        let mut config = Self {
            server: layers.read("server"),
            operator: layers.read("operator"),
            store: layers.read("store"),
            cache: layers.read("cache"),
            upstream: layers.read("upstream"),
            x402: layers.read("x402"),
            mpp: layers.read("mpp"),
            stripe: layers.read("stripe"),
            pricing: layers.read("pricing"),
            limits: layers.read("limits"),
            reconcile: layers.read("reconcile"),
            refunds: layers.read("refunds"),
            sandbox: layers.read("sandbox"),
            test: layers.read("test"),
        };
        config.fill();
        layers.mistakes.extend(refuse::check(&config));
        if layers.mistakes.is_empty() {
            Ok(config)
        } else {
            Err(ConfigErrors { mistakes: layers.named_by_source() })
        }
    }

    /// Settings that follow from others when they are not given.
    fn fill(&mut self) {
        if self.mpp.realm.is_empty() {
            self.mpp.realm = self.server.public_url.host().to_owned();
        }
        chain::fill(&mut self.x402);
    }

    /// The effective values as TOML; secrets and credentials in addresses are stars. A setting that
    /// is not shown has no value: the profile decides.
    #[must_use]
    pub fn printable(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| format!("# cannot be printed: {error}\n"))
    }

    /// The rails that move real money with this configuration, by name; empty for sandboxes and
    /// test networks.
    #[must_use]
    pub fn live_rails(&self) -> Vec<&'static str> {
        let chain = self.x402.mode != X402Mode::Sandbox && !chain::is_test(self.x402.chain_id);
        let stripe = self.stripe.mode == StripeMode::Live || self.stripe.has_live_key();
        [(chain, "x402"), (stripe, "stripe")]
            .into_iter()
            .filter_map(|(live, rail)| live.then_some(rail))
            .collect()
    }

    /// The parts that only stand in for the world, by setting.
    #[must_use]
    pub fn sandbox_parts(&self) -> Vec<&'static str> {
        let x402 = self.x402.mode == X402Mode::Sandbox;
        let stripe = self.stripe.mode == StripeMode::Sandbox;
        let core = self.upstream.url == UpstreamUrl::Embedded;
        [
            (x402, "x402.mode = \"sandbox\""),
            (stripe, "stripe.mode = \"sandbox\""),
            (core, "upstream.url = \"embedded:\""),
        ]
        .into_iter()
        .filter_map(|(used, part)| used.then_some(part))
        .collect()
    }
}

/// Everything that is wrong in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// All mistakes; places are `section.key`, with the layer that set it.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        for mistake in &self.mistakes {
            write!(f, "\n  {mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
