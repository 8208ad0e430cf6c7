//! What is owed, in parts: a call that costs less takes its price, and the rest stays owed.

use super::{Draft, created, new, refused, rejected};
use crate::run::together;
use payments::{
    funding::Funding,
    ids::PaymentId,
    intent::State,
    money::{Amount, UsdcUnits},
    ports::{Books, ObligationRow},
};

const HOUR_MS: i64 = 3_600_000;

/// What is owed under this payment's id: how much, where it stands, and whose money it is.
async fn owed(books: &dyn Books, id: PaymentId) -> (i64, String, Option<String>) {
    let ObligationRow { amount_minor, state, part_of, .. } =
        books.evidence(id).await.unwrap().unwrap().obligation.unwrap();
    (amount_minor, state, part_of)
}

fn rest_of(id: PaymentId) -> Option<String> {
    Some(id.to_string())
}

/// A refusal puts the share back beside the rest; a call that is done earns its price and no more.
pub async fn a_cheaper_call_takes_its_price_and_the_rest_stays_owed(books: &dyn Books) {
    let first = Draft::numbered(1);
    let deadline = first.at.plus_ms(HOUR_MS);
    let source = rejected(books, &first, deadline).await;
    let cheaper = new(books, &Draft::numbered(2).at_price(400_000)).await;
    assert_eq!(
        (cheaper.state, &cheaper.funding),
        (State::Forwarding, &Funding::Entitlement { source: source.id })
    );
    assert_eq!(cheaper.price, Amount::Usdc(UsdcUnits::new(400_000)));
    assert_eq!(owed(books, source.id).await, (400_000, "reserved".to_owned(), None));
    assert_eq!(owed(books, cheaper.id).await, (150_000, "open".to_owned(), rest_of(source.id)));
    let released = refused(books, &cheaper, deadline, first.at.plus_ms(9)).await;
    assert_eq!(released.state, State::Released);
    assert_eq!(owed(books, source.id).await, (400_000, "open".to_owned(), None));
    // The rest of a rest is owed for the first payment too.
    let cheapest = new(books, &Draft::numbered(3).at_price(100_000)).await;
    assert_eq!(cheapest.funding, Funding::Entitlement { source: source.id }, "the oldest first");
    assert_eq!(owed(books, cheapest.id).await, (300_000, "open".to_owned(), rest_of(source.id)));
    created(books, &cheapest, first.at.plus_ms(10)).await;
    assert_eq!(owed(books, source.id).await, (100_000, "used".to_owned(), None));
    let third = new(books, &Draft::numbered(4).at_price(100_000)).await;
    assert_eq!(third.funding, Funding::Entitlement { source: cheaper.id });
    assert_eq!(owed(books, third.id).await, (50_000, "open".to_owned(), rest_of(source.id)));
    let usage = books.usage(&first.payer(), first.at.month(), None).await.unwrap();
    let mut left: Vec<_> = usage
        .entitlements
        .iter()
        .map(|owed| (owed.amount.minor().unwrap(), owed.is_rest))
        .collect();
    left.sort_unstable();
    assert_eq!(left, [(50_000, true), (300_000, true)]);
    created(books, &third, first.at.plus_ms(11)).await;
    let balance = books.trial_balance().await.unwrap();
    let due = balance
        .iter()
        .find(|line| line.account.starts_with("liab:refund_due"))
        .map(|line| line.amount);
    let earned = balance.iter().find(|line| line.account == "rev:launch").map(|line| line.amount);
    assert_eq!((due, earned), (Some(-350_000), Some(-200_000)));
}

/// What was paid for one call funds one call when the price rises; what is left of it does not.
pub async fn a_rest_never_pays_for_a_dearer_call_and_ends_with_its_deadline(books: &dyn Books) {
    let first = Draft::numbered(1);
    let deadline = first.at.plus_ms(HOUR_MS);
    let source = rejected(books, &first, deadline).await;
    let cheaper = new(books, &Draft::numbered(2).at_price(300_000)).await;
    let dearer = new(books, &Draft::numbered(3).at_price(250_001)).await;
    assert_eq!(dearer.funding, Funding::X402, "250000 are left");
    refused(books, &cheaper, deadline, first.at.plus_ms(1)).await;
    let risen = new(books, &Draft::numbered(4).at_price(600_000)).await;
    assert_eq!(
        (&risen.funding, risen.price),
        (&Funding::Entitlement { source: source.id }, Amount::Usdc(UsdcUnits::new(300_000)))
    );
    created(books, &risen, first.at.plus_ms(2)).await;
    assert_eq!(new(books, &Draft::numbered(5).at_price(600_000)).await.funding, Funding::X402);
    assert_eq!(books.expire_entitlements(deadline.plus_ms(-1)).await.unwrap(), 0);
    assert_eq!(books.expire_entitlements(deadline).await.unwrap(), 1);
    assert_eq!(
        owed(books, cheaper.id).await,
        (250_000, "refund_due".to_owned(), rest_of(source.id))
    );
    let late = new(books, &Draft::numbered(6).at_price(100).later_ms(HOUR_MS)).await;
    assert_eq!(late.funding, Funding::X402);
}

/// 550000 are owed, and eight calls of 200000 come at once: two of them are funded.
pub async fn cheaper_calls_at_once_take_no_more_than_is_owed(books: &dyn Books) {
    let source = rejected(books, &Draft::numbered(1), Draft::numbered(1).at.plus_ms(HOUR_MS)).await;
    let drafts: Vec<Draft> =
        (2..=9).map(|number| Draft::numbered(number).at_price(200_000)).collect();
    let intents = together(drafts.iter().map(|draft| new(books, draft))).await;
    let funded: Vec<_> = intents
        .iter()
        .filter(|intent| matches!(intent.funding, Funding::Entitlement { .. }))
        .collect();
    assert_eq!(funded.len(), 2, "{funded:?}");
    let mut owed_under = vec![source.id];
    owed_under.extend(funded.iter().map(|intent| intent.id));
    let mut amounts = Vec::new();
    for id in owed_under {
        amounts.push(owed(books, id).await);
    }
    amounts.sort();
    let part = |amount, state: &str, of: bool| {
        (amount, state.to_owned(), of.then(|| source.id.to_string()))
    };
    assert_eq!(
        amounts,
        [
            part(150_000, "open", true),
            part(200_000, "reserved", false),
            part(200_000, "reserved", true)
        ]
    );
}
