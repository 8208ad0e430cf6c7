//! The card processor: one outcome per key and one charge per token, whatever gets lost on the way.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

use super::{Sim, locked, scheduler::Owner};
use crate::cards::charge_proof;
use payments::{
    charge::{Charge, PaymentToken, Refund},
    ids::PaymentId,
    money::UsdCents,
    ports::{
        CardError, CardOutcome, CardRail, ChargeFacts, NewCharge, PreparationError, RefundAnswer,
        StablePayer, TokenView,
    },
    settlement::PaymentFailure,
    time::UnixMs,
};

/// How long a request may stay under way after its sender gave up, in milliseconds.
const LATE_MS: u64 = 120_000;
/// The longest that a charge may be undecided, in milliseconds.
const UNDECIDED_MS: u64 = 600_000;

/// Everything that was charged or declined.
#[derive(Default)]
pub struct Processor {
    /// By key.
    pub charges: BTreeMap<String, Landed>,
    /// Which key each token was charged under.
    tokens: BTreeMap<[u8; 32], String>,
}

/// A charge that arrived.
#[derive(Clone)]
pub struct Landed {
    /// For which intent.
    pub intent: PaymentId,
    /// How much.
    pub amount: UsdCents,
    settles: bool,
    decided_at: UnixMs,
}

/// The processor as one process reaches it.
pub struct SimCards {
    pub sim: Arc<Sim>,
}

// === impl Landed ===

impl Landed {
    /// What has become of it by now; none is not decided.
    pub fn settled(&self, now: UnixMs) -> Option<bool> {
        (self.decided_at <= now).then_some(self.settles)
    }
}

impl SimCards {
    fn fault(&self) {
        self.sim.count(|counts| counts.card_faults += 1);
    }

    fn lost(&self, why: &str) -> CardError {
        self.fault();
        CardError::Unreachable(why.to_owned())
    }
}

/// What the processor does with a charge that reached it.
fn land(sim: &Sim, intent: PaymentId, charge: &Charge, amount: UsdCents) -> Landed {
    let now = sim.scheduler.now();
    let mut processor = locked(&sim.processor);
    if let Some(known) = processor.charges.get(&charge.stripe_key) {
        return known.clone();
    }
    let undecided_ms =
        if sim.chance(sim.card_odds().undecided) { sim.below(UNDECIDED_MS) } else { 0 };
    let settles = !sim.chance(sim.card_odds().declined);
    let landed = Landed {
        intent,
        amount,
        settles,
        decided_at: now.plus_ms(i64::try_from(undecided_ms).unwrap_or(0)),
    };
    processor.charges.insert(charge.stripe_key.clone(), landed.clone());
    let other = processor.tokens.insert(charge.key.token_sha256, charge.stripe_key.clone());
    drop(processor);
    if let Some(other) = other {
        sim.violated(format!("the token of {other} is charged again under {}", charge.stripe_key));
    }
    landed
}

#[async_trait]
impl CardRail for SimCards {
    async fn token(&self, _: &PaymentToken) -> Result<TokenView, CardError> {
        self.sim.under_way().await;
        if self.sim.chance(self.sim.card_odds().lost) {
            return Err(self.lost("the look at the token is lost"));
        }
        Ok(TokenView {
            payer: StablePayer::TokenAlone,
            agent_profile: None,
            livemode: false,
            deactivated: None,
            currency: Some(String::from("usd")),
            left_minor: Some(1_200),
            expires_unix_s: None,
        })
    }

    fn prepare(
        &self,
        intent: PaymentId,
        charge: NewCharge,
        at: UnixMs,
    ) -> Result<Charge, PreparationError> {
        let NewCharge { key, agent_token_sha256, .. } = charge;
        let stripe_key = Charge::stripe_key_of(intent);
        Ok(Charge {
            key,
            stripe_key,
            sealed_params: b"sealed".to_vec(),
            agent_token_sha256,
            saved_at: at,
        })
    }

    async fn charge(
        &self,
        intent: PaymentId,
        charge: &Charge,
        amount: UsdCents,
        _: UnixMs,
    ) -> Result<CardOutcome, CardError> {
        let (sim, odds) = (&self.sim, self.sim.card_odds());
        sim.check_charging(intent, charge);
        sim.under_way().await;
        if sim.chance(odds.busy) {
            self.fault();
            return Err(CardError::Busy { retry_after_s: 2 });
        }
        if sim.chance(odds.lost) {
            return Err(self.lost("refused connection"));
        }
        if sim.chance(odds.late) {
            let (late, world, charge) = (sim.below(LATE_MS), Arc::clone(sim), charge.clone());
            sim.scheduler.spawn(Owner::World, async move {
                world.pause(late).await;
                world.trace(|| format!("processor: {} lands late", charge.stripe_key));
                land(&world, intent, &charge, amount);
            });
            return Err(self.lost("timeout"));
        }
        let landed = land(sim, intent, charge, amount);
        sim.under_way().await;
        if sim.chance(odds.reply_lost) {
            return Err(self.lost("no whole answer"));
        }
        match landed.settled(sim.scheduler.now()) {
            Some(true) => Ok(CardOutcome::Settled(charge_proof(intent))),
            Some(false) => match PaymentFailure::declined("insufficient_funds") {
                Some(failure) => Ok(CardOutcome::Failed(failure)),
                None => Ok(CardOutcome::Pending),
            },
            None => Ok(CardOutcome::Pending),
        }
    }

    async fn refund(&self, _: &Refund, _: UnixMs) -> Result<RefundAnswer, CardError> {
        Err(self.lost("nobody refunds here"))
    }

    async fn facts(&self, _: &str) -> Result<ChargeFacts, CardError> {
        Ok(ChargeFacts::default())
    }

    async fn ready(&self) -> Result<(), CardError> {
        Ok(())
    }
}
