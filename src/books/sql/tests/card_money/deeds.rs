//! What clients, operators, the dashboard and the bank do.

use payments::{
    funding::Funding,
    ids::PaymentId,
    ports::{
        Books, CardBooks, Claimed, Clock, Dispute, DisputeState, RefundApproval, RefundOutcome,
    },
};
use testkit::{
    suite::{Draft, charged_by},
    upstream::answer,
};

use super::{CARDS, Held, Paid, World};

impl World<'_> {
    pub(super) async fn buy_pack(&mut self) {
        let (card, draft) = self.draft();
        let draft = draft.pack(card);
        let Claimed::New(signed) = self.books.claim(draft.claim()).await.unwrap() else { return };
        let charged =
            self.books.apply(signed.charged(charged_by(&signed), draft.at).unwrap()).await.unwrap();
        let intent = self.books.apply(charged.granted(draft.at).unwrap()).await.unwrap();
        self.pay(
            Paid {
                payment_intent: format!("pi_{}", intent.id),
                intent,
                card,
                pack_credits: 20,
                refused: false,
            },
            1_200,
        );
    }

    /// By card or, where there are some, on a credit.
    pub(super) async fn launch(&mut self) {
        let (card, draft) = self.draft();
        let draft = draft.by_card(card);
        let Claimed::New(claimed) = self.books.claim(draft.claim()).await.unwrap() else { return };
        let (at, refused) = (draft.at, self.rng.chance(500));
        let launch = format!("l{}", self.number);
        if matches!(claimed.funding, Funding::Credit { .. }) {
            self.story.push(format!("{} on a credit, refused {refused}", claimed.id));
            let ended = if refused {
                claimed.refused(answer(422, "no"), at, at)
            } else {
                claimed.created(answer(201, "l"), launch, at)
            };
            self.books.apply(ended.unwrap()).await.unwrap();
            self.spent[usize::try_from(card).unwrap()] += u64::from(!refused);
            return;
        }
        let funded =
            self.books.apply(claimed.funded(charged_by(&claimed), at).unwrap()).await.unwrap();
        let ended = if refused {
            funded.refused(answer(422, "no"), at, at)
        } else {
            funded.created(answer(201, "l"), launch, at)
        };
        let intent = self.books.apply(ended.unwrap()).await.unwrap();
        self.pay(
            Paid {
                payment_intent: format!("pi_{}", intent.id),
                intent,
                card,
                pack_credits: 0,
                refused,
            },
            60,
        );
    }

    fn pay(&mut self, paid: Paid, cents: u64) {
        self.story.push(format!(
            "{} of card {} pays {cents}, refused {}",
            paid.intent.id, paid.card, paid.refused
        ));
        self.processor.inner().charges.entry(paid.payment_intent.clone()).or_default().paid = cents;
        self.paid.push(paid);
    }

    fn draft(&mut self) -> (u64, Draft) {
        self.number += 1;
        let at = self.clock_now();
        (self.rng.below(CARDS), Draft { at, ..Draft::numbered(self.number) })
    }

    pub(super) async fn approve(&mut self) {
        let Some(approval) = self.approval() else { return };
        let approved = self.books.approve_refund(approval).await;
        self.story.push(format!("approved: {approved:?}"));
    }

    pub(super) async fn credit_instead(&mut self) {
        let Some(approval) = self.approval() else { return };
        let credited = self.books.credit_instead(approval).await;
        self.story.push(format!("credited: {credited:?}"));
    }

    fn approval(&mut self) -> Option<RefundApproval> {
        let refused: Vec<PaymentId> =
            self.paid.iter().filter(|paid| paid.refused).map(|paid| paid.intent.id).collect();
        let intent = (!refused.is_empty()).then(|| refused[self.rng.index(refused.len())])?;
        Some(RefundApproval {
            intent,
            reason: String::from("asked for"),
            via: "cli",
            at: self.clock_now(),
            dry_run: false,
        })
    }

    /// A refund that is pending ends; one that succeeded fails.
    pub(super) fn decide_refund(&mut self) {
        let Some(at) = self.any_paid() else { return };
        let name = self.paid[at].payment_intent.clone();
        let fails = self.rng.chance(500);
        let mut inner = self.processor.inner();
        let given = inner.charges.get_mut(&name).and_then(|charged| charged.refunds.last_mut());
        let Some(given) = given else { return };
        given.outcome = match given.outcome {
            RefundOutcome::Pending if !fails => RefundOutcome::Refunded,
            RefundOutcome::Pending | RefundOutcome::Refunded => RefundOutcome::Failed,
            ended @ (RefundOutcome::Failed | RefundOutcome::Elsewhere { .. }) => ended,
        };
        let told = format!("the last refund of {name} is {:?}", given.outcome);
        drop(inner);
        self.story.push(told);
    }

    pub(super) fn refund_on_dashboard(&mut self) {
        let Some(at) = self.any_paid() else { return };
        let name = self.paid[at].payment_intent.clone();
        let part = self.rng.pick(&[1, 2, 3]);
        let mut inner = self.processor.inner();
        let Some(charged) = inner.charges.get_mut(&name) else { return };
        let cents = charged.left() / part;
        if cents > 0 {
            charged.give(None, cents, RefundOutcome::Refunded);
        }
        drop(inner);
        self.story.push(format!("{cents} of {name} are refunded on the dashboard"));
    }

    pub(super) fn dispute(&mut self) {
        let Some(at) = self.any_paid() else { return };
        let name = self.paid[at].payment_intent.clone();
        let (part, state) = (
            self.rng.pick(&[1, 1, 2, 3]),
            self.rng.pick(&[DisputeState::Open, DisputeState::Inquiry]),
        );
        let mut inner = self.processor.inner();
        let Some(charged) = inner.charges.get_mut(&name) else { return };
        let amount_cents = charged.left() / part;
        if amount_cents > 0 {
            let (id, reason) =
                (format!("dp_{at}_{}", charged.disputes.len()), String::from("fraudulent"));
            let status = String::from("as_told");
            charged.disputes.push(Dispute {
                id,
                amount_cents,
                state,
                status,
                reason,
                due_by: None,
            });
        }
        drop(inner);
        self.story.push(format!("{amount_cents} of {name} are disputed: {state:?}"));
    }

    pub(super) fn decide_dispute(&mut self) {
        let Some(at) = self.any_paid() else { return };
        let name = self.paid[at].payment_intent.clone();
        let drawn = self.rng.pick(&[DisputeState::Won, DisputeState::Lost]);
        let mut inner = self.processor.inner();
        let Some(charged) = inner.charges.get_mut(&name) else { return };
        let left = charged.left();
        let Some(dispute) = charged.disputes.last_mut() else { return };
        dispute.state = match dispute.state {
            // The money may have gone another way meanwhile.
            DisputeState::Inquiry if dispute.amount_cents <= left => DisputeState::Open,
            DisputeState::Open => drawn,
            DisputeState::Lost => DisputeState::Won,
            ended @ (DisputeState::Inquiry | DisputeState::Won | DisputeState::Unrecognised) => {
                ended
            }
        };
        let told = format!("{} is {:?}", dispute.id, dispute.state);
        drop(inner);
        self.story.push(told);
    }

    pub(super) async fn hold_facts(&mut self) {
        let Some(at) = self.any_paid() else { return };
        let paid = &self.paid[at];
        let looks_before = self.books.looks_at(paid.intent.id).await.unwrap();
        let facts = self.processor.inner().charges[&paid.payment_intent].facts();
        self.held.push(Held { id: paid.intent.id, facts, looks_before });
    }

    pub(super) async fn book_held(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let held = self.held.swap_remove(self.rng.index(self.held.len()));
        self.story.push(format!("late for {}: {:?}", held.id, held.facts));
        let booked =
            self.books.book_facts(held.id, &held.facts, held.looks_before, self.clock.now()).await;
        self.story.push(format!("{booked:?}"));
    }

    fn clock_now(&self) -> payments::time::UnixMs {
        self.clock.now()
    }
}
