//! What is only read: tokens, facts of settled charges, whether the key is taken.

use std::collections::BTreeMap;

use payments::{
    charge::PaymentToken,
    ports::{CardError, ChargeFacts, Dispute, DisputeState, StablePayer, TokenView},
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::payment_intent::ListPaymentIntent;
use stripe_shared::DisputeStatus;

use super::{
    StripeRail,
    http::{Fault, plain_id},
    objects::{self, GrantedToken, Page, PaymentIntent},
};

impl StripeRail {
    /// `GET /v1/shared_payment/granted_tokens/:id`.
    pub(super) async fn token_view(&self, token: &PaymentToken) -> Result<TokenView, CardError> {
        let path = format!("/shared_payment/granted_tokens/{}", token.expose());
        let seen = match self.http.ask::<GrantedToken>(RequestBuilder::new(StripeMethod::Get, path), None).await {
            Ok(told) => told.object,
            Err(Fault::Refused(refusal)) if refusal.is_no_such_token() => return Err(CardError::UnknownToken),
            Err(fault) => return Err(fault.into()),
        };
        self.same_mode(seen.livemode)?;
        let captured = seen.usage_details.as_ref().and_then(|it| it.amount_captured.as_ref()).map_or(0, |it| it.value);
        let ended = seen.deactivated_at.map(|_| String::from("deactivated"));
        Ok(TokenView {
            payer: payer(seen.payment_method_details.as_ref()),
            agent_profile: seen.agent_details.and_then(|it| it.network_business_profile).filter(|it| !it.is_empty()),
            livemode: seen.livemode,
            deactivated: seen.deactivated_reason.or(ended),
            currency: seen.usage_limits.currency.to_ascii_lowercase(),
            left_minor: seen.usage_limits.max_amount.saturating_sub(captured),
            expires_unix_s: seen.usage_limits.expires_at,
        })
    }

    /// The payment's charge with what went back of it, and its disputes.
    pub(super) async fn charge_facts(&self, payment_intent: &str) -> Result<ChargeFacts, CardError> {
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
            return Err(CardError::Unreachable(String::from("the payment has too many disputes to read")));
        }
        let mut disputes = Vec::new();
        // The newest stands first.
        for dispute in page.data.into_iter().rev() {
            self.same_mode(dispute.livemode)?;
            let state = dispute_state(&dispute.status)?;
            disputes.extend(state.map(|state| Dispute { id: dispute.id, amount_cents: dispute.amount, state }));
        }
        Ok(ChargeFacts { refunded_cents: charge.amount_refunded, disputes })
    }

    /// A call that every key must be allowed that looks charges up.
    pub(super) async fn probe(&self) -> Result<(), CardError> {
        let page = self.http.ask::<Page<PaymentIntent>>(ListPaymentIntent::new().limit(1_i64).build(), None).await?.object;
        page.data.iter().try_for_each(|payment| self.same_mode(payment.livemode))
    }
}

fn payer(method: Option<&objects::MethodDetails>) -> StablePayer {
    let Some(method) = method else { return StablePayer::TokenAlone };
    let fingerprint = method.card.as_ref().and_then(|card| card.fingerprint.as_deref()).filter(|it| !it.is_empty());
    if let Some(fingerprint) = fingerprint {
        return StablePayer::CardFingerprint(fingerprint.to_owned());
    }
    match method.link.as_ref().and_then(|link| link.email.as_deref()).filter(|it| !it.is_empty()) {
        Some(email) => StablePayer::LinkEmail(email.to_lowercase()),
        None => StablePayer::TokenAlone,
    }
}

/// An inquiry takes no money, and neither does a dispute that was prevented: neither is one for the books.
fn dispute_state(status: &str) -> Result<Option<DisputeState>, CardError> {
    let Ok(status) = status.parse::<DisputeStatus>();
    match status {
        DisputeStatus::NeedsResponse | DisputeStatus::UnderReview => Ok(Some(DisputeState::Open)),
        DisputeStatus::Won => Ok(Some(DisputeState::Won)),
        DisputeStatus::Lost => Ok(Some(DisputeState::Lost)),
        DisputeStatus::WarningNeedsResponse
        | DisputeStatus::WarningUnderReview
        | DisputeStatus::WarningClosed
        | DisputeStatus::Prevented => Ok(None),
        _ => Err(CardError::Unreachable(String::from("the dispute is in a state that is not expected"))),
    }
}
