//! Payment intents, confirmed from a granted token (<https://docs.stripe.com/api/payment_intents>).

use serde_json::json;

use super::error::ApiError;
use super::form::Form;
use super::methods::{self, Decline, GENERIC_DECLINE, Outcome};
use super::routes::Answered;
use super::rows::{Charge, ChargeStatus, Deactivated, Intent, Reason, Status, Token};
use super::world::{Change, Tx};

/// A dispute opens this long after its charge.
const DISPUTED_AFTER_S: u64 = 60;

const KNOWN: [&str; 17] = [
    "amount",
    "currency",
    "confirm",
    "shared_payment_granted_token",
    "payment_method_data[shared_payment_granted_token]",
    "payment_method_data[type]",
    "automatic_payment_methods[enabled]",
    "automatic_payment_methods[allow_redirects]",
    "payment_method_types[*]",
    "metadata[*]",
    "customer",
    "description",
    "receipt_email",
    "statement_descriptor_suffix",
    "capture_method",
    "off_session",
    "expand[*]",
];
/// Where the token may stand.
pub(super) const TOKEN_PARAMS: [&str; 2] =
    ["shared_payment_granted_token", "payment_method_data[shared_payment_granted_token]"];

impl Tx<'_> {
    /// `POST /v1/payment_intents` with `confirm=true`
    pub(super) fn create_intent(&mut self, form: &Form) -> Answered {
        let (amount, currency) = self.checked(form)?;
        let (param, token) = token(form)?;
        let metadata = form.metadata("metadata")?;
        let token = self.usable(token, param, amount, &currency)?;
        let Some(method) = methods::find(&token.method) else {
            return Err(ApiError::no_such(400, "PaymentMethod", param, &token.method));
        };
        let mut intent = Intent {
            id: self.id("pi"),
            created_unix_s: self.now_unix_s,
            amount,
            amount_received: 0,
            currency,
            status: Status::Processing,
            token: token.id.clone(),
            payment_method: self.id("pm"),
            customer: form.owned("customer"),
            description: form.owned("description"),
            receipt_email: form.owned("receipt_email"),
            metadata,
            latest_charge: None,
            last_payment_error: None,
            canceled_at_unix_s: None,
            cancellation_reason: None,
        };
        match method.outcome {
            Outcome::Succeeds | Outcome::Disputed => {
                Ok(self.succeed(intent, token, method.outcome).json())
            }
            Outcome::Declined(decline) => Err(self.decline(intent, token, &decline)),
            Outcome::NeedsAction => {
                intent.status = Status::RequiresAction;
                self.put(Change::Intent(intent.clone()));
                Ok(intent.json())
            }
            Outcome::Processing => {
                let charge = self.charge(&intent, &token, ChargeStatus::Pending);
                intent.latest_charge = Some(charge.id.clone());
                self.put(Change::Charge(charge));
                self.put(Change::Token(Token { held_by: Some(intent.id.clone()), ..token }));
                self.put(Change::Intent(intent.clone()));
                Ok(intent.json())
            }
        }
    }

    /// The amount and the currency, where the API and this emulator take the parameters.
    fn checked(&self, form: &Form) -> Result<(i64, String), ApiError> {
        form.only(&KNOWN)?;
        let amount = form.need_amount("amount")?;
        let currency = form.need_currency("currency")?;
        if amount < smallest(&currency) {
            return Err(ApiError::invalid(
                "amount",
                format!("Amount must be at least 0.50 {currency}"),
            )
            .code("amount_too_small"));
        }
        if form.boolean("confirm")? != Some(true) {
            return Err(ApiError::invalid(
                "confirm",
                "This emulator confirms each payment intent as it is made: confirm must be true.",
            ));
        }
        if form
            .get("capture_method")
            .is_some_and(|method| !["automatic", "automatic_async"].contains(&method))
        {
            return Err(ApiError::invalid(
                "capture_method",
                "This emulator captures automatically.",
            ));
        }
        if self.world.settings.behaviour.documented_spelling_only
            && form.get(TOKEN_PARAMS[0]).is_some()
        {
            return Err(ApiError::unknown_param(TOKEN_PARAMS[0]));
        }
        Ok((amount, currency))
    }

    /// `POST /v1/payment_intents/:id/cancel`
    pub(super) fn cancel_intent(&mut self, id: &str, form: &Form) -> Answered {
        form.only(&["cancellation_reason"])?;
        let mut intent = self.intent(id)?;
        if !matches!(intent.status, Status::RequiresAction | Status::RequiresPaymentMethod) {
            let status = json!(intent.status);
            let message = format!(
                "You cannot cancel this PaymentIntent because it has a status of {}.",
                status.as_str().unwrap_or_default()
            );
            let error = ApiError::refused(message).code("payment_intent_unexpected_state");
            return Err(error.about("payment_intent", intent.json()));
        }
        intent.status = Status::Canceled;
        intent.canceled_at_unix_s = Some(self.now_unix_s);
        intent.cancellation_reason = form.owned("cancellation_reason");
        self.put(Change::Intent(intent.clone()));
        self.emit("payment_intent.canceled", intent.json());
        Ok(intent.json())
    }

    /// Ends an intent that is `processing` or waits for its holder.
    pub(super) fn settle(&mut self, id: &str, succeeds: bool) -> Answered {
        let intent = self.intent(id)?;
        if !matches!(intent.status, Status::Processing | Status::RequiresAction) {
            return Err(ApiError::refused(
                "Only a payment intent that is processing or requires action can be settled.",
            ));
        }
        let Some(token) = self.world.tokens.get(&intent.token).cloned() else {
            return Err(ApiError::no_such(
                400,
                "shared_payment.granted_token",
                "id",
                &intent.token,
            ));
        };
        if succeeds && intent.status == Status::RequiresAction {
            self.usable(&intent.token, "payment_method", intent.amount, &intent.currency)?;
        }
        let token = Token { held_by: None, ..token };
        if succeeds {
            return Ok(self.succeed(intent, token, Outcome::Succeeds).json());
        }
        self.decline(intent, token, &GENERIC_DECLINE);
        Ok(self.intent(id)?.json())
    }

    pub(super) fn intent(&self, id: &str) -> Result<Intent, ApiError> {
        self.world
            .intents
            .get(id)
            .cloned()
            .ok_or_else(|| ApiError::no_such(404, "payment_intent", "intent", id))
    }

    /// Takes the money: charge, balance, token and intent change together.
    fn succeed(&mut self, mut intent: Intent, mut token: Token, outcome: Outcome) -> Intent {
        let mut charge = self.charge(&intent, &token, ChargeStatus::Succeeded);
        charge.balance_transaction = Some(self.record_charge(&charge));
        if outcome == Outcome::Disputed {
            charge.disputes_at_unix_s = Some(self.now_unix_s.saturating_add(DISPUTED_AFTER_S));
        }
        intent.status = Status::Succeeded;
        intent.amount_received = intent.amount;
        intent.latest_charge = Some(charge.id.clone());
        intent.last_payment_error = None;
        token.captured = token.captured.saturating_add(intent.amount);
        if !self.world.settings.behaviour.tokens_by_amount || token.captured >= token.max_amount {
            token.deactivated =
                Some(Deactivated { at_unix_s: self.now_unix_s, reason: Reason::Consumed });
        }
        let used = self.token_json(&token);
        self.put(Change::Charge(charge));
        self.put(Change::Token(token));
        self.put(Change::Intent(intent.clone()));
        self.emit("payment_intent.succeeded", intent.json());
        self.emit("shared_payment.granted_token.used", used);
        intent
    }

    /// The card said no; the token can be tried again.
    fn decline(&mut self, mut intent: Intent, token: Token, decline: &Decline) -> ApiError {
        let mut charge = self.charge(&intent, &token, ChargeStatus::Failed);
        charge.failure =
            Some([decline.code, decline.decline_code, decline.message].map(str::to_owned));
        let error = ApiError::card(decline, &charge.id);
        let method =
            json!({"id": intent.payment_method, "object": "payment_method", "type": "card"});
        let mut last = error.inner();
        last["payment_method"] = method;
        intent.status = Status::RequiresPaymentMethod;
        intent.latest_charge = Some(charge.id.clone());
        intent.last_payment_error = Some(last);
        self.put(Change::Charge(charge));
        self.put(Change::Token(token));
        self.put(Change::Intent(intent.clone()));
        self.emit("payment_intent.payment_failed", intent.json());
        error.about("payment_intent", intent.json())
    }

    /// The charge of an intent: the pending one goes on, else there is a new one.
    fn charge(&mut self, intent: &Intent, token: &Token, status: ChargeStatus) -> Charge {
        let pending =
            intent.latest_charge.as_deref().and_then(|id| self.world.charges.get(id)).cloned();
        if let Some(pending) = pending.filter(|charge| charge.status == ChargeStatus::Pending) {
            return Charge { status, ..pending };
        }
        Charge {
            id: self.id(if token.method == methods::LOCAL { "py" } else { "ch" }),
            created_unix_s: self.now_unix_s,
            intent: intent.id.clone(),
            amount: intent.amount,
            amount_refunded: 0,
            currency: intent.currency.clone(),
            status,
            failure: None,
            payment_method: intent.payment_method.clone(),
            details: token.charge_details(),
            metadata: intent.metadata.clone(),
            balance_transaction: None,
            dispute: None,
            disputes_at_unix_s: None,
        }
    }
}

/// The token, and the parameter that named it.
fn token(form: &Form) -> Result<(&'static str, &str), ApiError> {
    let [top, below] = TOKEN_PARAMS.map(|param| form.get(param).map(|token| (param, token)));
    match (top, below) {
        (Some((_, one)), Some((param, other))) if one != other => {
            Err(ApiError::invalid(param, "The two shared payment granted tokens are not the same."))
        }
        (Some(found), _) | (None, Some(found)) => Ok(found),
        (None, None) => Err(ApiError::missing_param(TOKEN_PARAMS[0])),
    }
}

/// The smallest charge, in the smallest unit of the currency
/// (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>).
fn smallest(currency: &str) -> i64 {
    if currency == "gbp" { 30 } else { 50 }
}
