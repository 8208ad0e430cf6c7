//! Stripe beside the gateway: the emulator in the test's own process, so that a gateway that is
//! killed leaves it alone.

use std::path::PathBuf;
use std::sync::Arc;

use sandbox::stripe::{
    CallSeen, Emulator, EmulatorConfig, Fault, PROFILE, Rule, SECRET_KEY, WEBHOOK_SECRET,
};
use serde_json::Value;

use super::gateway::Settings;
use super::moment::{now_unix_s, random_bytes};
use super::stripe_proxy::StripeProxy;

/// Where a charge is made.
pub const INTENTS: &str = "/v1/payment_intents";
/// Where a granted token is looked at.
pub const TOKENS: &str = "/v1/shared_payment/granted_tokens/*";
/// Where money is given back.
pub const REFUNDS: &str = "/v1/refunds";

/// A running emulator.
pub struct Stripe {
    pub emulator: Emulator,
    /// What the gateway calls.
    pub proxy: StripeProxy,
}

impl Stripe {
    pub async fn start() -> Self {
        Self::of(EmulatorConfig::in_memory(Arc::new(now_unix_s))).await
    }

    /// Keeps its log in this folder, or goes on from the one that is there, by this clock.
    pub async fn kept_in(dir: PathBuf, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self::of(EmulatorConfig { dir: Some(dir), ..EmulatorConfig::in_memory(Arc::new(clock)) })
            .await
    }

    async fn of(config: EmulatorConfig) -> Self {
        let emulator = Emulator::start(config).await.unwrap();
        let proxy = StripeProxy::start(emulator.address()).await;
        Self { emulator, proxy }
    }

    /// What a gateway needs to take cards here.
    pub fn settings(&self) -> Settings {
        let key = || hex::encode(random_bytes::<32>());
        let settings = [
            ("stripe.mode", "test".to_owned()),
            ("stripe.api_base", self.proxy.server.url()),
            ("stripe.secret_key", SECRET_KEY.to_owned()),
            ("stripe.network_id", PROFILE.to_owned()),
            ("stripe.webhook_secret", WEBHOOK_SECRET.to_owned()),
            ("mpp.secret_keys", key()),
            ("mpp.account_key", key()),
            ("mpp.token_keys", key()),
        ];
        settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// What happens to the next call of `method path`.
    pub fn fault(&self, method: &str, path: &str, fault: Fault) {
        self.emulator.fault(Rule::once(method, path, fault)).unwrap();
    }

    /// What happens to the next `times` calls of `method path`.
    pub fn faults(&self, method: &str, path: &str, fault: Fault, times: u32) {
        self.emulator.fault(Rule { times, ..Rule::once(method, path, fault) }).unwrap();
    }

    /// Every payment intent, whatever became of it.
    pub fn intents(&self) -> Vec<Value> {
        self.emulator.payment_intents().unwrap()
    }

    /// The payment intents that took money.
    pub fn succeeded(&self) -> Vec<Value> {
        self.intents().into_iter().filter(|intent| intent["status"] == "succeeded").collect()
    }

    pub fn refunds(&self) -> Vec<Value> {
        self.emulator.refunds().unwrap()
    }

    /// What the gateway has asked so far.
    pub fn calls(&self) -> Vec<CallSeen> {
        self.emulator.calls()
    }

    /// How often the gateway has sent a charge.
    pub fn charges_sent(&self) -> usize {
        self.calls()
            .iter()
            .filter(|call| (call.method.as_str(), call.path.as_str()) == ("POST", INTENTS))
            .count()
    }
}
