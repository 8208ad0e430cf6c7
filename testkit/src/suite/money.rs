//! Where every cent is.

use std::collections::BTreeMap;

use super::{Draft, created, funded, new, not_queued, reach, refused, rejected};
use crate::rail::{FEE_WEI, attempt};
use payments::{
    funding::Funding,
    intent::State,
    ports::{Books, JournalLine, ObligationRow},
    settlement::{AttemptKind, GasSpent},
};

const HOUR_MS: i64 = 3_600_000;

fn lines(journal: &[JournalLine]) -> Vec<(String, &str, i64)> {
    journal.iter().map(|line| (line.txn_id.clone(), line.account.as_str(), line.amount)).collect()
}

/// An entitlement is used in time, or it is a refund that is due.
pub async fn an_entitlement_past_its_deadline_is_a_refund_due(books: &dyn Books) {
    let deadline = Draft::numbered(1).at.plus_ms(HOUR_MS);
    let early = rejected(books, &Draft::numbered(1).of_wallet(1), deadline).await;
    let late = rejected(books, &Draft::numbered(2).of_wallet(2), deadline.plus_ms(1)).await;
    let reserved = rejected(books, &Draft::numbered(3).of_wallet(3), deadline).await;
    new(books, &Draft::numbered(4).of_wallet(3)).await;
    assert_eq!(books.expire_entitlements(deadline.plus_ms(-1)).await.unwrap(), 0);
    assert_eq!(books.expire_entitlements(deadline).await.unwrap(), 1);
    assert_eq!(books.expire_entitlements(deadline).await.unwrap(), 0, "once");
    let mut states = Vec::new();
    for intent in [&early, &late, &reserved] {
        states.push(books.evidence(intent.id).await.unwrap().unwrap().obligation.unwrap().state);
    }
    assert_eq!(states, ["refund_due", "open", "reserved"]);
    assert_eq!(new(books, &Draft::numbered(5).of_wallet(1)).await.funding, Funding::X402);
}

/// States with their times, and the money's way.
pub async fn the_evidence_of_a_paid_launch_tells_its_story(books: &dyn Books) {
    let draft = Draft::numbered(1);
    let signed = new(books, &draft).await;
    let submitted = books.apply(signed.submitted(draft.at.plus_ms(1)).unwrap()).await.unwrap();
    let done =
        created(books, &funded(books, &submitted, draft.at.plus_ms(2)).await, draft.at.plus_ms(3))
            .await;
    let evidence = books.evidence(draft.id()).await.unwrap().unwrap();
    let at = |ms| draft.at.plus_ms(ms);
    let expected =
        [("signed", at(0)), ("submitted", at(1)), ("forwarding", at(2)), ("created", at(3))];
    assert_eq!(evidence.timeline, expected.map(|(state, at)| (state.to_owned(), at)));
    let (id, payer) = (draft.id(), draft.payer());
    let unearned = format!("liab:unearned:{payer}");
    let expected = [
        (format!("{id}:settled"), "asset:usdc_hot", 550_000),
        (format!("{id}:settled"), unearned.as_str(), -550_000),
        (format!("{id}:earned"), unearned.as_str(), 550_000),
        (format!("{id}:earned"), "rev:launch", -550_000),
    ];
    assert_eq!(lines(&evidence.journal), expected);
    assert_eq!((evidence.obligation, evidence.intent), (None, done));
}

/// What was taken and not earned is owed, to whom and how much.
pub async fn the_evidence_of_a_refusal_says_what_is_owed(books: &dyn Books) {
    let draft = Draft::numbered(1);
    let until = draft.at.plus_ms(HOUR_MS);
    let source = rejected(books, &draft, until).await;
    assert_eq!(source.entitled_until, Some(until));
    let evidence = books.evidence(source.id).await.unwrap().unwrap();
    let owed = ObligationRow {
        intent_id: source.id.to_string(),
        part_of: None,
        payer: draft.payer().to_string(),
        amount_minor: 550_000,
        currency: String::from("USDC"),
        state: String::from("open"),
    };
    assert_eq!(evidence.obligation, Some(owed));
    let (unearned, due) =
        (format!("liab:unearned:{}", draft.payer()), format!("liab:refund_due:{}", draft.payer()));
    let expected = [
        (format!("{}:owed", source.id), unearned.as_str(), 550_000),
        (format!("{}:owed", source.id), due.as_str(), -550_000),
    ];
    assert_eq!(lines(&evidence.journal)[2..], expected);
}

/// Of what settled, of what moved nothing and of empty transactions, each by itself; what is not
/// known is not counted.
pub async fn gas_is_kept_with_each_mined_transaction_and_summed(books: &dyn Books) {
    assert_eq!(books.gas_spent().await.unwrap(), GasSpent::default());
    let paid = funded(books, &new(books, &Draft::numbered(1)).await, Draft::numbered(1).at).await;
    assert_eq!(paid.attempts[0].fee_wei, Some(FEE_WEI), "known with the proof");
    let failed = reach(books, &Draft::numbered(2), State::PayFailed).await;
    let void = attempt(
        AttemptKind::Void,
        failed.id,
        failed.attempts[0].eoa_nonce,
        2_000,
        failed.updated_at,
    );
    books.save_attempt(failed.id, failed.guard, &void).await.unwrap();
    new(books, &Draft::numbered(3)).await;
    // More than any one number of a database holds, as a sum.
    let lost_wei = 9_000_000_000_000_000_001;
    books
        .note_fees(&[(failed.attempts[0].tx_hash, lost_wei), (void.tx_hash, lost_wei + 1)])
        .await
        .unwrap();
    let other = reach(books, &Draft::numbered(4).of_wallet(4), State::PayFailed).await;
    books.note_fees(&[(other.attempts[0].tx_hash, lost_wei)]).await.unwrap();
    let spent = GasSpent {
        settled_wei: FEE_WEI,
        lost_wei: 2 * lost_wei,
        void_wei: lost_wei + 1,
        ..GasSpent::default()
    };
    assert_eq!(books.gas_spent().await.unwrap(), spent);
    let kept = books.intent(failed.id).await.unwrap().unwrap();
    assert_eq!(
        kept.attempts.iter().map(|attempt| attempt.fee_wei).collect::<Vec<_>>(),
        [Some(lost_wei), Some(lost_wei + 1)]
    );
    let journal = books.trial_balance().await.unwrap();
    assert!(
        journal.iter().all(|line| line.currency == "USDC"),
        "gas is no currency of the journal"
    );
}

/// Over every kind of story: paid, failed, refused, entitled and used, entitled and refused again,
/// free.
pub async fn the_journal_sums_to_zero_per_currency(books: &dyn Books) {
    for (number, state) in (1..).zip(not_queued()) {
        reach(books, &Draft::numbered(number).of_wallet(u8::try_from(number).unwrap()), state)
            .await;
    }
    let until = Draft::numbered(1).at.plus_ms(HOUR_MS);
    rejected(books, &Draft::numbered(20).of_wallet(20), until).await;
    let again = new(books, &Draft::numbered(21).of_wallet(20)).await;
    refused(books, &again, until, again.created_at).await;
    let used = new(books, &Draft::numbered(22).of_wallet(20)).await;
    created(books, &used, used.created_at).await;
    let balance = books.trial_balance().await.unwrap();
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for line in &balance {
        *sums.entry(line.currency.as_str()).or_default() += line.amount;
    }
    assert_eq!(sums, BTreeMap::from([("CREDIT", 0), ("USD", 0), ("USDC", 0)]));
    let usdc = || balance.iter().filter(|line| line.currency == "USDC");
    let of = |account: &str| {
        usdc().filter(|line| line.account.starts_with(account)).map(|line| line.amount).sum::<i64>()
    };
    assert_eq!(
        of("asset:usdc_hot"),
        5 * 550_000,
        "forwarding, core_unknown, created, rejected, and the one that was used later"
    );
    assert_eq!(of("rev:launch"), -2 * 550_000);
    assert_eq!(of("liab:unearned:"), -2 * 550_000);
    assert_eq!(of("liab:refund_due:"), -550_000);
    let mut sorted = balance.clone();
    sorted.sort_by(|a, b| (&a.currency, &a.account).cmp(&(&b.currency, &b.account)));
    assert_eq!(balance, sorted, "sorted by name");
}
