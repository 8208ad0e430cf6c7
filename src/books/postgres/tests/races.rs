//! Two replicas at once: what there is once goes to one of them.

use std::collections::{BTreeMap, BTreeSet};

use payments::{
    funding::{Funding, FundingRefusal},
    intent::{Intent, State},
    ports::{Books, BooksError, ClaimRefusal, Claimed, IdentityClaim, Payment},
};
use testkit::{
    clock::numbered_id,
    run::together,
    suite::{Draft, bought, signed_later},
    world::launches,
};

use super::{PostgresBooks, block_on, cards::agree, new, replicas};

/// One of the two, in turn.
fn turn(both: &[PostgresBooks; 2], number: u64) -> &PostgresBooks {
    if number.is_multiple_of(2) { &both[0] } else { &both[1] }
}

async fn claims(both: &[PostgresBooks; 2], drafts: &[Draft]) -> Vec<Result<Claimed, BooksError>> {
    together(drafts.iter().map(|draft| turn(both, draft.number).claim(draft.claim()))).await
}

async fn claim_as(books: &PostgresBooks, draft: &Draft, id: u64) -> Result<Claimed, BooksError> {
    let mut claim = draft.claim();
    claim.id = numbered_id(id);
    books.claim(claim).await
}

async fn all_new(both: &[PostgresBooks; 2], drafts: &[Draft]) -> Vec<Intent> {
    together(drafts.iter().map(|draft| new(turn(both, draft.number), draft))).await
}

#[test]
fn one_proof_makes_one_intent() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let both = [one, other];
        let drafts: Vec<Draft> = (1..=30).map(Draft::numbered).collect();
        let outcomes = together(drafts.iter().map(|draft| {
            let mut claim = draft.claim();
            claim.key = drafts[0].key();
            if let Payment::Transfer(payment) = &mut claim.payment {
                payment.transfer.key = drafts[0].authorization();
            }
            turn(&both, draft.number).claim(claim)
        }))
        .await;
        let made = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Claimed::New(_)))).count();
        let known = outcomes
            .iter()
            .filter(
                |outcome| matches!(outcome, Ok(Claimed::Known(known)) if known.intent.is_some()),
            )
            .count();
        assert_eq!((made, known), (1, 29));
        agree(&both[0]).await;
    });
}

/// Both replicas sign with one key, which nobody should do: still no nonce is given twice, and none
/// is left out.
#[test]
fn five_slots_and_no_nonce_twice_even_with_one_signer_for_two() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let both = [one, other];
        let drafts: Vec<Draft> = (1..=24)
            .map(|number| Draft { chain_next_nonce: 7, ..Draft::numbered(number).free() })
            .collect();
        all_new(&both, &drafts).await;
        let intents = signed_later(&both[1], &drafts, 7).await;
        let free = intents.iter().filter(|intent| {
            matches!(intent.funding, Funding::Free) && intent.state == State::Forwarding
        });
        let nonces: BTreeSet<u64> = intents
            .iter()
            .filter(|intent| intent.funding == Funding::X402)
            .map(|intent| intent.attempts[0].eoa_nonce)
            .collect();
        assert_eq!((free.count(), nonces), (5, (7..26).collect()));
        agree(&both[0]).await;
    });
}

#[test]
fn the_total_of_the_day_is_exact() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let both = [one, other];
        let draft = |number: u64| {
            Draft::numbered(number).of_wallet(u8::try_from(number).unwrap()).free_of(launches(), 7)
        };
        let outcomes = claims(&both, &(1..=20).map(draft).collect::<Vec<_>>()).await;
        let free = |outcome: &&Result<Claimed, BooksError>| matches!(outcome, Ok(Claimed::New(intent)) if matches!(intent.funding, Funding::Free));
        let exhausted =
            Claimed::Refused(ClaimRefusal::Funding(FundingRefusal::FreeCallsExhaustedToday));
        let refused = outcomes
            .iter()
            .filter(|outcome| outcome.as_ref().is_ok_and(|claimed| *claimed == exhausted));
        assert_eq!((outcomes.iter().filter(free).count(), refused.count()), (7, 13));
    });
}

/// R204: copies of one proof that two replicas judge at once are all charged as one payment, or all
/// refused.
#[test]
fn a_proof_is_never_both_refused_by_the_days_cap_and_charged() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let both = [one, other];
        let capped = |number: u64| Draft::numbered(number).free_of(launches(), 0);
        let drafts: Vec<Draft> = (1..=12).map(capped).collect();
        // Each proof goes to both replicas, under an intent of its own at each.
        let copies = drafts.iter().flat_map(|draft| {
            [claim_as(&both[0], draft, draft.number), claim_as(&both[1], draft, 100 + draft.number)]
        });
        let outcomes = together(copies).await;
        for (draft, pair) in drafts.iter().zip(outcomes.chunks(2)) {
            let refused =
                pair.iter().filter(|outcome| matches!(outcome, Ok(Claimed::Refused(_)))).count();
            assert!(refused == 0 || refused == 2, "{}: {pair:?}", draft.number);
            let again = both[0].claim(draft.claim()).await.unwrap();
            assert_eq!(
                refused == 2,
                matches!(again, Claimed::Refused(_)),
                "{}: {again:?}",
                draft.number
            );
        }
        agree(&both[0]).await;
    });
}

#[test]
fn the_last_credits_are_spent_once_and_the_rest_is_charged() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let both = [one, other];
        bought(&both[0], &Draft::numbered(100).pack(7)).await;
        let drafts: Vec<Draft> =
            (1..=24).map(|number| Draft::numbered(number).by_card(7)).collect();
        let intents = all_new(&both, &drafts).await;
        let mut fundings: BTreeMap<&str, u32> = BTreeMap::new();
        intents.iter().for_each(|intent| *fundings.entry(intent.funding.word()).or_default() += 1);
        assert_eq!(fundings.into_iter().collect::<Vec<_>>(), [("credit", 20), ("mpp_charge", 4)]);
        agree(&both[0]).await;
    });
}

#[test]
fn one_entitlement_funds_one_creation() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let both = [one, other];
        let source = Draft::numbered(100);
        let signed = new(&both[0], &source).await;
        let proof = testkit::rail::by_transfer(signed.attempts[0].tx_hash, 1);
        let funded = both[0].apply(signed.funded(proof, source.at).unwrap()).await.unwrap();
        let refused = testkit::upstream::answer(422, "no");
        both[1]
            .apply(funded.refused(refused, source.at.plus_s(3600), source.at).unwrap())
            .await
            .unwrap();
        let drafts: Vec<Draft> = (1..=12).map(Draft::numbered).collect();
        let intents = all_new(&both, &drafts).await;
        assert_eq!(
            intents
                .iter()
                .filter(|intent| matches!(intent.funding, Funding::Entitlement { .. }))
                .count(),
            1
        );
        agree(&both[0]).await;
    });
}

#[test]
fn one_challenge_and_one_token_charge_once() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let both = [one, other];
        let mut drafts: Vec<Draft> =
            (1..=8).map(|number| Draft::numbered(number).by_card(7)).collect();
        for (number, draft) in (1_u64..).zip(&mut drafts) {
            // Half of them share the challenge, half the token.
            let card = draft.card.as_mut().unwrap();
            (card.challenge, card.token) = if number <= 4 { (1, number) } else { (number, 1) };
        }
        let outcomes = claims(&both, &drafts).await;
        let made = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Claimed::New(_)))).count();
        let known =
            outcomes.iter().filter(|outcome| matches!(outcome, Ok(Claimed::Known(_)))).count();
        assert_eq!(made + known, 8, "{outcomes:?}");
        // A challenge of its own with a token of its own may win beside another one, but neither is
        // used twice.
        assert!((1..=4).contains(&made));
        agree(&both[0]).await;
    });
}

#[test]
fn one_idempotency_key_makes_one_intent() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let both = [one, other];
        let keyed =
            |number| Draft { idempotency: Some(String::from("key-1")), ..Draft::numbered(number) };
        let outcomes = claims(&both, &(1..=12).map(keyed).collect::<Vec<_>>()).await;
        let made = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Claimed::New(_)))).count();
        assert_eq!(made, 1, "{outcomes:?}");
        assert!(outcomes.iter().all(Result::is_ok));
    });
}

#[test]
fn a_proof_that_identifies_is_fresh_at_one_replica() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let proofs: Vec<IdentityClaim> =
            (1..=40).map(|number| Draft::numbered(number).identity()).collect();
        let backwards: Vec<IdentityClaim> = proofs.iter().rev().cloned().collect();
        let (first, second) =
            tokio::join!(one.claim_identities(&proofs), other.claim_identities(&backwards));
        let (first, mut second) = (first.unwrap(), second.unwrap());
        second.reverse();
        assert!(first.iter().zip(&second).all(|(one, other)| one != other), "{first:?} {second:?}");
    });
}

#[test]
fn a_transition_is_applied_by_one_of_two_drivers() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        for number in 1..=10 {
            let draft = Draft::numbered(number).of_wallet(u8::try_from(number).unwrap());
            let signed = new(&one, &draft).await;
            let moved = together(
                [&one, &other].map(|books| books.apply(signed.submitted(draft.at).unwrap())),
            )
            .await;
            let stale =
                moved.iter().filter(|moved| matches!(moved, Err(BooksError::Stale(_)))).count();
            assert_eq!(
                (moved.iter().filter(|moved| moved.is_ok()).count(), stale),
                (1, 1),
                "{moved:?}"
            );
        }
    });
}

#[test]
fn stuck_work_goes_to_one_replica() {
    block_on(async {
        let (one, other, _scratch) = replicas().await;
        let drafts: Vec<Draft> = (1..=20).map(Draft::numbered).collect();
        for draft in &drafts {
            new(&one, draft).await;
        }
        let now = drafts[0].lease_until().plus_ms(1);
        let taken = together(
            [&one, &other, &one, &other].map(|books| books.take_stuck(now, now.plus_s(30), 5)),
        )
        .await;
        let mut ids: Vec<_> =
            taken.into_iter().flat_map(|taken| taken.unwrap()).map(|intent| intent.id).collect();
        ids.extend(
            other
                .take_stuck(now, now.plus_s(30), 64)
                .await
                .unwrap()
                .into_iter()
                .map(|intent| intent.id),
        );
        ids.sort();
        assert_eq!(ids, drafts.iter().map(Draft::id).collect::<Vec<_>>());
    });
}
