//! The rail against the Stripe emulator: the same charge, whatever happens to the calls.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use payments::{
    charge::{Charge, PaymentToken, Refund},
    ports::{
        CardError, CardOutcome, CardRail, Clock, DisputeState, NewCharge, RefundOutcome,
        StablePayer,
    },
    time::UnixMs,
};
use sandbox::stripe::{Emulator, EmulatorConfig, Fault, Rule, SECRET_KEY};
use stripe_client_core::StripeRequest;
use stripe_core::payment_intent::ListPaymentIntent;

use super::{
    super::{
        StripeRail,
        objects::{Page, PaymentIntent},
    },
    world::{AMOUNT, HOUR_MS, SAVED_AT, TestSealer, config, declined, intent, new_charge},
};

/// The emulator's own time.
struct Moved(Arc<AtomicU64>);

#[async_trait]
impl Clock for Moved {
    fn now(&self) -> UnixMs {
        UnixMs::from_s(i64::try_from(self.0.load(Ordering::Relaxed)).unwrap())
    }

    async fn sleep_ms(&self, _: u64) {}
}

struct World {
    emulator: Emulator,
    time_s: Arc<AtomicU64>,
    rail: StripeRail,
}

impl World {
    async fn new() -> Self {
        let time_s = Arc::new(AtomicU64::new(SAVED_AT.protocol_s()));
        let clock = Arc::clone(&time_s);
        let made = EmulatorConfig::in_memory(Arc::new(move || clock.load(Ordering::Relaxed)));
        let emulator = Emulator::start(made).await.unwrap();
        let mut config = config(&emulator.base_url());
        config.secret_key = SECRET_KEY.to_owned();
        let rail =
            StripeRail::new(&config, Arc::new(TestSealer), Arc::new(Moved(Arc::clone(&time_s))))
                .unwrap();
        Self { emulator, time_s, rail }
    }

    fn token(&self, method: &str) -> PaymentToken {
        let expires = SAVED_AT.plus_s(3_600).unix_s().to_string();
        let limits = [
            ("usage_limits[currency]", "usd"),
            ("usage_limits[max_amount]", "60"),
            ("usage_limits[expires_at]", &expires),
        ];
        let granted = self
            .emulator
            .grant(&[&[("payment_method", method)][..], &limits[..]].concat())
            .unwrap();
        PaymentToken::parse(granted["id"].as_str().unwrap()).unwrap()
    }

    fn charge_of(&self, token: PaymentToken) -> Charge {
        self.rail.prepare(intent(), NewCharge { token, ..new_charge() }, SAVED_AT).unwrap()
    }

    fn fault(&self, path: &str, fault: Fault, times: u32) {
        self.emulator
            .fault(Rule { method: String::from("POST"), path: path.to_owned(), fault, times })
            .unwrap();
    }

    async fn round(&self, charge: &Charge, now: UnixMs) -> Result<CardOutcome, CardError> {
        self.time_s.store(now.protocol_s(), Ordering::Relaxed);
        self.rail.charge(intent(), charge, AMOUNT, now).await
    }

    fn charges_sent(&self) -> usize {
        self.emulator
            .calls()
            .iter()
            .filter(|call| call.method == "POST" && call.path == "/v1/payment_intents")
            .count()
    }
}

fn paid(outcome: Result<CardOutcome, CardError>) -> String {
    match outcome {
        Ok(CardOutcome::Settled(proof)) => proof.payment_intent,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_charge_is_made_once_whatever_happens_to_its_answers() {
    use Fault::{Conflict, DropAfter, DropBefore, ErrorAfter, ErrorBefore, RateLimited};
    for fault in
        [DropBefore, DropAfter, ErrorBefore, ErrorAfter, Conflict, RateLimited { retry_after_s: 3 }]
    {
        let world = World::new().await;
        let token = world.token("pm_card_visa");
        let charge = world.charge_of(token.clone());
        world.fault("/v1/payment_intents", fault.clone(), 2);
        for second in 1..=2 {
            match world.round(&charge, SAVED_AT.plus_s(10 * second)).await {
                // A kept fault is seen through at the second try.
                Ok(CardOutcome::Settled(_))
                | Err(CardError::Unreachable(_) | CardError::Busy { .. }) => {}
                other => panic!("{fault:?}: {other:?}"),
            }
        }
        let payment = paid(world.round(&charge, SAVED_AT.plus_s(30)).await);
        assert_eq!(paid(world.round(&charge, SAVED_AT.plus_s(40)).await), payment, "{fault:?}");
        assert_eq!(
            paid(world.round(&charge, SAVED_AT.plus_ms(30 * HOUR_MS)).await),
            payment,
            "{fault:?}"
        );
        let view = world.rail.token(&token).await.unwrap();
        assert_eq!((view.left_minor, view.deactivated.as_deref()), (Some(0), Some("consumed")));
    }
}

#[tokio::test]
async fn a_charge_that_never_arrived_ends_without_being_sent_late() {
    let world = World::new().await;
    let charge = world.charge_of(world.token("pm_card_visa"));
    world.fault("/v1/payment_intents", Fault::DropBefore, 1);
    world.round(&charge, SAVED_AT.plus_s(1)).await.unwrap_err();
    let sent = world.charges_sent();
    assert!(matches!(
        world.round(&charge, SAVED_AT.plus_ms(24 * HOUR_MS)).await,
        Err(CardError::Unreachable(_))
    ));
    assert_eq!(
        world.round(&charge, SAVED_AT.plus_ms(26 * HOUR_MS)).await,
        Ok(declined("payment_never_made"))
    );
    assert_eq!(world.charges_sent(), sent);
}

#[tokio::test]
async fn cards_that_say_no_and_tokens_that_are_spent_are_failures() {
    for (method, word) in [
        ("pm_card_insufficient_funds", "insufficient_funds"),
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_authenticationRequired", "authentication_required"),
    ] {
        let world = World::new().await;
        let charge = world.charge_of(world.token(method));
        for second in 1..=2 {
            assert_eq!(world.round(&charge, SAVED_AT.plus_s(second)).await, Ok(declined(word)));
        }
    }
    let world = World::new().await;
    let late = world.charge_of(world.token("pm_card_visa"));
    assert_eq!(
        world.round(&late, SAVED_AT.plus_s(3_601)).await,
        Ok(declined("payment_token_expired"))
    );
    let unknown = world.charge_of(PaymentToken::parse("spt_nobody").unwrap());
    let unknown = Charge { stripe_key: String::from("tp_another"), ..unknown };
    assert_eq!(
        world.round(&unknown, SAVED_AT.plus_s(1)).await,
        Ok(declined("payment_token_unknown"))
    );
    assert_eq!(
        world.rail.token(&PaymentToken::parse("spt_nobody").unwrap()).await,
        Err(CardError::UnknownToken)
    );
}

#[tokio::test]
async fn a_charge_that_is_processing_is_pending_until_it_is_decided() {
    for succeeds in [true, false] {
        let world = World::new().await;
        let charge = world.charge_of(world.token("pm_card_processing"));
        assert_eq!(world.round(&charge, SAVED_AT.plus_s(1)).await, Ok(CardOutcome::Pending));
        let request = ListPaymentIntent::new().build();
        let listed =
            world.rail.http.ask::<Page<PaymentIntent>>(request, None).await.unwrap().object;
        let [payment] = listed.data.as_slice() else { panic!("one payment") };
        world.emulator.settle_intent(&payment.id, succeeds).unwrap();
        let outcome = world.round(&charge, SAVED_AT.plus_s(2)).await;
        if succeeds {
            assert_eq!(paid(outcome), payment.id)
        } else {
            assert_eq!(outcome, Ok(declined("generic_decline")))
        }
    }
}

#[tokio::test]
async fn a_refund_goes_back_once_whatever_happens_to_its_answers() {
    for fault in [Fault::DropAfter, Fault::ErrorAfter, Fault::DropBefore] {
        let world = World::new().await;
        let payment_intent = paid(
            world.round(&world.charge_of(world.token("pm_card_visa")), SAVED_AT.plus_s(1)).await,
        );
        let refund = Refund::approved(intent(), payment_intent.clone(), AMOUNT.get(), 1, SAVED_AT);
        world.fault("/v1/refunds", fault, 1);
        world.rail.refund(&refund, SAVED_AT.plus_s(2)).await.unwrap_err();
        for now in [SAVED_AT.plus_s(3), SAVED_AT.plus_s(4), SAVED_AT.plus_ms(48 * HOUR_MS)] {
            assert_eq!(
                world.rail.refund(&refund, now).await.map(|answer| answer.outcome),
                Ok(RefundOutcome::Refunded)
            );
        }
        let facts = world.rail.facts(&payment_intent).await.unwrap();
        assert_eq!((facts.refunded_cents, facts.ours_cents), (AMOUNT.get(), AMOUNT.get()));
    }
}

#[tokio::test]
async fn facts_follow_a_dispute_from_its_opening_to_its_end() {
    let world = World::new().await;
    let charge = world.charge_of(world.token("pm_card_visa"));
    let Ok(CardOutcome::Settled(proof)) = world.round(&charge, SAVED_AT.plus_s(1)).await else {
        panic!("not paid")
    };
    assert!(world.rail.facts(&proof.payment_intent).await.unwrap().disputes.is_empty());
    let opened = world.emulator.open_dispute(&proof.charge.unwrap(), "fraudulent").unwrap();
    let states = async || {
        let facts = world.rail.facts(&proof.payment_intent).await.unwrap();
        facts
            .disputes
            .into_iter()
            .map(|dispute| (dispute.amount_cents, dispute.state))
            .collect::<Vec<_>>()
    };
    assert_eq!(states().await, [(60, DisputeState::Open)]);
    world.emulator.close_dispute(opened["id"].as_str().unwrap(), true).unwrap();
    assert_eq!(states().await, [(60, DisputeState::Won)]);
}

#[tokio::test]
async fn the_same_card_has_the_same_name_from_one_token_to_the_next() {
    let world = World::new().await;
    world.rail.ready().await.unwrap();
    let payer = async |method: &str| world.rail.token(&world.token(method)).await.unwrap().payer;
    let visa = payer("pm_card_visa").await;
    assert!(matches!(&visa, StablePayer::CardFingerprint(_)));
    assert_eq!(payer("pm_card_visa").await, visa);
    assert_ne!(payer("pm_card_mastercard").await, visa);
    assert!(matches!(payer("pm_link").await, StablePayer::LinkEmail(_)));
    assert_eq!(payer("pm_card_noFingerprint").await, StablePayer::TokenAlone);
}
