//! What a process does with a request by card: the same functions of the rules, in the order of the
//! service's API.

use std::sync::Arc;

use super::{
    gateway::{Answer, Process},
    oracle::Attendance,
};
use crate::{
    suite::{LAUNCH_PRICE_CARD, PACK_CREDITS, PACK_PRICE},
    wallet::nonce,
    world::{FOR_ONE_CREDIT, kept},
};
use payments::{
    agent::Payer,
    charge::PaymentToken,
    checkout::{CardRequest, ClaimError, PresentedCard, Progress, claim_card},
    fingerprint::Fingerprint,
    funding::{FundingRefusal, Product},
    ids::PaymentId,
    intent::{Intent, State},
    money::UsdCents,
    ports::{BooksError, ClaimKey, ClaimRefusal, Claimed, Known},
    proof::{ChallengeId, ChargeKey, ProofKey},
};

/// What an agent with a card sends.
#[derive(Clone, Debug)]
pub struct CardCall {
    /// Whose card it is.
    pub holder: u8,
    /// Its challenge and payment token; none where an agent token says who asks.
    pub paid_with: Option<u64>,
    /// Its body.
    pub body: String,
    /// It buys the pack.
    pub pack: bool,
}

impl CardCall {
    fn payer(&self) -> Payer {
        Payer::Card(format!("holder{}", self.holder))
    }

    fn key(&self) -> Option<ChargeKey> {
        self.paid_with.map(|number| ChargeKey {
            challenge_id: ChallengeId(nonce(number)),
            token_sha256: nonce(number + 1_000_000),
        })
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(
            "POST",
            if self.pack { "/credits/purchase" } else { "/launches" },
            "",
            self.body.as_bytes(),
        )
    }
}

impl Process {
    /// Answers one request by card.
    pub async fn answer_card(self: Arc<Self>, call: CardCall) -> Answer {
        self.sim.under_way().await;
        self.sim.count(|counts| counts.requests += 1);
        self.sim.trace(|| format!("process {} gets {call:?}", self.number));
        let fingerprint = call.fingerprint();
        let key = ClaimKey { proof: call.key().map(ProofKey::Charge), idempotency: None };
        if key.proof.is_some() {
            match self.world.books.known(&key).await {
                Err(_) => return Answer::Failed,
                Ok(Some(known)) => return self.known_card(fingerprint, known).await,
                Ok(None) => {}
            }
        }
        let price = if call.pack { PACK_PRICE } else { LAUNCH_PRICE_CARD };
        let Some(card) = self.presented(&call, price).await else { return Answer::Failed };
        if !call.pack && self.world.upstream.gate().is_err() {
            return Answer::Failed;
        }
        let product =
            if call.pack { Product::Pack { credits: PACK_CREDITS } } else { FOR_ONE_CREDIT };
        let id = self.world.ids.payment_id();
        let asked = CardRequest {
            id,
            payer: call.payer(),
            card,
            fingerprint,
            request: kept(&call.body),
            product,
            idempotency_key: None,
        };
        match claim_card(&self.world, asked).await {
            Ok(Claimed::New(intent)) => {
                let attendance =
                    Attendance::owner(&self.sim, Arc::clone(&self.world.books), intent.id);
                let id = intent.id;
                self.start(intent, Progress::live());
                self.awaited_card(id, attendance).await
            }
            Ok(Claimed::Joined(intent)) => {
                let attendance =
                    Attendance::visitor(&self.sim, Arc::clone(&self.world.books), intent.id);
                self.awaited_card(intent.id, attendance).await
            }
            Ok(Claimed::Known(known)) => self.known_card(fingerprint, known).await,
            Ok(Claimed::Refused(ClaimRefusal::Funding(
                FundingRefusal::NoCredit | FundingRefusal::Frozen,
            ))) => Answer::Challenge,
            Ok(Claimed::Refused(ClaimRefusal::Funding(_))) => Answer::TooMany,
            Err(ClaimError::Books(BooksError::NotKnown(_))) => self.not_known(id),
            Ok(Claimed::Refused(ClaimRefusal::Preparation(_) | ClaimRefusal::QueueFull))
            | Err(_) => Answer::Failed,
        }
    }

    /// The card behind the call, if the processor knows it; outer none when it does not say.
    async fn presented(&self, call: &CardCall, price: UsdCents) -> Option<Option<PresentedCard>> {
        let (Some(key), Some(number), Some(cards)) =
            (call.key(), call.paid_with, &self.world.cards)
        else {
            return Some(None);
        };
        let token = PaymentToken::parse(&format!("spt_{number:024}")).ok()?;
        cards.rail.token(&token).await.ok()?;
        Some(Some(PresentedCard { key, token, price }))
    }

    async fn known_card(&self, fingerprint: Fingerprint, known: Known) -> Answer {
        let Some(intent) = known.intent.filter(|_| known.half_known.is_none()) else {
            return Answer::Conflict;
        };
        if known.fingerprint != fingerprint {
            return Answer::Conflict;
        }
        self.sim.count(|counts| counts.replayed += 1);
        let attendance = Attendance::visitor(&self.sim, Arc::clone(&self.world.books), intent.id);
        self.awaited_card(intent.id, attendance).await
    }

    async fn awaited_card(&self, id: PaymentId, attendance: Attendance) -> Answer {
        let until = self.sim.scheduler.now().plus_ms(self.sim.plan.patience_ms);
        while self.sim.scheduler.now() < until {
            match self.world.books.intent(id).await {
                Err(_) => break,
                Ok(Some(intent)) if intent.state.is_terminal() => {
                    return self.of_card_intent(&intent, attendance);
                }
                Ok(_) => self.sim.pause(250).await,
            }
        }
        attendance.sent_away(self.number);
        Answer::Pending
    }

    fn of_card_intent(&self, intent: &Intent, attendance: Attendance) -> Answer {
        match intent.state {
            State::Created | State::Granted => {
                attendance.delivered();
                Answer::Done
            }
            State::Rejected | State::Released => {
                attendance.delivered();
                Answer::Refused
            }
            _ => {
                self.sim.check_card_challenge(intent);
                Answer::Challenge
            }
        }
    }
}
