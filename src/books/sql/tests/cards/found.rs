//! How an account is found, and events that are carried out once.

use payments::{
    agent::Payer,
    ports::{Books, CardBooks, EventNote, HolderBooks},
    proof::ChargeKey,
};
use testkit::suite::{Draft, charged_by};

use super::{
    super::{block_on, make},
    claimed,
};

/// Whose a credential and a token are.
async fn known(
    books: &impl HolderBooks,
    key: &ChargeKey,
    token: &[u8; 32],
) -> (Option<Payer>, Option<Payer>) {
    let used = books.used_credential(key).await.unwrap().map(|used| used.payer);
    let token = books.holder_of_token(token, Draft::numbered(1).at).await.unwrap();
    (used, token.map(|token| token.holder.payer))
}

#[test]
fn an_account_is_found_by_what_proves_it_and_by_nothing_else() {
    block_on(async {
        let (books, _dir) = make().await;
        let draft = Draft::numbered(1).pack(7);
        let signed = claimed(&books, &draft).await;
        let (key, token) =
            (draft.card.unwrap().key(), signed.charge.as_ref().unwrap().agent_token_sha256);
        assert_eq!(known(&books, &key, &token).await, (None, None));
        assert!(books.wake(signed.id).await.unwrap());
        let charged = books
            .apply(signed.charged(charged_by(&signed), signed.created_at).unwrap())
            .await
            .unwrap();
        books.apply(charged.granted(signed.created_at).unwrap()).await.unwrap();
        let payer = Some(signed.payer.clone());
        assert_eq!(known(&books, &key, &token).await, (payer.clone(), payer));
        assert_eq!(
            books.intent_of_charge(&format!("pi_{}", signed.id)).await.unwrap(),
            Some(signed.id)
        );
        assert!(!books.wake(signed.id).await.unwrap());
        let credit = Draft::numbered(2).by_card(7);
        let spending = claimed(&books, &credit).await;
        let spender = credit.card.unwrap().key();
        let spent = books.used_credential(&spender).await.unwrap().map(|used| used.payment);
        assert_eq!(spent, Some(spending.id), "for what it made");
        let half = payments::proof::ChargeKey { token_sha256: spender.token_sha256, ..key };
        assert_eq!(books.used_credential(&half).await.unwrap(), None);
    });
}

#[test]
fn an_event_is_carried_out_once() {
    block_on(async {
        let (books, _dir) = make().await;
        let at = Draft::numbered(1).at;
        let event =
            EventNote { id: String::from("evt_1"), kind: String::from("charge.refunded"), at };
        assert!(books.event_arrived(&event).await.unwrap());
        assert!(books.event_arrived(&event).await.unwrap(), "nobody finished with it");
        books.event_done(&event.id, at).await.unwrap();
        assert!(!books.event_arrived(&event).await.unwrap());
    });
}
