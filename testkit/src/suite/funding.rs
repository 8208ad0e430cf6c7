//! Who pays: entitlement, free slot, money, each taken once.

mod quotas;

use std::collections::BTreeSet;

pub use quotas::{
    a_promised_free_call_is_charged_by_another_proof_than_the_refused_one,
    a_slot_goes_back_and_a_month_starts_with_all_of_them,
    quotas_count_apart_and_a_quota_of_days_begins_anew_each_day,
    the_total_of_the_day_binds_all_wallets,
};

use payments::{
    agent::Payer,
    funding::{Funding, FundingRefusal},
    intent::State,
    ports::{Books, ClaimRefusal, Claimed, PreparationError, Usage},
    time::UnixMs,
};

use super::{Draft, created, funded, new, refused, rejected, signed_later};
use crate::{run::together, world::launches};

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
    together(drafts.iter().map(|draft| new(books, draft))).await;
    let intents = signed_later(books, &drafts, 7).await;
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
