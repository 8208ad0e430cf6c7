//! What is only read: tokens, facts of settled charges, whether the key is taken.

use std::collections::BTreeMap;

use payments::{
    charge::PaymentToken,
    ports::{CardError, ChargeFacts, Dispute, DisputeState, FraudWarning, StablePayer, TokenView},
    time::UnixMs,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::payment_intent::ListPaymentIntent;
use stripe_shared::DisputeStatus;

use super::{
    StripeRail,
    http::{Fault, plain_id},
    objects::{self, GrantedToken, Page, PaymentIntent},
    refund::{GivenBack, given_back},
};

impl StripeRail {
    /// `GET /v1/shared_payment/granted_tokens/:id`.
    pub(super) async fn token_view(&self, token: &PaymentToken) -> Result<TokenView, CardError> {
        let path = format!("/shared_payment/granted_tokens/{}", token.expose());
        let seen = match self
            .http
            .ask::<GrantedToken>(RequestBuilder::new(StripeMethod::Get, path), None)
            .await
        {
            Ok(told) => told.object,
            Err(Fault::Refused(refusal)) if refusal.is_no_such_token() => {
                return Err(CardError::UnknownToken);
            }
            Err(fault) => return Err(fault.into()),
        };
        self.same_mode(seen.livemode)?;
        let captured = seen
            .usage_details
            .as_ref()
            .and_then(|it| it.amount_captured.as_ref())
            .map_or(0, |it| it.value);
        let ended = seen.deactivated_at.map(|_| String::from("deactivated"));
        let limits = seen.usage_limits.as_ref();
        Ok(TokenView {
            payer: payer(seen.payment_method_details.as_ref()),
            agent_profile: seen
                .agent_details
                .and_then(|it| it.network_business_profile)
                .filter(|it| !it.is_empty()),
            livemode: seen.livemode,
            deactivated: seen.deactivated_reason.or(ended),
            currency: limits.and_then(|it| it.currency.as_deref()).map(str::to_ascii_lowercase),
            left_minor: limits
                .and_then(|it| it.max_amount)
                .map(|most| most.saturating_sub(captured)),
            expires_unix_s: limits.and_then(|it| it.expires_at),
        })
    }

    /// The payment's charge with what went back of it, and its disputes.
    pub(super) async fn charge_facts(
        &self,
        payment_intent: &str,
    ) -> Result<ChargeFacts, CardError> {
        let payment = self.payment_intent(payment_intent).await?;
        self.same_mode(payment.livemode)?;
        let Some(charge) = payment.latest_charge.filter(|id| plain_id(id)) else {
            return Err(CardError::Unreachable(String::from("the payment has no charge")));
        };
        let request = RequestBuilder::new(StripeMethod::Get, format!("/charges/{charge}"));
        let charge = self.http.ask::<objects::Charge>(request, None).await?.object;
        self.same_mode(charge.livemode)?;
        let filter = BTreeMap::from([("limit", "100"), ("payment_intent", payment_intent)]);
        let request = RequestBuilder::new(StripeMethod::Get, "/disputes").query(&filter);
        let page = self.http.ask::<Page<objects::Dispute>>(request, None).await?.object;
        if page.has_more {
            return Err(CardError::Unreachable(String::from(
                "the payment has too many disputes to read",
            )));
        }
        let mut disputes = Vec::new();
        // The newest stands first.
        for dispute in page.data.into_iter().rev() {
            self.same_mode(dispute.livemode)?;
            disputes.push(as_told(dispute)?);
        }
        let warnings = self.fraud_warnings(payment_intent).await?;
        // One list, so that what is ours and what is not are of the same moment.
        let back = match charge.amount_refunded {
            0 => GivenBack::default(),
            _ => given_back(&self.refunds_of(payment_intent).await?),
        };
        let GivenBack { total_cents, ours_cents, unrecognised } = back;
        Ok(ChargeFacts {
            refunded_cents: total_cents,
            ours_cents,
            disputes,
            warnings,
            unrecognised,
        })
    }

    /// The card network's warnings about a payment. A key that may not read them is no reason to
    /// know nothing of disputes.
    async fn fraud_warnings(&self, payment_intent: &str) -> Result<Vec<FraudWarning>, CardError> {
        let filter = BTreeMap::from([("limit", "100"), ("payment_intent", payment_intent)]);
        let request =
            RequestBuilder::new(StripeMethod::Get, "/radar/early_fraud_warnings").query(&filter);
        let page = match self.http.ask::<Page<objects::EarlyFraudWarning>>(request, None).await {
            Ok(told) => told.object,
            Err(Fault::Refused(refusal)) if matches!(refusal.status, 400..=404) => {
                tracing::warn!(error = %refusal, "stripe.fraud_warnings_unreadable");
                return Ok(Vec::new());
            }
            Err(fault) => return Err(fault.into()),
        };
        page.data.iter().try_for_each(|warning| self.same_mode(warning.livemode))?;
        let known = page.data.into_iter().filter(|warning| plain_id(&warning.id));
        Ok(known
            .map(|warning| FraudWarning {
                id: warning.id,
                kind: word(warning.fraud_type.as_deref(), "unknown"),
            })
            .collect())
    }

    /// What a settled payment's own charge says of its card.
    pub(super) async fn charged_payer(
        &self,
        payment_intent: &str,
    ) -> Result<StablePayer, CardError> {
        if !plain_id(payment_intent) {
            return Err(CardError::Unreachable(String::from("the payment has no name")));
        }
        let request =
            RequestBuilder::new(StripeMethod::Get, format!("/payment_intents/{payment_intent}"));
        let request = request.query(&BTreeMap::from([("expand[0]", "latest_charge")]));
        let payment = self.http.ask::<objects::ListedPayment>(request, None).await?.object;
        self.same_mode(payment.livemode)?;
        Ok(payer(
            payment
                .latest_charge
                .as_ref()
                .and_then(|charge| charge.payment_method_details.as_ref()),
        ))
    }

    /// The payment that a refund, dispute, charge or warning is about.
    pub(super) async fn payment_behind(&self, object: &str) -> Result<Option<String>, CardError> {
        let path = match object.split_once('_').map(|(kind, _)| kind).filter(|_| plain_id(object)) {
            Some("re" | "pyr") => "/refunds",
            Some("du" | "dp") => "/disputes",
            Some("ch" | "py") => "/charges",
            Some("issfr") => "/radar/early_fraud_warnings",
            _ => return Ok(None),
        };
        let request = RequestBuilder::new(StripeMethod::Get, format!("{path}/{object}"));
        let found = self.http.ask::<objects::OfPayment>(request, None).await?.object;
        found.livemode.map_or(Ok(()), |livemode| self.same_mode(livemode))?;
        Ok(found.payment_intent.filter(|id| plain_id(id)))
    }

    /// A call that every key must be allowed that looks charges up.
    pub(super) async fn probe(&self) -> Result<(), CardError> {
        let page = self
            .http
            .ask::<Page<PaymentIntent>>(ListPaymentIntent::new().limit(1_i64).build(), None)
            .await?
            .object;
        page.data.iter().try_for_each(|payment| self.same_mode(payment.livemode))
    }
}

fn payer(method: Option<&objects::MethodDetails>) -> StablePayer {
    let Some(method) = method else { return StablePayer::TokenAlone };
    let fingerprint = method
        .card
        .as_ref()
        .and_then(|card| card.fingerprint.as_deref())
        .filter(|it| !it.is_empty());
    if let Some(fingerprint) = fingerprint {
        return StablePayer::CardFingerprint(fingerprint.to_owned());
    }
    match method.link.as_ref().and_then(|link| link.email.as_deref()).filter(|it| !it.is_empty()) {
        Some(email) => StablePayer::LinkEmail(email.to_lowercase()),
        None => StablePayer::TokenAlone,
    }
}

fn as_told(dispute: objects::Dispute) -> Result<Dispute, CardError> {
    if !plain_id(&dispute.id) {
        return Err(CardError::Unreachable(String::from("the answer names no dispute")));
    }
    Ok(Dispute {
        state: dispute_state(&dispute.status),
        amount_cents: dispute.amount,
        status: word(Some(&dispute.status), "unknown"),
        reason: word(dispute.reason.as_deref(), "unknown"),
        due_by: dispute
            .evidence_details
            .and_then(|it| it.due_by)
            .filter(|at| *at > 0)
            .map(UnixMs::from_s),
        id: dispute.id,
    })
}

/// A word of Stripe's, as tables and pages may show it.
fn word(text: Option<&str>, otherwise: &str) -> String {
    text.filter(|text| plain_id(text)).unwrap_or(otherwise).to_owned()
}

/// An inquiry takes no money, and neither does a dispute that was prevented. A word that is not
/// known here is no reason to book anything.
fn dispute_state(status: &str) -> DisputeState {
    let Ok(status) = status.parse::<DisputeStatus>();
    match status {
        DisputeStatus::NeedsResponse | DisputeStatus::UnderReview => DisputeState::Open,
        DisputeStatus::Won => DisputeState::Won,
        DisputeStatus::Lost => DisputeState::Lost,
        DisputeStatus::WarningNeedsResponse
        | DisputeStatus::WarningUnderReview
        | DisputeStatus::WarningClosed
        | DisputeStatus::Prevented => DisputeState::Inquiry,
        _ => DisputeState::Unrecognised,
    }
}
