//! A proof is taken once, for one purpose and one request.

use super::{Draft, new};
use crate::{run::together, wallet::LAUNCH_PRICE, world::kept};
use payments::{
    funding::Funding,
    intent::{Guard, Protocol, State},
    money::Amount,
    ports::{Books, Claimed, Known, Payment},
    settlement::PaymentFailure,
    x402::X402Version,
};

/// The proof names its intent from then on, with the request that it was taken for; another request
/// finds that one and changes nothing.
pub async fn a_claimed_proof_is_known_with_its_request(books: &dyn Books) {
    let draft = Draft::numbered(1);
    assert_eq!(books.known(&draft.key()).await.unwrap(), None);
    let intent = new(books, &draft).await;
    let known = Known::of(draft.fingerprint(), Some(intent));
    assert_eq!(books.known(&draft.key()).await.unwrap(), Some(known.clone()));
    let other_request = Draft { body: String::from("{\"title\":\"another\"}"), ..draft.clone() };
    assert_ne!(other_request.fingerprint(), draft.fingerprint());
    for again in [draft.clone(), other_request] {
        assert_eq!(books.claim(again.claim()).await.unwrap(), Claimed::Known(known.clone()));
    }
    assert_eq!(books.known(&draft.key()).await.unwrap(), Some(known));
}

/// What recovery and replay need is in the row, byte by byte.
pub async fn a_claim_keeps_every_detail(books: &dyn Books) {
    let draft = Draft {
        body: String::from("{\"title\":\"\\u00e9\u{e9} \u{1f680}\"}"),
        ..Draft::numbered(1)
    };
    let intent = new(books, &draft).await;
    assert_eq!(books.intent(draft.id()).await.unwrap(), Some(intent.clone()));
    assert_eq!(
        (intent.id, intent.payer.clone(), intent.fingerprint),
        (draft.id(), draft.payer(), draft.fingerprint())
    );
    assert_eq!(intent.request, kept(&draft.body));
    assert_eq!((intent.price, &intent.funding), (Amount::Usdc(LAUNCH_PRICE), &Funding::X402));
    assert_eq!((intent.state, intent.guard), (State::Signed, Guard { version: 1, fence: 1 }));
    assert_eq!(intent.transfer, Some(draft.terms()));
    assert_eq!(intent.protocol, Protocol::X402(X402Version::V2));
    assert_eq!((intent.created_at, intent.updated_at), (draft.at, draft.at));
    let [attempt] = intent.attempts.as_slice() else {
        panic!("{:?} instead of one attempt", intent.attempts)
    };
    assert_eq!(*attempt, crate::rail::attempt(attempt.kind, draft.id(), 0, 1_000, draft.at));
    assert!(
        intent.settlement.is_none()
            && intent.answer.is_none()
            && intent.failure.is_none()
            && !intent.delivered
    );
}

/// Fifty replicas at once: one makes the intent, the others find it.
pub async fn a_proof_claimed_fifty_times_at_once_makes_one_intent(books: &dyn Books) {
    let drafts: Vec<Draft> = (1..=50).map(Draft::numbered).collect();
    let proof = drafts[0].key();
    let outcomes = together(drafts.iter().map(|draft| {
        let mut claim = draft.claim();
        claim.key = proof.clone();
        if let Payment::Transfer(payment) = &mut claim.payment {
            payment.transfer.key = drafts[0].authorization();
        }
        books.claim(claim)
    }))
    .await;
    let mut made = Vec::new();
    let mut found = Vec::new();
    for outcome in outcomes {
        match outcome.unwrap() {
            Claimed::New(intent) => made.push(intent.id),
            Claimed::Known(Known { intent: Some(intent), .. }) => found.push(intent.id),
            other => panic!("{other:?} for a proof that was claimed"),
        }
    }
    assert_eq!((made.len(), found.len()), (1, 49));
    assert!(found.iter().all(|id| *id == made[0]));
}

/// A new proof under the same key finds the same intent; another payer's key of the same text is
/// another key.
pub async fn an_idempotency_key_is_known_to_its_payer_alone(books: &dyn Books) {
    let keyed =
        |number| Draft { idempotency: Some(String::from("key-1")), ..Draft::numbered(number) };
    let first = new(books, &keyed(1)).await;
    let again = keyed(2);
    let known = Known::of(keyed(1).fingerprint(), Some(first));
    assert_eq!(books.known(&again.key()).await.unwrap(), Some(known.clone()));
    assert_eq!(books.claim(again.claim()).await.unwrap(), Claimed::Known(known));
    let without_key = Draft { idempotency: None, ..again };
    assert_eq!(
        books.known(&without_key.key()).await.unwrap(),
        None,
        "the second proof was not used up"
    );
    let stranger = keyed(3).of_wallet(2);
    assert_eq!(books.known(&stranger.key()).await.unwrap(), None);
    assert_eq!(new(books, &stranger).await.payer, stranger.payer());
}

/// The client was told to pay again, and its own key is the same then.
pub async fn a_failed_payment_gives_its_idempotency_key_back(books: &dyn Books) {
    let keyed =
        |number| Draft { idempotency: Some(String::from("key-1")), ..Draft::numbered(number) };
    let failed = new(books, &keyed(1)).await;
    books.apply(failed.pay_failed(PaymentFailure::Cancelled, keyed(1).at).unwrap()).await.unwrap();
    assert_eq!(books.known(&keyed(2).key()).await.unwrap(), None);
    let paid = new(books, &keyed(2)).await;
    assert_eq!(books.known(&keyed(3).key()).await.unwrap().unwrap().intent, Some(paid));
    let old_proof = Draft { idempotency: None, ..keyed(1) };
    assert_eq!(books.known(&old_proof.key()).await.unwrap().unwrap().intent.unwrap().id, failed.id);
}

/// Of equal proofs the first is fresh, within a batch too; afterwards it is known without an
/// intent, and claims nothing.
pub async fn a_proof_identifies_once_and_pays_for_nothing_afterwards(books: &dyn Books) {
    let (one, two) = (Draft::numbered(1), Draft::numbered(2));
    assert!(books.claim_identities(&[]).await.unwrap().is_empty());
    assert_eq!(
        books.claim_identities(&[one.identity(), two.identity(), one.identity()]).await.unwrap(),
        [true, true, false]
    );
    assert_eq!(books.claim_identities(&[two.identity()]).await.unwrap(), [false]);
    let known = Known::of(one.fingerprint(), None);
    assert_eq!(books.known(&one.key()).await.unwrap(), Some(known.clone()));
    assert_eq!(books.claim(one.claim()).await.unwrap(), Claimed::Known(known));
    assert_eq!(books.intent(one.id()).await.unwrap(), None);
}

/// The reverse: what was claimed for a launch is no identity any more.
pub async fn a_proof_that_pays_identifies_nobody(books: &dyn Books) {
    let (paid, free) = (Draft::numbered(1), Draft::numbered(2).free());
    new(books, &paid).await;
    new(books, &free).await;
    assert_eq!(
        books.claim_identities(&[paid.identity(), free.identity()]).await.unwrap(),
        [false, false]
    );
    assert_eq!(books.known(&paid.key()).await.unwrap().unwrap().intent.unwrap().id, paid.id());
}
