//! Charges, packs and credits: the same claim and the same guarded steps, on the other rail.

use super::{CardPart, Draft, PACK_CREDITS, assert_stale, new};
use crate::{run::together, upstream::answer};
use payments::{
    charge::{ChargeProof, Mischarge},
    funding::{Funding, FundingRefusal, IfRefused},
    intent::{Intent, State},
    ledger::Account,
    money::{Amount, Credits, UsdCents},
    ports::{Books, BooksError, ClaimRefusal, Claimed, HalfKnown},
    settlement::{PaymentFailure, Settlement},
};

const CHARGED: Funding = Funding::MppCharge { if_refused: IfRefused::Credit };

/// Proof that this intent was charged, by a payment of its own at the processor.
pub fn charged_by(intent: &Intent) -> Settlement {
    let payment_intent = format!("pi_{}", intent.id);
    Settlement::Charge(ChargeProof {
        payment_intent,
        charge: Some(format!("ch_{}", intent.id)),
        livemode: false,
    })
}

/// A pack of the card of this number, bought and granted.
pub async fn bought(books: &dyn Books, draft: &Draft) -> Intent {
    let signed = new(books, draft).await;
    let charged =
        books.apply(signed.charged(charged_by(&signed), draft.at).unwrap()).await.unwrap();
    books.apply(charged.granted(draft.at).unwrap()).await.unwrap()
}

async fn balance(books: &dyn Books, account: Account, currency: &str) -> i64 {
    let lines = books.trial_balance().await.unwrap();
    let name = account.to_string();
    lines
        .iter()
        .find(|line| line.account == name && line.currency == currency)
        .map_or(0, |line| line.amount)
}

/// What recovery and replay need is in the row; a card has no transfer.
pub async fn a_charge_keeps_every_detail(books: &dyn Books) {
    let draft = Draft::numbered(1).by_card(7);
    let intent = new(books, &draft).await;
    assert_eq!(books.intent(draft.id()).await.unwrap(), Some(intent.clone()));
    assert_eq!(
        (intent.payer.clone(), intent.price),
        (draft.payer(), Amount::Usd(UsdCents::new(60)))
    );
    assert_eq!(
        (intent.state, &intent.funding, intent.protocol.rail()),
        (State::Signed, &CHARGED, "mpp")
    );
    assert_eq!((intent.transfer.as_ref(), intent.attempts.len()), (None, 0));
    assert_eq!(intent.charge, draft.card.map(|card| card.charge(draft.id(), draft.at)));
    let settled = books.apply(intent.funded(charged_by(&intent), draft.at).unwrap()).await.unwrap();
    assert_eq!(
        (settled.state, settled.settlement.clone()),
        (State::Forwarding, Some(charged_by(&intent)))
    );
    assert_eq!(books.intent(draft.id()).await.unwrap(), Some(settled.clone()));
    assert_eq!(balance(books, Account::StripeClearing, "USD").await, 60);
    let created = books
        .apply(settled.created(answer(201, "l"), String::from("l"), draft.at).unwrap())
        .await
        .unwrap();
    assert!(
        created.charge.unwrap().sealed_params.is_empty(),
        "what could be charged is wiped at the end"
    );
    assert_eq!(balance(books, Account::RevenueLaunch, "USD").await, -60);
}

/// A challenge is answered once and a token charged once; half of a credential gets nobody's
/// answer.
pub async fn a_challenge_and_a_token_are_used_once(books: &dyn Books) {
    let draft = Draft::numbered(1).by_card(7);
    let intent = new(books, &draft).await;
    let same = books.known(&draft.key()).await.unwrap().unwrap();
    assert_eq!((same.intent.map(|intent| intent.id), same.half_known), (Some(intent.id), None));
    let with = |challenge, token| {
        let other = Draft::numbered(2).by_card(8);
        Draft { card: other.card.map(|card| CardPart { challenge, token, ..card }), ..other }
    };
    for (other, half) in [(with(1, 2), HalfKnown::Challenge), (with(2, 1), HalfKnown::Token)] {
        assert_eq!(
            books.known(&other.key()).await.unwrap().and_then(|known| known.half_known),
            Some(half)
        );
        let claimed = books.claim(other.claim()).await.unwrap();
        assert!(
            matches!(&claimed, Claimed::Known(known) if known.half_known == Some(half)),
            "{claimed:?}"
        );
        assert_eq!(books.intent(other.id()).await.unwrap(), None);
    }
}

/// One payment at the processor is one payment here.
pub async fn one_charge_settles_one_intent(books: &dyn Books) {
    let first = new(books, &Draft::numbered(1).by_card(1)).await;
    let second = new(books, &Draft::numbered(2).by_card(2)).await;
    books.apply(first.funded(charged_by(&first), first.created_at).unwrap()).await.unwrap();
    let stolen = books.apply(second.funded(charged_by(&first), second.created_at).unwrap()).await;
    assert!(matches!(stolen, Err(BooksError::Unavailable(_))), "{stolen:?}");
    assert_eq!(books.intent(second.id).await.unwrap(), Some(second));
}

/// A pack is charged, then granted, each once; its money is unearned until its credits are spent.
pub async fn a_pack_is_charged_and_granted_once(books: &dyn Books) {
    let draft = Draft::numbered(1).pack(7);
    let signed = new(books, &draft).await;
    assert_eq!(
        (signed.state, &signed.funding),
        (State::Signed, &Funding::MppPack { credits: PACK_CREDITS })
    );
    let charged =
        books.apply(signed.charged(charged_by(&signed), draft.at).unwrap()).await.unwrap();
    assert_eq!((charged.state, charged.granted_balance), (State::Charged, None));
    let taken = books.take_stuck(draft.at.plus_s(60), draft.at.plus_s(90), 9).await.unwrap();
    assert_eq!(
        taken.iter().map(|intent| intent.id).collect::<Vec<_>>(),
        [charged.id],
        "recovery finds what is charged and not granted"
    );
    assert_stale(books.apply(charged.granted(draft.at).unwrap()).await, charged.id);
    let granted = books.apply(taken[0].granted(draft.at).unwrap()).await.unwrap();
    assert_eq!((granted.state, granted.granted_balance), (State::Granted, Some(PACK_CREDITS)));
    assert!(granted.charge.as_ref().unwrap().sealed_params.is_empty());
    assert_eq!(books.intent(draft.id()).await.unwrap(), Some(granted));
    assert_stale(books.apply(taken[0].granted(draft.at).unwrap()).await, charged.id);
    let payer = draft.payer();
    assert_eq!(balance(books, Account::CreditsOf(payer.clone()), "CREDIT").await, 20);
    assert_eq!(balance(books, Account::Unearned(payer.clone()), "USD").await, -1_200);
    let second = bought(books, &Draft::numbered(2).pack(7)).await;
    assert_eq!(second.granted_balance, Some(Credits::new(40)));
}

/// Twenty launches at once on one credit: one takes it, and the others say what they can do.
pub async fn the_last_credit_is_spent_once(books: &dyn Books) {
    bought(books, &Draft::numbered(100).pack(7)).await;
    for number in 1..=19 {
        assert!(matches!(
            new(books, &Draft::numbered(number).by_token(7)).await.funding,
            Funding::Credit { .. }
        ));
    }
    let drafts: Vec<Draft> = (20..40).map(|number| Draft::numbered(number).by_token(7)).collect();
    let outcomes = together(drafts.iter().map(|draft| books.claim(draft.claim()))).await;
    let spent = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Claimed::New(_)))).count();
    let none = Claimed::Refused(ClaimRefusal::Funding(FundingRefusal::NoCredit));
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(refused) if *refused == none))
        .count();
    assert_eq!((spent, refused), (1, 19));
    let charged = new(books, &Draft::numbered(50).by_card(7)).await;
    assert_eq!(
        charged.funding, CHARGED,
        "a token that can be charged is charged once the credits are gone"
    );
}

/// The money of a pack is earned credit by credit, to the last cent.
pub async fn a_credit_earns_its_share_of_the_pack(books: &dyn Books) {
    bought(books, &Draft::numbered(100).pack(7)).await;
    for number in 1..=20 {
        let intent = new(books, &Draft::numbered(number).by_token(7)).await;
        assert_eq!(
            (intent.state, intent.price),
            (State::Forwarding, Amount::Credits(Credits::new(1)))
        );
        assert_eq!(
            intent.funding,
            Funding::Credit { count: Credits::new(1), backing: UsdCents::new(60) }
        );
        let created =
            intent.created(answer(201, "l"), format!("l{number}"), intent.created_at).unwrap();
        books.apply(created).await.unwrap();
    }
    let payer = Draft::numbered(1).by_card(7).payer();
    assert_eq!(balance(books, Account::RevenueLaunch, "USD").await, -1_200);
    assert_eq!(balance(books, Account::Unearned(payer.clone()), "USD").await, 0);
    assert_eq!(balance(books, Account::CreditsOf(payer), "CREDIT").await, 0);
    assert_eq!(balance(books, Account::CreditsSpent, "CREDIT").await, 20);
}

/// A launch that is refused gives its credit back, once.
pub async fn a_refused_launch_gives_its_credit_back(books: &dyn Books) {
    bought(books, &Draft::numbered(100).pack(7)).await;
    let intent = new(books, &Draft::numbered(1).by_token(7)).await;
    let payer = intent.payer.clone();
    assert_eq!(balance(books, Account::CreditsOf(payer.clone()), "CREDIT").await, 19);
    let refusal =
        || intent.refused(answer(422, "no"), intent.created_at, intent.created_at).unwrap();
    assert_eq!(books.apply(refusal()).await.unwrap().state, State::Released);
    assert_stale(books.apply(refusal()).await, intent.id);
    assert_eq!(balance(books, Account::CreditsOf(payer.clone()), "CREDIT").await, 20);
    assert_eq!(balance(books, Account::CreditsHeld, "CREDIT").await, 0);
    assert_eq!(balance(books, Account::Unearned(payer), "USD").await, -1_200);
    let again = new(books, &Draft::numbered(2).by_token(7)).await;
    assert_eq!(
        again.funding,
        Funding::Credit { count: Credits::new(1), backing: UsdCents::new(60) },
        "with the money behind it"
    );
}

/// A launch that was charged and refused becomes one credit, which pays for the next launch.
pub async fn a_refused_charge_becomes_one_credit(books: &dyn Books) {
    let draft = Draft::numbered(1).by_card(7);
    let signed = new(books, &draft).await;
    let forwarding =
        books.apply(signed.funded(charged_by(&signed), draft.at).unwrap()).await.unwrap();
    let refusal = || forwarding.refused(answer(422, "no"), draft.at, draft.at).unwrap();
    assert_eq!(books.apply(refusal()).await.unwrap().state, State::Rejected);
    assert_stale(books.apply(refusal()).await, draft.id());
    assert_eq!(balance(books, Account::CreditsOf(draft.payer()), "CREDIT").await, 1);
    let obligation = books.evidence(draft.id()).await.unwrap().unwrap().obligation.unwrap();
    assert_eq!(
        (obligation.state.as_str(), obligation.amount_minor, obligation.currency.as_str()),
        ("used", 60, "USD")
    );
    let next = new(books, &Draft::numbered(2).by_card(7)).await;
    assert_eq!(
        next.funding,
        Funding::Credit { count: Credits::new(1), backing: UsdCents::new(60) }
    );
    let charged = new(books, &Draft::numbered(3).by_card(7)).await;
    assert_eq!(charged.funding, CHARGED, "one credit, not two");
}

/// What was declined is over, and says why.
pub async fn a_declined_charge_costs_nothing(books: &dyn Books) {
    let signed = new(books, &Draft::numbered(1).by_card(7)).await;
    let failure = PaymentFailure::declined("insufficient_funds").unwrap();
    let failed =
        books.apply(signed.pay_failed(failure.clone(), signed.created_at).unwrap()).await.unwrap();
    assert_eq!((failed.state, failed.failure.clone()), (State::PayFailed, Some(failure)));
    assert!(failed.charge.as_ref().unwrap().sealed_params.is_empty());
    assert_eq!(books.intent(signed.id).await.unwrap(), Some(failed));
    assert_eq!(books.trial_balance().await.unwrap(), []);
}

/// What was taken and not asked for is owed back, and pays for nothing.
pub async fn a_mischarge_is_owed_back(books: &dyn Books) {
    let draft = Draft::numbered(1).by_card(7);
    let signed = new(books, &draft).await;
    let mischarge = Mischarge {
        payment_intent: String::from("pi_odd"),
        amount_minor: 50,
        currency: String::from("usd"),
    };
    let failed = books.apply(signed.mischarged(mischarge, draft.at).unwrap()).await.unwrap();
    assert_eq!(
        (failed.state, failed.failure.clone()),
        (State::PayFailed, Some(PaymentFailure::Mischarged))
    );
    assert_eq!(books.intent(draft.id()).await.unwrap(), Some(failed));
    assert_eq!(balance(books, Account::StripeClearing, "USD").await, 50);
    assert_eq!(balance(books, Account::RefundDue(draft.payer()), "USD").await, -50);
    let obligation = books.evidence(draft.id()).await.unwrap().unwrap().obligation.unwrap();
    assert_eq!((obligation.state.as_str(), obligation.amount_minor), ("refund_sent", 50));
}
