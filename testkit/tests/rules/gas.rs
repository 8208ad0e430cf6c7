//! What the nonces of one payment may cost together.
use payments::{
    gas::GasBound,
    ids::PaymentId,
    money::{Amount, UsdcUnits},
    settlement::{Attempt, AttemptKind},
    time::UnixMs,
};
use testkit::rail::attempt;

const PRICE: Amount = Amount::Usdc(UsdcUnits::new(550_000));

#[test]
fn what_other_nonces_cost_is_no_longer_there() {
    let bound = GasBound { plain_wei: 1_000_000_000, share: None };
    let at = UnixMs::new(0);
    let of = |nonce, fee| {
        attempt(AttemptKind::Transfer, PaymentId::new(uuid::Uuid::from_u128(1)), nonce, fee, at)
    };
    let (first, raised, next) = (of(1, 1_000), of(1, 2_000), of(2, 1_000));
    let all = [first, raised.clone(), next.clone()];
    assert_eq!(bound.left_for(PRICE, &all, &raised), 1_000_000_000 - 150_000_000);
    assert_eq!(
        bound.left_for(PRICE, &all, &next),
        1_000_000_000 - 300_000_000,
        "one of the two is mined: the dearer one"
    );
    let mined = [Attempt { fee_wei: Some(7), ..raised }, next.clone()];
    assert_eq!(bound.left_for(PRICE, &mined, &next), 1_000_000_000 - 7);
}
