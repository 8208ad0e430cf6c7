//! A proof that identifies is used up by it.

use super::{Progress, Say, block_on, claimed, drive, pending};
use payments::{
    checkout::{Admission, ForwardRequest, identify, identify_quickly},
    money::UsdCents,
    ports::{Books, ClaimKey, IdentityClaim},
    rail::{RailPrice, RailPrices},
    route::{Access, Terms},
};
use testkit::{wallet::TestWallet, world::TestWorld};

fn identity(test: &TestWorld, number: u64) -> IdentityClaim {
    let asked = test.launch(&TestWallet::numbered(1), number, false);
    IdentityClaim {
        key: asked.transfer.key(),
        fingerprint: asked.fingerprint,
        at: test.world.clock.now(),
    }
}

#[test]
fn a_proof_identifies_once_and_the_books_know_it_before_anything_is_forwarded() {
    let test = TestWorld::new();
    let claim = identity(&test, 1);
    let payer = TestWallet::numbered(1).payer();
    let who = block_on(identify(&test.world, payer.clone(), claim.clone())).unwrap().unwrap();
    assert_eq!(*who.payer(), payer);
    assert!(
        block_on(test.books.known(&ClaimKey {
            proof: Some(payments::proof::ProofKey::Authorization(claim.key)),
            idempotency: None
        }))
        .unwrap()
        .is_some()
    );
    assert_eq!(block_on(identify(&test.world, payer.clone(), claim.clone())).unwrap(), None);
    test.proofs.forget();
    assert_eq!(
        block_on(identify(&test.world, payer.clone(), claim.clone())).unwrap(),
        None,
        "the books remember"
    );
    assert_eq!(block_on(identify_quickly(&test.world, payer, claim)).unwrap(), None);
}

#[test]
fn a_quick_identity_is_used_up_in_the_fast_memory() {
    let test = TestWorld::new();
    let claim = identity(&test, 1);
    let payer = TestWallet::numbered(1).payer();
    assert!(
        block_on(identify_quickly(&test.world, payer.clone(), claim.clone())).unwrap().is_some()
    );
    assert_eq!(
        block_on(identify_quickly(&test.world, payer.clone(), claim.clone())).unwrap(),
        None
    );
    assert_eq!(block_on(identify(&test.world, payer, claim)).unwrap(), None);
}

#[test]
fn a_memory_that_cannot_tell_makes_every_identity_durable_first() {
    let test = TestWorld::new();
    test.proofs.fall_silent();
    let payer = TestWallet::numbered(1).payer();
    for (number, quickly) in [(1, true), (2, false)] {
        let claim = identity(&test, number);
        let ask = async || {
            if quickly {
                identify_quickly(&test.world, payer.clone(), claim.clone()).await.unwrap()
            } else {
                identify(&test.world, payer.clone(), claim.clone()).await.unwrap()
            }
        };
        assert!(block_on(ask()).is_some());
        assert_eq!(
            block_on(test.books.claim_identities(std::slice::from_ref(&claim))).unwrap(),
            [false],
            "the books have it"
        );
        assert_eq!(block_on(ask()), None);
    }
    claimed(&test, test.launch(&TestWallet::numbered(1), 3, false));
    assert_eq!(
        block_on(identify_quickly(&test.world, payer, identity(&test, 3))).unwrap(),
        None,
        "it pays"
    );
}

#[test]
fn a_proof_that_paid_identifies_nobody() {
    let test = TestWorld::new();
    let payer = TestWallet::numbered(1).payer();
    claimed(&test, test.launch(&TestWallet::numbered(1), 1, false));
    for forget in [false, true] {
        if forget {
            test.proofs.forget();
        }
        assert_eq!(
            block_on(identify(&test.world, payer.clone(), identity(&test, 1))).unwrap(),
            None
        );
        assert_eq!(
            block_on(identify_quickly(&test.world, payer.clone(), identity(&test, 1))).unwrap(),
            None
        );
    }
}

#[test]
fn an_admission_carries_the_agent_and_no_key_unless_it_creates() {
    let test = TestWorld::new();
    let payer = TestWallet::numbered(1).payer();
    let request = || ForwardRequest {
        method: String::from("GET"),
        route: String::from("GET /launches"),
        path_and_query: String::from("/launches?limit=1"),
        body: bytes::Bytes::new(),
        content_type: None,
        request_id: String::from("req-1"),
    };
    let who = block_on(identify(&test.world, payer.clone(), identity(&test, 1))).unwrap().unwrap();
    let own = Admission::for_identified(&Access::Identified, &who, request()).unwrap();
    assert_eq!((own.agent(), own.core_key(), own.api_key()), (Some(&payer), None, None));
    let anyone = Admission::for_anyone(&Access::Open, request()).unwrap();
    assert_eq!((anyone.agent(), anyone.core_key(), anyone.api_key()), (None, None, None));
    let customer = Admission::for_api_key(String::from("Bearer ds_1"), request());
    assert_eq!((customer.agent(), customer.api_key()), (None, Some("Bearer ds_1")));
    assert_eq!(*customer.request(), request());
    let offers = RailPrices::new([RailPrice::MppStripe(UsdCents::new(60))]).unwrap();
    let priced = Access::Priced(Terms { offers, free: None, credits: None });
    assert!(
        Admission::for_identified(&priced, &who, request()).is_none(),
        "who asks pays for nothing"
    );
    assert!(
        Admission::for_anyone(&priced, request()).is_none()
            && Admission::for_anyone(&Access::Identified, request()).is_none()
    );
    let signed = claimed(&test, test.launch(&TestWallet::numbered(1), 2, false));
    test.rail.say_next(pending(1, Say::Settled));
    block_on(drive(&test.world, signed, &mut Progress::live())).unwrap();
    assert!(test.upstream.creation_keys().is_empty(), "not before it is funded");
}
