#![allow(clippy::unwrap_used)]
use super::*;
use crate::money::{Credits, UsdcUnits};

#[test]
fn every_posting_sums_to_zero_and_is_named_after_its_fact() {
    let id = PaymentId::new(uuid::Uuid::from_u128(1));
    let payer: Payer = "wallet:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266".parse().unwrap();
    let amount = Amount::Usdc(UsdcUnits::new(550_000));
    for posting in [
        Posting::settled(id, &payer, amount).unwrap(),
        Posting::earned(id, &payer, amount).unwrap(),
        Posting::owed(id, &payer, amount).unwrap(),
        Posting::entitled(id, &payer, amount).unwrap(),
        Posting::credit_held(id, &payer, Credits::new(3)).unwrap(),
        Posting::credit_spent(id, &payer, Credits::new(3), UsdCents::new(60)).unwrap(),
        Posting::credit_returned(id, &payer, Credits::new(3)).unwrap(),
        Posting::credits_issued(id, &payer, Credits::new(20)).unwrap(),
        Posting::mischarged(id, &payer, UsdCents::new(50)).unwrap(),
    ] {
        assert_eq!(posting.lines().iter().map(|line| line.amount_minor).sum::<i64>(), 0);
        assert_eq!(posting.txn_id(), format!("{id}:{}", posting.kind()));
    }
}

#[test]
fn lines_that_do_not_balance_make_no_posting() {
    let id = PaymentId::new(uuid::Uuid::from_u128(1));
    let lines = vec![Line { account: Account::UsdcHot, currency: "USDC", amount_minor: 1 }];
    assert!(matches!(Posting::balanced(id, "settled", lines), Err(LedgerError::Unbalanced { .. })));
}
