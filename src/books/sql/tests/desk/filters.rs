//! Filters against a plain reading of every row, and their sums against the journal.

use payments::{
    ports::desk::{
        DeskBooks, Page, PaymentFilter, PaymentRow, PaymentSums, PostingRow, SettledSum, Standing,
        TextSearch,
    },
    time::UnixMs,
};
use testkit::clock::START;

use super::{STEP_MS, Store, block_on, make, postings, scene};

/// What a filter shows, said as plainly as can be.
async fn shows(books: &Store, filter: &PaymentFilter, row: &PaymentRow) -> bool {
    let dossier = books.dossier(row.id.parse().unwrap()).await.unwrap().unwrap();
    let word = |row: &PaymentRow, words: &[&str]| words.contains(&row.state.as_str());
    let standing = |standing| match standing {
        Standing::Is(state) => row.state == state.word(),
        Standing::Open => !word(row, &["pay_failed", "created", "rejected", "released", "granted"]),
        Standing::Unknown => word(row, &["submit_unknown", "core_unknown"]),
        Standing::Settled => row.settled_minor.is_some(),
        Standing::NoLaunch => {
            row.settled_minor.is_some() && row.launch_id.is_none() && row.funding != "mpp_pack"
        }
        Standing::PaidNotServed => word(row, &["rejected"]),
        Standing::Disputed => !dossier.disputes.is_empty(),
        Standing::Refunded => row
            .obligation
            .as_ref()
            .is_some_and(|state| state.starts_with("refund") && state != "refund_due"),
    };
    let created = UnixMs::parse_rfc3339(&row.created_at).unwrap();
    assert_eq!(dossier.payment, *row);
    let hash = |hash: &str| {
        row.reference.as_deref() == Some(hash)
            || dossier.attempts.iter().any(|one| one.tx_hash.as_deref() == Some(hash))
    };
    let text = |text: &TextSearch| match text {
        TextSearch::Payment(id) => row.id == id.to_string(),
        TextSearch::Transaction(transaction) => hash(&transaction.to_string()),
        TextSearch::Stripe(name) => {
            row.reference.as_ref() == Some(name)
                || name.strip_prefix("ch_") == Some(&row.id) && row.reference.is_some()
        }
        TextSearch::Name(name) => {
            row.launch_id.as_ref() == Some(name) || dossier.idempotency_key.as_ref() == Some(name)
        }
    };
    filter.standing.is_none_or(standing)
        && filter.rail.is_none_or(|rail| row.rail == rail)
        && filter.payer.as_ref().is_none_or(|payer| row.payer == payer.to_string())
        && filter.route.as_ref().is_none_or(|route| row.route == *route)
        && filter.since.is_none_or(|at| created >= at)
        && filter.until.is_none_or(|at| created < at)
        && filter.min_minor.is_none_or(|min| row.price_minor >= min)
        && filter.max_minor.is_none_or(|max| row.price_minor <= max)
        && filter.currency.is_none_or(|currency| row.currency == currency)
        && filter.live.is_none_or(|live| row.live == Some(live))
        && filter.text.as_ref().is_none_or(text)
}

/// Every filter of one part, and some of several: a number picks a choice of each part.
fn filters(all: &[PaymentRow]) -> Vec<PaymentFilter> {
    let words = [
        "created",
        "signed",
        "pay_failed",
        "rejected",
        "granted",
        "open",
        "unknown",
        "settled",
        "paid_not_served",
        "no_launch",
        "refunded",
    ];
    let moment = |number: i64| START.plus_ms(STEP_MS * number + 3);
    let reference = |row: &PaymentRow| row.reference.clone().map(|text| TextSearch::read(&text));
    let mut texts: Vec<TextSearch> = all.iter().filter_map(reference).collect();
    texts.extend(["l3", "name 1", "name 3", "ch_none"].map(TextSearch::read));
    texts.extend(all.iter().step_by(5).map(|row| TextSearch::read(&row.id)));
    texts.extend(
        all.iter()
            .filter(|row| row.rail == "mpp")
            .map(|row| TextSearch::read(&format!("ch_{}", row.id))),
    );
    let none = PaymentFilter::default();
    let mut filters = vec![none.clone()];
    filters.extend(
        words.map(|word| PaymentFilter { standing: Standing::from_word(word), ..none.clone() }),
    );
    filters.extend(
        texts.iter().map(|text| PaymentFilter { text: Some(text.clone()), ..none.clone() }),
    );
    let mut seed = 7_u64;
    let mut pick = |of: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((seed >> 33) % of).unwrap()
    };
    for _ in 0..90 {
        filters.push(PaymentFilter {
            standing: words.get(pick(24)).and_then(|word| Standing::from_word(word)),
            rail: ["x402", "mpp"].get(pick(6)).copied(),
            payer: all.get(pick(120)).map(|row| row.payer.parse().unwrap()),
            route: ["POST /launches", "POST /credits"]
                .get(pick(8))
                .map(|route| (*route).to_owned()),
            since: [moment(5), moment(20), UnixMs::new(0)].get(pick(9)).copied(),
            until: [moment(12), moment(30), moment(99)].get(pick(9)).copied(),
            min_minor: [60, 61, 1_200].get(pick(12)).copied(),
            max_minor: [60, 1_199, 550_000].get(pick(12)).copied(),
            currency: ["USDC", "USD", "CREDIT"].get(pick(12)).copied(),
            live: [true, false].get(pick(12)).copied(),
            text: texts.get(pick(900)).cloned(),
        });
    }
    filters
}

fn sums(rows: &[&PaymentRow], journal: &[PostingRow]) -> PaymentSums {
    let mut sums =
        PaymentSums { payments: u64::try_from(rows.len()).unwrap(), settled: Vec::new() };
    for currency in ["USD", "USDC"] {
        let posted = journal.iter().filter(|posting| {
            posting.kind == "settled" && rows.iter().any(|row| row.id == posting.intent_id)
        });
        let lines = posted
            .flat_map(|posting| &posting.lines)
            .filter(|line| line.currency == currency && line.amount > 0);
        let (settled, settled_minor) =
            lines.fold((0, 0), |(count, sum), line| (count + 1, sum + line.amount));
        if settled > 0 {
            sums.settled.push(SettledSum { currency: currency.to_owned(), settled, settled_minor });
        }
    }
    sums
}

#[test]
fn every_filter_shows_what_it_says_and_its_sums_are_those_of_its_rows_and_of_the_journal() {
    block_on(async {
        let (books, _dir) = make().await;
        let all = scene(&books).await;
        let journal = postings(&books, None, 1_000).await;
        let mut shown_in_all = 0;
        for (number, filter) in filters(&all).iter().enumerate() {
            let mut expected = Vec::new();
            for row in &all {
                if shows(&books, filter, row).await {
                    expected.push(row);
                }
            }
            let mut rows: Vec<PaymentRow> = Vec::new();
            loop {
                let after = rows.last().map(|row| row.id.parse().unwrap());
                let page = books
                    .payments(
                        filter,
                        &Page { after, limit: u32::try_from(number % 3 + 1).unwrap() },
                    )
                    .await
                    .unwrap();
                if page.is_empty() {
                    break;
                }
                rows.extend(page);
            }
            assert_eq!(rows.iter().collect::<Vec<_>>(), expected, "{filter:?}");
            assert_eq!(
                books.payment_sums(filter).await.unwrap(),
                sums(&expected, &journal),
                "{filter:?}"
            );
            let all = u32::try_from(expected.len()).unwrap();
            assert!(!books.shows_more_than(filter, all).await.unwrap(), "{filter:?}");
            assert_eq!(
                books.shows_more_than(filter, all.saturating_sub(1)).await.unwrap(),
                all > 0,
                "{filter:?}"
            );
            shown_in_all += rows.len();
        }
        assert!(shown_in_all > 150, "the filters show something: {shown_in_all}");
    });
}
