//! The story of a card: one charge under one key, a credit instead of it, a pack that ends in
//! credits.

use super::{block_on, finished, timeline};
use payments::{
    agent::Payer,
    charge::{Mischarge, PaymentToken},
    checkout::{CardRequest, PresentedCard, claim_card},
    fingerprint::Fingerprint,
    funding::{Funding, FundingRefusal, IfRefused, Product},
    ids::PaymentId,
    intent::{Intent, State},
    money::{Credits, UsdCents},
    ports::{BalanceCache, Books, CardError, CardOutcome, ClaimRefusal, Claimed, ShownBalance},
    proof::{ChallengeId, ChargeKey},
    settlement::PaymentFailure,
};
use testkit::{
    cards::charge_proof,
    upstream::refused,
    world::{FOR_ONE_CREDIT, TestWorld, kept},
};

const CHARGED: Funding = Funding::MppCharge { if_refused: IfRefused::Credit };
const PACK: Product = Product::Pack { credits: Credits::new(20) };

/// A request of the one card account, under a challenge and with a token of this number.
fn asked(number: u8, product: Product, presented: bool) -> CardRequest {
    let body = format!("{{\"title\":\"{number}\"}}");
    let token = PaymentToken::parse(&format!("spt_{number}")).unwrap();
    let key = ChargeKey {
        challenge_id: ChallengeId([number; 32]),
        token_sha256: *token.sha256().as_bytes(),
    };
    CardRequest {
        id: PaymentId::new(uuid::Uuid::from_u128(u128::from(number))),
        payer: Payer::Card(String::from("account")),
        card: presented.then_some(PresentedCard {
            key,
            token,
            price: UsdCents::new(if product == PACK { 1_200 } else { 60 }),
        }),
        fingerprint: Fingerprint::of("POST", "/launches", "", body.as_bytes()),
        request: kept(&body),
        product,
        idempotency_key: None,
    }
}

fn claimed(test: &TestWorld, asked: CardRequest) -> Intent {
    match block_on(claim_card(&test.world, asked)).unwrap() {
        Claimed::New(intent) => intent,
        other => panic!("{other:?}"),
    }
}

fn charged(test: &TestWorld, number: u8) -> Intent {
    claimed(test, asked(number, FOR_ONE_CREDIT, true))
}

fn bought(test: &TestWorld, number: u8) -> Intent {
    finished(test, claimed(test, asked(number, PACK, true)))
}

#[test]
fn a_launch_is_charged_once_and_then_created() {
    let test = TestWorld::new();
    let done = finished(&test, charged(&test, 1));
    assert_eq!(
        (done.state, timeline(&test, &done)),
        (State::Created, ["signed", "forwarding", "created"].map(String::from).to_vec())
    );
    assert_eq!(test.cards.keys(), [format!("tp_{}", done.id)]);
    assert_eq!(test.upstream.creation_keys(), [done.core_key()]);
}

#[test]
fn a_charge_without_an_answer_is_asked_for_again_under_its_key_and_never_guessed() {
    let test = TestWorld::new();
    let down = || Err(CardError::Unreachable(String::from("gone")));
    let signed = charged(&test, 1);
    let settled = Ok(CardOutcome::Settled(charge_proof(signed.id)));
    test.cards.say_next([
        down(),
        down(),
        Err(CardError::Busy { retry_after_s: 2 }),
        Ok(CardOutcome::Pending),
        settled,
    ]);
    let done = finished(&test, signed);
    assert_eq!(
        timeline(&test, &done),
        ["signed", "submit_unknown", "submitted", "forwarding", "created"]
    );
    assert_eq!(test.cards.keys(), vec![format!("tp_{}", done.id); 5]);
}

#[test]
fn a_misconfigured_key_is_never_the_clients_failure() {
    let test = TestWorld::new();
    let signed = charged(&test, 1);
    let settled = Ok(CardOutcome::Settled(charge_proof(signed.id)));
    test.cards.say_next([Err(CardError::Misconfigured(String::from("401"))), settled]);
    assert_eq!(finished(&test, signed).state, State::Created);
}

#[test]
fn a_decline_ends_the_intent_with_the_processors_word_and_creates_nothing() {
    let test = TestWorld::new();
    let failure = PaymentFailure::declined("insufficient_funds").unwrap();
    test.cards.say_next([Ok(CardOutcome::Failed(failure.clone()))]);
    let failed = finished(&test, charged(&test, 1));
    assert_eq!((failed.state, failed.failure), (State::PayFailed, Some(failure)));
    assert_eq!(test.upstream.creation_keys(), Vec::<String>::new());
}

#[test]
fn what_nobody_asked_for_is_owed_back_and_creates_nothing() {
    let test = TestWorld::new();
    let taken = Mischarge {
        payment_intent: String::from("pi_1"),
        amount_minor: 50,
        currency: String::from("usd"),
    };
    test.cards.say_next([Ok(CardOutcome::Mischarged(taken))]);
    let failed = finished(&test, charged(&test, 1));
    assert_eq!(
        (failed.state, failed.failure),
        (State::PayFailed, Some(PaymentFailure::Mischarged))
    );
    assert_eq!(test.upstream.creation_keys(), Vec::<String>::new());
}

#[test]
fn a_pack_ends_in_credits_and_asks_nothing_of_the_upstream() {
    let test = TestWorld::new();
    let pack = bought(&test, 1);
    assert_eq!((pack.state, pack.granted_balance), (State::Granted, Some(Credits::new(20))));
    assert_eq!(timeline(&test, &pack), ["signed", "charged", "granted"]);
    assert_eq!(test.upstream.creation_keys(), Vec::<String>::new());
}

#[test]
fn a_fresh_token_spends_a_credit_instead_of_being_charged() {
    let test = TestWorld::new();
    let pack = bought(&test, 1);
    let launch = finished(&test, charged(&test, 2));
    assert_eq!(
        (launch.state, launch.funding),
        (State::Created, Funding::Credit { count: Credits::new(1), backing: UsdCents::new(60) })
    );
    assert_eq!(test.cards.keys(), [format!("tp_{}", pack.id)], "the launch charged nothing");
}

#[test]
fn an_agent_token_spends_credits_and_can_charge_nothing() {
    let test = TestWorld::new();
    let none = Claimed::Refused(ClaimRefusal::Funding(FundingRefusal::NoCredit));
    assert_eq!(block_on(claim_card(&test.world, asked(1, FOR_ONE_CREDIT, false))).unwrap(), none);
    bought(&test, 2);
    assert_eq!(
        finished(&test, claimed(&test, asked(3, FOR_ONE_CREDIT, false))).state,
        State::Created
    );
}

#[test]
fn a_refused_launch_costs_no_credit_and_a_refused_charge_becomes_one() {
    let test = TestWorld::new();
    test.upstream.answer_next([refused()]);
    let charge = finished(&test, charged(&test, 1));
    assert_eq!((charge.state, charge.entitled_until), (State::Rejected, None));
    let credit = finished(&test, charged(&test, 2));
    assert_eq!(
        (credit.state, credit.funding),
        (State::Released, Funding::Credit { count: Credits::new(1), backing: UsdCents::new(60) })
    );
    test.upstream.answer_next([]);
    assert_eq!(
        finished(&test, charged(&test, 3)).funding,
        Funding::Credit { count: Credits::new(1), backing: UsdCents::new(60) }
    );
    assert_eq!(charged(&test, 4).funding, CHARGED);
    let lines = block_on(test.books.trial_balance()).unwrap();
    for currency in ["USD", "CREDIT"] {
        let sum: i64 =
            lines.iter().filter(|line| line.currency == currency).map(|line| line.amount).sum();
        assert_eq!(sum, 0, "{currency}");
    }
}

#[test]
fn whatever_changes_credits_forgets_the_balance_that_is_shown() {
    let test = TestWorld::new();
    let payer = asked(1, PACK, true).payer;
    let old = ShownBalance { balance: Credits::new(7), debt: Credits::ZERO };
    let show = || block_on(test.balances.put(&payer, old));
    let shown = || block_on(test.balances.get(&payer));
    show();
    let pack = claimed(&test, asked(1, PACK, true));
    show();
    finished(&test, pack);
    assert_eq!(shown(), None, "granted");
    show();
    let on_credit = claimed(&test, asked(2, FOR_ONE_CREDIT, false));
    assert_eq!(shown(), None, "deducted");
    show();
    test.upstream.answer_next([refused()]);
    assert_eq!(finished(&test, on_credit).state, State::Released);
    assert_eq!(shown(), None, "given back");
}
