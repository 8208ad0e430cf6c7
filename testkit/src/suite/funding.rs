//! Who pays: entitlement, free slot, money, each taken once.

use std::{collections::BTreeSet, num::NonZeroU32};

use super::{Draft, created, funded, new, refused, rejected};
use crate::{run::together, world::launches};
use payments::{
    agent::Payer,
    funding::{Funding, FundingRefusal},
    intent::State,
    ports::{Books, ClaimRefusal, Claimed, PreparationError, Usage},
    route::{Quota, Window},
    time::UnixMs,
};

const HOUR_MS: i64 = 3_600_000;

/// Free launches of the window at this moment.
async fn free_used(books: &dyn Books, payer: &Payer, at: UnixMs) -> u32 {
    books.usage(payer, at.month(), Some(&launches().at(at))).await.unwrap().free_used
}

/// R050: one wallet, twenty proofs at once.
pub async fn twenty_claims_at_once_are_five_free_and_fifteen_signed_without_a_gap(
    books: &dyn Books,
) {
    let drafts: Vec<Draft> = (1..=20)
        .map(|number| Draft { chain_next_nonce: 7, ..Draft::numbered(number).free() })
        .collect();
    let intents = together(drafts.iter().map(|draft| new(books, draft))).await;
    let free = intents.iter().filter(|intent| {
        matches!(intent.funding, Funding::Free) && intent.state == State::Forwarding
    });
    let signed = intents
        .iter()
        .filter(|intent| intent.funding == Funding::X402 && intent.state == State::Signed);
    let nonces: BTreeSet<u64> = signed.clone().map(|intent| intent.attempts[0].eoa_nonce).collect();
    assert_eq!((free.count(), signed.count()), (5, 15));
    assert_eq!(nonces.into_iter().collect::<Vec<_>>(), (7..22).collect::<Vec<_>>());
    assert_eq!(free_used(books, &drafts[0].payer(), drafts[0].at).await, 5);
}

/// Entitlement, then free slot, then payment.
pub async fn an_entitlement_comes_before_a_slot_and_a_slot_before_money(books: &dyn Books) {
    let source = rejected(books, &Draft::numbered(1), Draft::numbered(1).at.plus_ms(HOUR_MS)).await;
    let mut fundings = Vec::new();
    for number in 2..=8 {
        fundings.push(new(books, &Draft::numbered(number).free()).await.funding);
    }
    assert_eq!(fundings[0], Funding::Entitlement { source: source.id });
    assert!(fundings[1..6].iter().all(|funding| matches!(funding, Funding::Free)), "{fundings:?}");
    assert_eq!(fundings[6], Funding::X402);
}

/// Open, reserved by the claim, used by the creation; the next creation pays again.
pub async fn an_entitlement_is_reserved_and_used_once(books: &dyn Books) {
    let source = rejected(books, &Draft::numbered(1), Draft::numbered(1).at.plus_ms(HOUR_MS)).await;
    let owed = async || books.evidence(source.id).await.unwrap().unwrap().obligation.unwrap();
    assert_eq!((owed().await.state.as_str(), owed().await.amount_minor), ("open", 550_000));
    let other_payer = new(books, &Draft::numbered(2).of_wallet(2)).await;
    assert_eq!(other_payer.funding, Funding::X402, "an entitlement is its payer's alone");
    let second = new(books, &Draft::numbered(3)).await;
    assert_eq!(
        (second.state, &second.funding),
        (State::Forwarding, &Funding::Entitlement { source: source.id })
    );
    assert_eq!((second.price, second.attempts.len()), (source.price, 0));
    assert_eq!(owed().await.state, "reserved");
    assert_eq!(new(books, &Draft::numbered(4)).await.funding, Funding::X402);
    created(books, &second, Draft::numbered(3).at).await;
    assert_eq!(owed().await.state, "used");
    assert_eq!(new(books, &Draft::numbered(5)).await.funding, Funding::X402);
}

/// Many creations at once: one is paid by the entitlement, the others pay.
pub async fn an_entitlement_is_taken_by_one_of_many_claims_at_once(books: &dyn Books) {
    rejected(books, &Draft::numbered(1), Draft::numbered(1).at.plus_ms(HOUR_MS)).await;
    let drafts: Vec<Draft> = (2..=9).map(Draft::numbered).collect();
    let intents = together(drafts.iter().map(|draft| new(books, draft))).await;
    assert_eq!(
        intents
            .iter()
            .filter(|intent| matches!(intent.funding, Funding::Entitlement { .. }))
            .count(),
        1
    );
    assert_eq!(intents.iter().filter(|intent| intent.funding == Funding::X402).count(), 7);
}

/// The refused creation costs nothing, and gains no time either.
pub async fn a_refused_entitlement_opens_again_with_its_first_deadline(books: &dyn Books) {
    let first = Draft::numbered(1);
    let deadline = first.at.plus_ms(HOUR_MS);
    let source = rejected(books, &first, deadline).await;
    let second = new(books, &Draft::numbered(2)).await;
    let released = refused(books, &second, deadline.plus_ms(HOUR_MS), first.at.plus_ms(9)).await;
    assert_eq!((released.state, released.entitled_until), (State::Released, None));
    assert_eq!(books.evidence(source.id).await.unwrap().unwrap().obligation.unwrap().state, "open");
    let third = new(books, &Draft::numbered(3).later_ms(HOUR_MS - 1)).await;
    assert_eq!(third.funding, Funding::Entitlement { source: source.id });
    refused(books, &third, deadline.plus_ms(HOUR_MS), third.created_at).await;
    let late = new(books, &Draft::numbered(4).later_ms(HOUR_MS)).await;
    assert_eq!(late.funding, Funding::X402, "the first deadline is over");
}

/// Taking a fourth payment would only be owed back. After a day the payer may try again.
pub async fn too_many_refused_payments_of_a_day_stop_the_next(books: &dyn Books) {
    let over = Draft::numbered(1).at;
    for number in 1..=3 {
        rejected(books, &Draft::numbered(number), over).await;
    }
    let fourth = Draft::numbered(4).later_ms(1);
    let refusal = ClaimRefusal::Funding(FundingRefusal::TooManyRefused);
    assert_eq!(books.claim(fourth.claim()).await.unwrap(), Claimed::Refused(refusal));
    assert_eq!(books.known(&fourth.key()).await.unwrap(), None, "a refused claim takes no proof");
    assert_eq!(new(books, &Draft::numbered(5).of_wallet(2)).await.funding, Funding::X402);
    let day_ms = 24 * HOUR_MS;
    assert_eq!(new(books, &fourth.later_ms(day_ms)).await.funding, Funding::X402);
}

/// A proof of amount 0 takes a free slot and nothing more.
pub async fn a_proof_below_the_price_pays_for_nothing(books: &dyn Books) {
    let below = |number| Draft { covers_price: false, ..Draft::numbered(number) };
    let refusal = ClaimRefusal::Funding(FundingRefusal::ProofBelowPrice);
    assert_eq!(books.claim(below(1).claim()).await.unwrap(), Claimed::Refused(refusal));
    assert_eq!(books.known(&below(1).key()).await.unwrap(), None);
    assert_eq!(books.intent(below(1).id()).await.unwrap(), None);
    assert!(matches!(new(books, &below(1).free()).await.funding, Funding::Free));
}

/// One coin passed around many wallets buys little.
pub async fn the_total_of_the_day_binds_all_wallets(books: &dyn Books) {
    let draft = |number: u64| Draft::numbered(number).free_of(launches(), 3);
    for number in 1..=3_u8 {
        let intent = new(books, &draft(number.into()).of_wallet(number)).await;
        assert!(matches!(intent.funding, Funding::Free), "wallet {number}: {:?}", intent.funding);
    }
    assert_eq!(books.free_calls_on(&Draft::numbered(1).at.day()).await.unwrap(), 3);
    let refusal =
        || Claimed::Refused(ClaimRefusal::Funding(FundingRefusal::FreeCallsExhaustedToday));
    assert_eq!(books.claim(draft(4).of_wallet(4).claim()).await.unwrap(), refusal());
    let tomorrow = new(books, &draft(5).of_wallet(5).later_ms(24 * HOUR_MS)).await;
    assert!(matches!(tomorrow.funding, Funding::Free));
}

/// R204: a wallet that was promised a free call is charged only after a refusal, and never by the
/// refused proof.
pub async fn a_promised_free_call_is_charged_by_another_proof_than_the_refused_one(
    books: &dyn Books,
) {
    let draft =
        |number: u64, wallet: u8| Draft::numbered(number).free_of(launches(), 1).of_wallet(wallet);
    let refusal =
        || Claimed::Refused(ClaimRefusal::Funding(FundingRefusal::FreeCallsExhaustedToday));
    let first = new(books, &draft(1, 1)).await;
    for _ in 0..2 {
        assert_eq!(books.claim(draft(2, 2).claim()).await.unwrap(), refusal());
    }
    assert_eq!(
        books.known(&draft(2, 2).key()).await.unwrap(),
        None,
        "a refused proof is claimed by nothing"
    );
    assert_eq!(
        books.claim(draft(3, 3).claim()).await.unwrap(),
        refusal(),
        "a note is one wallet's alone"
    );
    let paid = new(books, &draft(4, 2).like(&draft(2, 2))).await;
    assert_eq!(paid.funding, Funding::X402);
    assert_eq!(
        books.claim(draft(2, 2).claim()).await.unwrap(),
        refusal(),
        "it joins nothing either"
    );
    // A slot that comes back is free again, and the refused proof stays refused.
    refused(books, &first, first.created_at, first.created_at).await;
    assert_eq!(books.claim(draft(2, 2).claim()).await.unwrap(), refusal());
    assert!(matches!(new(books, &draft(5, 2)).await.funding, Funding::Free));
    let day_end = draft(1, 1).at.day_end();
    assert_eq!(books.drop_refused_proofs(day_end.plus_ms(-1)).await.unwrap(), 0);
    let dropped = books.drop_refused_proofs(day_end.plus_s(4_000)).await.unwrap();
    assert!(dropped >= 2, "{dropped} notes go after the day");
    let next_day = |number: u64, wallet: u8| Draft { at: day_end, ..draft(number, wallet) };
    assert!(matches!(new(books, &next_day(6, 4)).await.funding, Funding::Free));
    assert_eq!(
        books.claim(next_day(7, 2).claim()).await.unwrap(),
        refusal(),
        "each day says it anew"
    );
}

/// R054 and R053: a refusal gives the slot back, and a UTC month counts its own.
pub async fn a_slot_goes_back_and_a_month_starts_with_all_of_them(books: &dyn Books) {
    let month = Draft::numbered(1).at.month();
    let payer = Draft::numbered(1).payer();
    let last_ms = month.end().ms() - 1;
    let at_ms = |number, ms: i64| Draft {
        at: payments::time::UnixMs::new(ms),
        ..Draft::numbered(number).free()
    };
    let mut intents = Vec::new();
    for number in 1..=5 {
        intents.push(new(books, &at_ms(number, last_ms)).await);
    }
    assert_eq!(new(books, &at_ms(6, last_ms)).await.funding, Funding::X402);
    let released = refused(books, &intents[2], month.end(), month.end()).await;
    assert_eq!(released.state, State::Released);
    assert_eq!(free_used(books, &payer, month.start()).await, 4);
    assert!(matches!(new(books, &at_ms(7, last_ms)).await.funding, Funding::Free));
    assert_eq!(new(books, &at_ms(8, last_ms)).await.funding, Funding::X402);
    for number in 9..=13 {
        let intent = new(books, &at_ms(number, last_ms + 1)).await;
        assert!(matches!(intent.funding, Funding::Free), "{number}: {:?}", intent.funding);
    }
    assert_eq!(new(books, &at_ms(14, last_ms + 1)).await.funding, Funding::X402);
    assert_eq!(free_used(books, &payer, month.start()).await, 5);
    assert_eq!(free_used(books, &payer, month.end()).await, 5);
}

/// R176: each quota counts for itself, and a quota of days begins anew at midnight; the cap of the
/// day over all wallets counts them together.
pub async fn quotas_count_apart_and_a_quota_of_days_begins_anew_each_day(books: &dyn Books) {
    let daily = Quota {
        name: String::from("forecasts"),
        count: NonZeroU32::MIN.saturating_add(1),
        window: Window::Day,
    };
    let draft = |number: u64| Draft::numbered(number).free_of(daily.clone(), 5);
    let at = draft(1).at;
    for number in 1..=2 {
        assert_eq!(new(books, &draft(number)).await.funding, Funding::Free, "{number}");
    }
    assert_eq!(new(books, &draft(3)).await.funding, Funding::X402, "its own are used up");
    assert_eq!(
        new(books, &draft(4).free_of(launches(), 5)).await.funding,
        Funding::Free,
        "those of another are not"
    );
    let payer = draft(1).payer();
    let used = async |quota: &Quota, at: UnixMs| {
        books.usage(&payer, at.month(), Some(&quota.at(at))).await.unwrap().free_used
    };
    assert_eq!((used(&daily, at).await, used(&launches(), at).await), (2, 1));
    assert_eq!(books.free_calls_on(&at.day()).await.unwrap(), 3);
    let midnight = Draft { at: at.day_end(), ..draft(5) };
    assert_eq!(new(books, &midnight).await.funding, Funding::Free);
    assert_eq!((used(&daily, midnight.at).await, used(&launches(), midnight.at).await), (1, 1));
    // Far more than five may be had of a quota that says so.
    let many = Quota {
        name: String::from("many"),
        count: NonZeroU32::MIN.saturating_add(7),
        window: Window::Month,
    };
    for number in 10..18 {
        assert_eq!(
            new(books, &Draft::numbered(number).free_of(many.clone(), 500)).await.funding,
            Funding::Free,
            "{number}"
        );
    }
    assert_eq!(
        new(books, &Draft::numbered(18).free_of(many.clone(), 500)).await.funding,
        Funding::X402
    );
}

/// A signer without gas leaves no trace: the proof is unused and no nonce is skipped.
pub async fn a_failed_preparation_changes_nothing(books: &dyn Books) {
    let failing =
        Draft { preparation_fails: Some(PreparationError::OutOfGas), ..Draft::numbered(1) };
    let refusal = ClaimRefusal::Preparation(PreparationError::OutOfGas);
    assert_eq!(books.claim(failing.claim()).await.unwrap(), Claimed::Refused(refusal));
    assert_eq!(books.known(&failing.key()).await.unwrap(), None);
    assert_eq!(books.intent(failing.id()).await.unwrap(), None);
    assert_eq!(
        books.usage(&failing.payer(), failing.at.month(), None).await.unwrap(),
        Usage::default()
    );
    let refilled = Draft { preparation_fails: None, ..failing };
    assert_eq!(new(books, &refilled).await.attempts[0].eoa_nonce, 0);
}

/// The sequence follows the chain upwards and never turns back.
pub async fn a_signer_nonce_is_never_below_the_chains(books: &dyn Books) {
    let mut nonces = Vec::new();
    for (number, chain_next_nonce) in [(1, 5), (2, 0), (3, 6), (4, 40), (5, 3)] {
        let intent = new(books, &Draft { chain_next_nonce, ..Draft::numbered(number) }).await;
        nonces.push(funded(books, &intent, intent.created_at).await.attempts[0].eoa_nonce);
    }
    assert_eq!(nonces, [5, 6, 7, 40, 41]);
}
