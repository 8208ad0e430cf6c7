//! Who pays, in every order of what a payer has.
use super::*;
use crate::{
    route::{Quota, Window},
    time::UnixMs,
};

const TERMS: PayTerms = PayTerms {
    refused_after_pay_per_day: 3,
    reverts: RevertBounds { per_payer_and_hour: 3, gas_wei_per_hour: 1_000 },
    proof_covers_price: true,
    means: Means::Transfer,
    product: Product::Call { credits: Some(NonZeroU32::MIN) },
    beside_price_units: 100,
};
const CARD: PayTerms = PayTerms { means: Means::Charge, ..TERMS };
const TOKEN: PayTerms = PayTerms { means: Means::Nothing, ..TERMS };

const CHARGED: Funding = Funding::MppCharge { if_refused: IfRefused::Credit };

fn account(balance: u64, backing_cents: u64) -> CreditAccount {
    CreditAccount { balance: Credits::new(balance), backing_cents, ..CreditAccount::default() }
}

#[test]
fn a_call_takes_the_credits_of_its_route_or_none() {
    let of = |terms: PayTerms, credits| PayTerms {
        product: Product::Call { credits: NonZeroU32::new(credits) },
        ..terms
    };
    let available = |balance| Available { credits: account(balance, 500), ..Available::default() };
    let owed = Funding::MppCharge { if_refused: IfRefused::Owed };
    let three = Funding::Credit { count: Credits::new(3), backing: UsdCents::new(300) };
    assert_eq!(decide(&available(5), &of(TOKEN, 3)), Ok(three));
    let all = Funding::Credit { count: Credits::new(3), backing: UsdCents::new(500) };
    assert_eq!(decide(&available(3), &of(CARD, 3)), Ok(all));
    let short = FundingRefusal::TooFewCredits { needed: Credits::new(3), left: Credits::new(2) };
    assert_eq!(decide(&available(2), &of(TOKEN, 3)), Err(short));
    assert_eq!(decide(&available(2), &of(CARD, 3)), Ok(owed.clone()));
    assert_eq!(decide(&available(5), &of(TOKEN, 0)), Err(FundingRefusal::NoCredit));
    assert_eq!(decide(&available(5), &of(CARD, 0)), Ok(owed));
}

#[test]
fn whose_settlement_is_lost_gets_nothing_free_owed_or_paid() {
    let lost = PaymentId::new(uuid::Uuid::from_u128(9));
    let rich = Available {
        lost_settlement: Some(lost),
        entitlement: Some(lost),
        free_slot: Some(free_slot()),
        ..Available::default()
    };
    assert_eq!(decide(&rich, &TERMS), Err(FundingRefusal::SettlementLost(lost)));
    assert_eq!(
        decide(&Available { lost_settlement: Some(lost), ..Available::default() }, &TERMS),
        Err(FundingRefusal::SettlementLost(lost))
    );
}

fn free_slot() -> FreeSlot {
    let quota = Quota {
        name: String::from("launches"),
        count: NonZeroU32::MIN.saturating_add(4),
        window: Window::Month,
    };
    FreeSlot { of: quota.at(UnixMs::from_s(0)), slot: 2 }
}

#[test]
fn an_entitlement_comes_before_a_free_slot_and_a_free_slot_before_money() {
    let id = PaymentId::new(uuid::Uuid::from_u128(9));
    let mut available = Available {
        entitlement: Some(id),
        free_slot: Some(free_slot()),
        refused_after_pay_today: 9,
        ..Available::default()
    };
    assert_eq!(decide(&available, &TERMS), Ok(Funding::Entitlement { source: id }));
    available.entitlement = None;
    assert_eq!(decide(&available, &TERMS), Ok(Funding::Free));
    available.free_slot = None;
    assert_eq!(decide(&available, &TERMS), Err(FundingRefusal::TooManyRefused));
    available.refused_after_pay_today = 2;
    assert_eq!(decide(&available, &TERMS), Ok(Funding::X402));
    assert_eq!(
        decide(&available, &PayTerms { proof_covers_price: false, ..TERMS }),
        Err(FundingRefusal::ProofBelowPrice)
    );
}

#[test]
fn a_promised_free_call_is_charged_only_for_another_proof_than_the_refused_one() {
    let refused = Err(FundingRefusal::FreeCallsExhaustedToday);
    let capped = |noted, refused_this_proof| Available {
        day_cap: DayCap { reached: true, noted, refused_this_proof },
        ..Available::default()
    };
    assert_eq!(decide(&capped(false, false), &TERMS), refused);
    assert_eq!(decide(&capped(true, true), &TERMS), refused);
    assert_eq!(decide(&capped(true, false), &TERMS), Ok(Funding::X402));
    let below = PayTerms { proof_covers_price: false, ..TERMS };
    assert_eq!(decide(&capped(false, false), &below), refused);
    assert_eq!(decide(&capped(true, false), &below), Err(FundingRefusal::ProofBelowPrice));
    let id = PaymentId::new(uuid::Uuid::from_u128(9));
    let owed = Available { entitlement: Some(id), ..capped(false, false) };
    assert_eq!(decide(&owed, &TERMS), Ok(Funding::Entitlement { source: id }));
    let freed = Available {
        free_slot: Some(free_slot()),
        day_cap: DayCap { refused_this_proof: true, ..DayCap::default() },
        ..owed
    };
    assert_eq!(decide(&freed, &TERMS), refused, "a refused proof is claimed by nothing");
}

#[test]
fn a_credit_comes_before_a_charge_and_a_frozen_account_spends_none() {
    let backing = UsdCents::new(60);
    let mut available = Available { credits: account(2, 120), ..Available::default() };
    let one = Funding::Credit { count: Credits::new(1), backing };
    assert_eq!(decide(&available, &CARD), Ok(one.clone()));
    assert_eq!(decide(&available, &TOKEN), Ok(one));
    available.frozen = true;
    assert_eq!(decide(&available, &CARD), Ok(CHARGED));
    assert_eq!(decide(&available, &TOKEN), Err(FundingRefusal::Frozen));
    let nothing = Available::default();
    assert_eq!(decide(&nothing, &CARD), Ok(CHARGED));
    assert_eq!(decide(&nothing, &TOKEN), Err(FundingRefusal::NoCredit));
}

#[test]
fn payments_that_revert_stop_the_next_settlement_and_nothing_else() {
    let reverted = Available { reverts_last_hour: 3, ..Available::default() };
    assert_eq!(decide(&reverted, &TERMS), Err(FundingRefusal::TooManyReverts));
    assert_eq!(decide(&reverted, &CARD), Ok(CHARGED), "a card costs no gas");
    assert_eq!(
        decide(&Available { free_slot: Some(free_slot()), ..reverted.clone() }, &TERMS),
        Ok(Funding::Free)
    );
    // One has reverted: no more may be in flight than may revert yet. Without a revert any number
    // may.
    let in_flight = Available { reverts_last_hour: 1, unsettled: 2, ..Available::default() };
    assert_eq!(decide(&in_flight, &TERMS), Err(FundingRefusal::TooManyReverts));
    assert_eq!(decide(&Available { unsettled: 1, ..in_flight.clone() }, &TERMS), Ok(Funding::X402));
    assert_eq!(
        decide(&Available { reverts_last_hour: 0, unsettled: 40, ..in_flight }, &TERMS),
        Ok(Funding::X402)
    );
    let dear = Available { gas_lost_last_hour_wei: 1_000, ..Available::default() };
    assert_eq!(decide(&dear, &TERMS), Err(FundingRefusal::GasBudgetSpent));
    assert_eq!(
        decide(&Available { gas_lost_last_hour_wei: 999, ..dear }, &TERMS),
        Ok(Funding::X402)
    );
}

#[test]
fn a_balance_is_promised_once() {
    let promised = |units| Available { promised_units: units, ..Available::default() };
    assert_eq!(decide(&promised(TERMS.beside_price_units), &TERMS), Ok(Funding::X402));
    let above = promised(TERMS.beside_price_units + 1);
    assert_eq!(decide(&above, &TERMS), Err(FundingRefusal::BalancePromised));
    assert_eq!(
        decide(&above, &PayTerms { proof_covers_price: false, ..TERMS }),
        Err(FundingRefusal::ProofBelowPrice),
        "it is too low by itself"
    );
    let source = PaymentId::new(uuid::Uuid::from_u128(9));
    assert_eq!(
        decide(&Available { entitlement: Some(source), ..above }, &TERMS),
        Ok(Funding::Entitlement { source }),
        "nothing is taken for it"
    );
}

#[test]
fn a_pack_is_paid_for_whatever_its_payer_has() {
    let credits = Credits::new(20);
    let pack = PayTerms { product: Product::Pack { credits }, ..CARD };
    let id = PaymentId::new(uuid::Uuid::from_u128(9));
    let rich = Available {
        credits: account(1, 0),
        entitlement: Some(id),
        free_slot: Some(free_slot()),
        ..Available::default()
    };
    assert_eq!(decide(&rich, &pack), Ok(Funding::MppPack { credits }));
    assert_eq!(
        decide(&rich, &PayTerms { means: Means::Nothing, ..pack }),
        Err(FundingRefusal::NoCredit)
    );
    assert_eq!(
        decide(&rich, &PayTerms { means: Means::Transfer, ..pack }),
        Err(FundingRefusal::ProofBelowPrice)
    );
    let refused = Available { refused_after_pay_today: 3, ..rich };
    assert_eq!(decide(&refused, &pack), Err(FundingRefusal::TooManyRefused));
}
