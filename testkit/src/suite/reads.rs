//! What agents and operators ask.

use super::{Draft, created, funded, new, reach, rejected};
use crate::{clock::numbered_id, rail::ACCOUNT, world::launches};
use payments::{
    agent::Payer,
    intent::State,
    obligation::Entitlement,
    ports::{Books, IntentSummary, LedgerPage, Usage},
    time::Month,
};

const HOUR_MS: i64 = 3_600_000;

/// This payer, this month.
pub async fn usage_counts_slots_creations_and_entitlements(books: &dyn Books) {
    let draft = |number| Draft::numbered(number);
    let month = draft(1).at.month();
    let window = |month: Month| launches().at(month.start());
    assert_eq!(
        books.usage(&draft(1).payer(), month, Some(&window(month))).await.unwrap(),
        Usage::default()
    );
    let free = new(books, &draft(1).free()).await;
    created(books, &free, free.created_at).await;
    new(books, &draft(2).free()).await;
    let paid = funded(books, &new(books, &draft(3)).await, draft(3).at).await;
    created(books, &paid, paid.updated_at).await;
    rejected(books, &draft(4), draft(4).at.plus_ms(HOUR_MS)).await;
    let stranger = new(books, &draft(5).of_wallet(2).free()).await;
    created(books, &stranger, stranger.created_at).await;
    let next_month = draft(6).later_ms(month.end().ms() - draft(6).at.ms());
    let later = funded(books, &new(books, &next_month).await, next_month.at).await;
    created(books, &later, later.updated_at).await;
    let owed = Entitlement {
        amount: draft(4).price(),
        route: Some(String::from("POST /launches")),
        is_rest: false,
    };
    assert_eq!(
        books.usage(&draft(1).payer(), month, Some(&window(month))).await.unwrap(),
        Usage { free_used: 2, launches: 2, entitlements: vec![owed], lost_settlement: None }
    );
    let next = books
        .usage(&draft(1).payer(), month.end().month(), Some(&window(month.end().month())))
        .await
        .unwrap();
    assert_eq!((next.free_used, next.launches), (0, 1));
    let nobody = Payer::Card(String::from("abc"));
    assert_eq!(books.usage(&nobody, month, Some(&window(month))).await.unwrap(), Usage::default());
}

/// A page starts strictly before the last id of the one before, whatever was added since.
pub async fn pages_go_by_key_newest_first(books: &dyn Books) {
    for (number, state) in
        (1..).zip([State::Created, State::Signed, State::Created, State::PayFailed, State::Created])
    {
        reach(books, &Draft::numbered(number).of_wallet(u8::try_from(number % 2).unwrap()), state)
            .await;
    }
    let numbers = async |page: &LedgerPage| {
        let rows = books.intents(page).await.unwrap();
        let number = |row: &IntentSummary| {
            (1..=9).find(|number| numbered_id(*number).to_string() == row.id).unwrap()
        };
        rows.iter().map(number).collect::<Vec<_>>()
    };
    let page = LedgerPage { limit: 2, ..LedgerPage::default() };
    assert_eq!(numbers(&page).await, [5, 4]);
    reach(books, &Draft::numbered(6), State::Signed).await;
    assert_eq!(numbers(&LedgerPage { before: Some(numbered_id(4)), ..page.clone() }).await, [3, 2]);
    assert_eq!(numbers(&LedgerPage { before: Some(numbered_id(2)), ..page.clone() }).await, [1]);
    assert_eq!(numbers(&LedgerPage { before: Some(numbered_id(1)), ..page.clone() }).await, [0; 0]);
    let all = LedgerPage { limit: 10, ..LedgerPage::default() };
    assert_eq!(
        numbers(&LedgerPage { state: Some(String::from("created")), ..all.clone() }).await,
        [5, 3, 1]
    );
    let payer = Some(Draft::numbered(2).of_wallet(0).payer());
    assert_eq!(numbers(&LedgerPage { payer: payer.clone(), ..all.clone() }).await, [4, 2]);
    assert_eq!(
        numbers(&LedgerPage {
            payer,
            state: Some(String::from("signed")),
            before: Some(numbered_id(4)),
            limit: 10
        })
        .await,
        [2]
    );
    let created =
        books.intents(&LedgerPage { before: Some(numbered_id(2)), ..all }).await.unwrap().remove(0);
    let intent = books.intent(numbered_id(1)).await.unwrap().unwrap();
    let expected = IntentSummary {
        id: intent.id.to_string(),
        payer: intent.payer.to_string(),
        rail: String::from("x402"),
        funding: String::from("x402"),
        state: String::from("created"),
        price_minor: 550_000,
        currency: String::from("USDC"),
        launch_id: intent.launch_id,
        tx_hash: intent.settlement.map(|settlement| settlement.reference()),
        created_at: intent.created_at.rfc3339(),
        updated_at: intent.updated_at.rfc3339(),
    };
    assert_eq!(created, expected);
}

/// Nothing is invented.
pub async fn what_nobody_claimed_is_unknown(books: &dyn Books) {
    books.ready().await.unwrap();
    let draft = Draft::numbered(1);
    assert_eq!(books.known(&draft.key()).await.unwrap(), None);
    assert_eq!(books.intent(draft.id()).await.unwrap(), None);
    assert_eq!(books.evidence(draft.id()).await.unwrap(), None);
    assert_eq!(
        books.intents(&LedgerPage { limit: 10, ..LedgerPage::default() }).await.unwrap(),
        []
    );
    assert_eq!(books.trial_balance().await.unwrap(), []);
    assert_eq!(books.open_nonces(ACCOUNT, 10).await.unwrap(), []);
    assert_eq!(books.take_stuck(draft.at, draft.at, 10).await.unwrap(), []);
    assert_eq!(books.expire_entitlements(draft.at).await.unwrap(), 0);
}
