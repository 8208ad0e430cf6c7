#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const PACK: Purchase = Purchase::Credits(20);

fn money(refunded: u64, dispute_open: u64, dispute_lost: u64) -> ChargeMoney {
    ChargeMoney { paid: 1_200, refunded, dispute_open, dispute_lost }
}

fn account(balance: u64, debt: u64, backing_cents: u64) -> CreditAccount {
    CreditAccount { balance: Credits::new(balance), debt: Credits::new(debt), backing_cents }
}

#[test]
fn a_part_of_the_money_takes_a_part_of_the_credits() {
    for (money, gone) in [
        (money(0, 0, 0), 0),
        (money(1, 0, 0), 0),
        (money(59, 0, 0), 0),
        (money(60, 0, 0), 1),
        (money(0, 1, 0), 1),
        (money(0, 300, 0), 5),
        (money(0, 0, 300), 5),
        (money(300, 300, 300), 15),
        (money(1_200, 1_200, 0), 20),
        (money(600, 600, 600), 20),
    ] {
        assert_eq!(money.credits_gone(PACK), gone, "{money:?}");
    }
    assert_eq!(money(300, 0, 0).credits_gone(Purchase::Delivered), 0, "goodwill");
    assert_eq!(money(0, 1, 0).credits_gone(Purchase::Delivered), 1);
    assert_eq!(
        money(1_200, 1_200, 0).credits_gone(Purchase::Delivered),
        0,
        "a dispute of what was refunded takes nothing"
    );
    assert_eq!(money(0, 0, 1_200).credits_gone(Purchase::Nothing), 0);
}

/// Applies states of the money one after the other, as events would tell them; spends credits in
/// between.
fn run(steps: &[(ChargeMoney, u64)]) -> (CreditAccount, TakenBack, i64) {
    let (mut account, mut taken, mut unearned) =
        (account(20, 0, 1_200), TakenBack::default(), 0_i64);
    for (money, spend) in steps {
        let step = money.adjust(PACK, taken, &account);
        assert!(step.claw <= account.balance.get() && step.forgive <= account.debt.get());
        let balance = account.balance.get() - step.claw + step.restore;
        let backing = i64::try_from(account.backing_cents).unwrap_or(i64::MAX) + step.backing_cents;
        account = super::tests::account(
            balance,
            account.debt.get() + step.owe - step.forgive,
            u64::try_from(backing).unwrap_or(u64::MAX),
        );
        taken = step.after;
        unearned += step.unearned_cents;
        let spend =
            if account.debt == Credits::ZERO { (*spend).min(account.balance.get()) } else { 0 };
        let earned = account.backing_of(Credits::new(spend));
        account = super::tests::account(
            account.balance.get() - spend,
            account.debt.get(),
            account.backing_cents - earned,
        );
    }
    (account, taken, unearned)
}

#[test]
fn what_is_lost_is_booked_against_what_stood_behind_it_and_comes_back_with_it() {
    let (left, taken, unearned) =
        run(&[(money(0, 0, 0), 15), (money(0, 1_200, 0), 0), (money(0, 0, 1_200), 0)]);
    assert_eq!((left, taken.clawed, taken.owed, unearned), (account(0, 15, 0), 5, 15, 300));
    let (left, taken, unearned) = run(&[
        (money(0, 0, 0), 15),
        (money(0, 1_200, 0), 0),
        (money(0, 0, 1_200), 0),
        (money(0, 0, 0), 0),
    ]);
    assert_eq!((left, taken, unearned), (account(5, 0, 300), TakenBack::default(), 0));
}

#[test]
fn two_disputes_end_in_any_order() {
    for steps in [
        [money(0, 1_200, 0), money(0, 600, 0), money(0, 0, 600)],
        [money(0, 1_200, 0), money(0, 600, 600), money(0, 0, 600)],
    ] {
        let (left, taken, unearned) = run(&steps.map(|money| (money, 0)));
        assert_eq!((left, taken.clawed + taken.owed, unearned), (account(10, 0, 600), 10, 600));
    }
}

fn any_money() -> impl Strategy<Value = ChargeMoney> {
    (1_u64..100_000, 0_u64..120_000, 0_u64..120_000, 0_u64..120_000).prop_map(
        |(paid, refunded, dispute_open, dispute_lost)| ChargeMoney {
            paid,
            refunded,
            dispute_open,
            dispute_lost,
        },
    )
}

proptest! {
    #[test]
    fn no_more_goes_than_was_bought_and_all_goes_with_all_the_money(money in any_money(), bought in 1_u64..10_000) {
        let gone = money.credits_gone(Purchase::Credits(bought));
        prop_assert!(gone <= bought);
        let all = money.refunded + money.dispute_open + money.dispute_lost >= money.paid;
        prop_assert!(!all || gone == bought);
        let nothing = money.refunded + money.dispute_open + money.dispute_lost == 0;
        prop_assert!(!nothing || gone == 0);
    }

    #[test]
    fn a_refund_alone_never_takes_more_than_its_share(money in any_money(), bought in 1_u64..10_000) {
        let money = ChargeMoney { dispute_open: 0, dispute_lost: 0, ..money };
        let gone = money.credits_gone(Purchase::Credits(bought));
        prop_assert!(gone * money.paid <= bought * money.refunded);
    }

    #[test]
    fn nothing_is_served_for_money_that_a_bank_holds(money in any_money(), bought in 1_u64..10_000) {
        let money = ChargeMoney { refunded: 0, ..money };
        let disputed = (money.dispute_open + money.dispute_lost).min(money.paid);
        let stand = bought - money.credits_gone(Purchase::Credits(bought));
        prop_assert!(stand * money.paid <= bought * (money.paid - disputed));
    }

    #[test]
    fn more_money_gone_never_leaves_more_credits(money in any_money(), more in 0_u64..1_000, bought in 1_u64..10_000) {
        let gone = |money: ChargeMoney| money.credits_gone(Purchase::Credits(bought));
        for worse in [
            ChargeMoney { dispute_open: money.dispute_open + more, ..money },
            ChargeMoney { dispute_lost: money.dispute_lost + more, ..money },
        ] {
            prop_assert!(gone(worse) >= gone(money));
        }
        // A refund of what is also disputed counts as a refund, which is rounded for the payer: by
        // one credit at most.
        let refunded = ChargeMoney { refunded: money.refunded + more, ..money };
        prop_assert!(gone(refunded) + 1 >= gone(money));
    }

    #[test]
    fn a_won_dispute_leaves_what_stood_before_it(money in any_money(), bought in 1_u64..10_000) {
        let (before, lost) = (ChargeMoney { dispute_open: 0, ..money }, ChargeMoney { dispute_open: 0, dispute_lost: money.dispute_lost + money.dispute_open, ..money });
        let purchase = Purchase::Credits(bought);
        prop_assert_eq!(money.credits_gone(purchase), lost.credits_gone(purchase), "decided against us, nothing more goes");
        prop_assert!(before.credits_gone(purchase) <= money.credits_gone(purchase));
    }

    /// Whatever is told in whatever order: money behind credits is neither made nor lost, and never
    /// more is booked as gone than went.
    #[test]
    fn the_money_behind_credits_is_conserved(
        told in proptest::collection::vec((0_u64..1_400, 0_u64..1_400, 0_u64..1_400, 0_u64..4), 1..12)
    ) {
        let (mut account, mut taken, mut unearned, mut earned) = (account(20, 0, 1_200), TakenBack::default(), 0_i64, 0_u64);
        for (refunded, open, lost, spend) in told {
            let money = money(refunded, open, lost);
            let step = money.adjust(PACK, taken, &account);
            let backing = i64::try_from(account.backing_cents).unwrap() + step.backing_cents;
            prop_assert!(backing >= 0);
            account = CreditAccount {
                balance: Credits::new(account.balance.get() - step.claw + step.restore),
                debt: Credits::new(account.debt.get() + step.owe - step.forgive),
                backing_cents: u64::try_from(backing).unwrap(),
            };
            taken = step.after;
            unearned += step.unearned_cents;
            prop_assert_eq!(taken.clawed + taken.owed, money.credits_gone(PACK));
            prop_assert_eq!(unearned, i64::try_from(taken.used_cents).unwrap());
            prop_assert!(taken.used_cents <= (refunded + lost).min(1_200), "no gain");
            let spent = if account.debt == Credits::ZERO { spend.min(account.balance.get()) } else { 0 };
            let cents = account.backing_of(Credits::new(spent));
            earned += cents;
            account.balance = Credits::new(account.balance.get() - spent);
            account.backing_cents -= cents;
            prop_assert_eq!(account.backing_cents + taken.held_cents + taken.used_cents + earned, 1_200);
        }
    }
}
