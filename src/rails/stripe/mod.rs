//! Cards through Stripe: shared payment tokens charged as payment intents (MPP, method `stripe`,
//! draft-stripe-charge).
//!
//! | file | one thing |
//! |---|---|
//! | `http`, `gate`, `key`, `refusal`, `objects` | the API: calls, whose account it is, the key, what "no" means, the members that are read |
//! | `config` | how it is reached |
//! | `params`, `charge`, `charge_outcome`, `unsent`, `find` | a charge: its parameters, what became of it, finding it when its key has expired |
//! | `refund`, `reads`, `refused` | money back; tokens, facts, readiness; tokens that it does not know |
//! | `history`, `balance` | lists of what it has done for us; what it owes us for that, and what it paid out |
//! | `trial` | one charge in test mode, for an operator |
//! | `webhook`, `event` | what Stripe tells by itself: is it Stripe, and what does it speak of |

mod balance;
mod charge;
mod charge_outcome;
mod config;
mod event;
mod find;
mod gate;
mod history;
mod http;
mod key;
mod objects;
mod params;
mod reads;
mod refund;
mod refusal;
mod refused;
#[cfg(test)]
mod tests;
mod trial;
mod unsent;
mod webhook;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use payments::{
    charge::{Charge, PaymentToken, Refund},
    ids::PaymentId,
    money::UsdCents,
    ports::{
        CardBooks, CardError, CardOutcome, CardRail, ChargeFacts, Clock, NewCharge,
        PreparationError, RefundAnswer, Sealer, StablePayer, TokenView,
    },
    time::UnixMs,
};

pub use config::{SptParameter, StripeConfig, StripeConfigError};
pub use webhook::Webhooks;

use charge::Asked;
use gate::{Closed, Gate};
use http::Http;
use key::ApiKey;

/// How long an answer about readiness is good for, in milliseconds.
const READY_FOR_MS: i64 = 5_000;

/// The rail. What happened is in the books and at Stripe.
pub struct StripeRail {
    http: Http,
    livemode: bool,
    spt_parameter: SptParameter,
    sealer: Arc<dyn Sealer>,
    clock: Arc<dyn Clock>,
    /// The name of the books in the metadata of what is made; none for a look beside them.
    books: Option<String>,
    unsent: unsent::Unsent,
    refused: refused::RefusedTokens,
    /// The last answer about readiness, and when.
    ready: Mutex<Option<(UnixMs, Result<(), CardError>)>>,
}

// === impl StripeRail ===

impl StripeRail {
    /// A rail to this Stripe. Asks nothing yet.
    ///
    /// # Errors
    /// [`StripeConfigError`].
    pub fn new(
        config: &StripeConfig,
        sealer: Arc<dyn Sealer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StripeConfigError> {
        let key = ApiKey::parse(&config.secret_key)?;
        if key.livemode() != config.livemode {
            return Err(StripeConfigError::Mode);
        }
        Ok(Self {
            http: Http::new(
                &config.api_base,
                &key,
                &config.api_version,
                Duration::from_millis(config.timeout_ms),
                Arc::clone(&clock),
            )?,
            livemode: config.livemode,
            spt_parameter: config.spt_parameter,
            sealer,
            clock,
            books: None,
            unsent: unsent::Unsent::default(),
            refused: refused::RefusedTokens::default(),
            ready: Mutex::default(),
        })
    }

    /// The rail of these books: what it makes names them, and an account that they were not begun
    /// with is asked nothing.
    #[must_use]
    pub fn of_books(mut self, books: Arc<dyn CardBooks>, name: String) -> Self {
        self.http.gate = Some(Gate::new(books, self.livemode));
        self.books = Some(name);
        self
    }

    /// Money of the other mode is never ours.
    fn same_mode(&self, livemode: bool) -> Result<(), CardError> {
        let why = || {
            CardError::Misconfigured(String::from(
                "its answer is of the other mode than our key (test, live)",
            ))
        };
        (livemode == self.livemode).then_some(()).ok_or_else(why)
    }

    /// The saved parameters, while their key answers. Ones that do not open are looked up like ones
    /// that were wiped.
    fn sendable(&self, intent: PaymentId, charge: &Charge, now: UnixMs) -> Option<String> {
        if charge.sealed_params.is_empty() || now >= charge.saved_at.plus_ms(find::KEY_LIFE_MS) {
            return None;
        }
        let opened = self.sealer.open(intent.to_string().as_bytes(), &charge.sealed_params);
        let form = opened.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if form.is_none() {
            tracing::error!(%intent, "charge.parameters_do_not_open");
        }
        form
    }
}

#[async_trait]
impl CardRail for StripeRail {
    async fn token(&self, token: &PaymentToken) -> Result<TokenView, CardError> {
        if self.refused.contain(token, self.clock.now()) {
            return Err(CardError::UnknownToken);
        }
        let view = self.token_view(token).await;
        if view == Err(CardError::UnknownToken) {
            self.refused.note(token, self.clock.now());
        }
        view.inspect_err(|error| tracing::warn!(%error, "stripe.token"))
    }

    fn prepare(
        &self,
        intent: PaymentId,
        charge: NewCharge,
        at: UnixMs,
    ) -> Result<Charge, PreparationError> {
        let form = params::charge_form(intent, &charge, self.spt_parameter, self.books.as_deref())
            .ok_or(PreparationError::Signing)?;
        let sealed_params = self.sealer.seal(intent.to_string().as_bytes(), form.as_bytes());
        if sealed_params.is_empty() {
            return Err(PreparationError::Signing);
        }
        self.unsent.built(intent);
        Ok(Charge {
            key: charge.key,
            stripe_key: Charge::stripe_key_of(intent),
            sealed_params,
            agent_token_sha256: charge.agent_token_sha256,
            saved_at: at,
        })
    }

    async fn charge(
        &self,
        intent: PaymentId,
        charge: &Charge,
        amount: UsdCents,
        now: UnixMs,
    ) -> Result<CardOutcome, CardError> {
        let asked =
            Asked { intent, amount, saved_at: charge.saved_at, key: &charge.stripe_key, now };
        let outcome = match self.sendable(intent, charge, now) {
            Some(form) => self.send(asked, form).await,
            None => self.look_up(asked).await,
        };
        outcome.inspect_err(|error| tracing::warn!(%intent, %error, "stripe.charge"))
    }

    async fn refund(&self, refund: &Refund, now: UnixMs) -> Result<RefundAnswer, CardError> {
        let intent = refund.intent;
        self.give_back(refund, now)
            .await
            .inspect_err(|error| tracing::warn!(%intent, %error, "stripe.refund"))
    }

    async fn facts(&self, payment_intent: &str) -> Result<ChargeFacts, CardError> {
        self.charge_facts(payment_intent)
            .await
            .inspect_err(|error| tracing::warn!(%error, "stripe.facts"))
    }

    async fn account_known(&self) -> Result<(), CardError> {
        self.http.pass_gate().await.map_err(|closed| match closed {
            Closed::Unknown(why) => CardError::Unreachable(why),
            Closed::Another(why) => CardError::Misconfigured(why),
        })
    }

    async fn payment_of(&self, object: &str) -> Result<Option<String>, CardError> {
        self.payment_behind(object)
            .await
            .inspect_err(|error| tracing::warn!(%error, "stripe.payment_of"))
    }

    async fn payer_of(&self, payment_intent: &str) -> Result<StablePayer, CardError> {
        self.charged_payer(payment_intent).await
    }

    async fn ready(&self) -> Result<(), CardError> {
        let now = self.clock.now();
        let last = self.ready.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, outcome)) =
            last.filter(|(at, _)| (*at..at.plus_ms(READY_FOR_MS)).contains(&now))
        {
            return outcome;
        }
        let outcome = self.probe().await;
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, outcome.clone()));
        outcome
    }
}

/// Neither the key nor the address.
impl fmt::Debug for StripeRail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeRail").field("livemode", &self.livemode).finish_non_exhaustive()
    }
}
