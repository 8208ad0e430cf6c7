//! Free calls: how they are counted, promised and given back.

use std::num::NonZeroU32;

use payments::{
    funding::{Funding, FundingRefusal},
    intent::State,
    ports::{Books, ClaimRefusal, Claimed},
    route::{Quota, Window},
    time::UnixMs,
};

use super::{
    super::{Draft, new, refused},
    HOUR_MS, free_used,
};
use crate::world::launches;

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
