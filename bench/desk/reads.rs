//! What is timed: everything that a page of the desk reads.

use payments::{
    agent::{Payer, Wallet},
    ids::PaymentId,
    ports::desk::{DeskBooks, Page, PaymentFilter},
    time::UnixMs,
};
use sqlx::{Connection, PgConnection, Row};

use crate::books::postgres::PostgresBooks;

/// Rows of a page.
const ROWS: u32 = 51;
/// Payments that the page adds up by itself.
const SUMMED: u32 = 1_000;
/// The page whose cost is compared with the first one's, of twenty rows each.
const DEEP_PAGE: u64 = 100_000;
/// Where a short list is entered that has no such page: this part of its payments is newer.
const DEEP_PART: (u64, u64) = (3, 4);

/// A ledger, and names of things in it.
pub struct Ledger {
    books: PostgresBooks,
    now: UnixMs,
    deep: PaymentId,
    deep_posting: i64,
    middle: (UnixMs, UnixMs),
    a_payment: PaymentId,
    a_charge: PaymentId,
    wallet: Payer,
}

/// One read, as its page asks for it.
pub enum Read {
    Payments(&'static [(&'static str, &'static str)], bool),
    Named(fn(&Ledger) -> String),
    OfPayer(fn(&Ledger) -> Payer, &'static [(&'static str, &'static str)], bool),
    AreMany(&'static [(&'static str, &'static str)]),
    Day(&'static [(&'static str, &'static str)]),
    Postings(Option<&'static str>, bool),
    PostingsOf(&'static str, fn(&Ledger) -> Payer, bool),
    Statement(fn(&Ledger) -> Payer, bool),
    Dossier(fn(&Ledger) -> PaymentId),
    Overview,
    Credits,
    Requests(Option<fn(&Ledger) -> Payer>),
    Owed(bool),
    FreeSlots,
    Findings(bool),
    Runs,
    Actions,
}

fn whale(_: &Ledger) -> Payer {
    Payer::Wallet(Wallet::new([0xff; 20]))
}

fn great_card(_: &Ledger) -> Payer {
    Payer::Card(String::from("0"))
}

fn a_wallet(ledger: &Ledger) -> Payer {
    ledger.wallet.clone()
}

/// Filters by everything that a filter has, alone and together; some that show nearly everything,
/// some that show next to nothing.
const FILTERS: [(&str, &[(&str, &str)]); 26] = [
    ("all", &[]),
    ("state=created", &[("state", "created")]),
    ("state=open", &[("state", "open")]),
    ("state=unknown", &[("state", "unknown")]),
    ("state=pay_failed", &[("state", "pay_failed")]),
    ("state=granted", &[("state", "granted")]),
    ("state=settled", &[("state", "settled")]),
    ("state=paid_not_served", &[("state", "paid_not_served")]),
    ("state=no_launch", &[("state", "no_launch")]),
    ("state=refunded", &[("state", "refunded")]),
    ("state=released (none)", &[("state", "released")]),
    ("rail=x402", &[("rail", "x402")]),
    ("rail=mpp", &[("rail", "mpp")]),
    ("route=POST /credits", &[("route", "POST /credits")]),
    ("route=POST /elsewhere (none)", &[("route", "POST /elsewhere")]),
    ("currency=USD", &[("currency", "USD")]),
    ("currency=CREDIT (none)", &[("currency", "CREDIT")]),
    ("min=12 currency=USD", &[("min", "12"), ("currency", "USD")]),
    ("max=0.60 currency=USD", &[("max", "0.60"), ("currency", "USD")]),
    ("min=1 currency=USDC (none)", &[("min", "1"), ("currency", "USDC")]),
    ("mode=test", &[("mode", "test")]),
    ("mode=live (none)", &[("mode", "live")]),
    ("rail=mpp state=refunded", &[("rail", "mpp"), ("state", "refunded")]),
    ("rail=mpp state=no_launch (none)", &[("rail", "mpp"), ("state", "no_launch")]),
    ("mode=test state=refunded", &[("mode", "test"), ("state", "refunded")]),
    (
        "rail=x402 state=unknown mode=test (none)",
        &[("rail", "x402"), ("state", "unknown"), ("mode", "test")],
    ),
];

/// Everything, by name.
pub fn all() -> Vec<(String, Read)> {
    let mut all = vec![(String::from("overview"), Read::Overview)];
    let mut add = |name: &str, read| all.push((name.to_owned(), read));
    for (name, filter) in FILTERS {
        add(&format!("payments {name}"), Read::Payments(filter, false));
        add(&format!("payments {name}, deep"), Read::Payments(filter, true));
        add(&format!("payments {name}, one day"), Read::Day(filter));
        add(&format!("payments {name}, too many to add up"), Read::AreMany(filter));
    }
    add("payments q=payment", Read::Named(|ledger| ledger.a_payment.to_string()));
    add("payments q=transaction", Read::Named(|_| format!("0xb{:063x}", 1001)));
    add("payments q=pi_", Read::Named(|_| String::from("pi_1012")));
    add("payments q=ch_", Read::Named(|_| String::from("ch_1012")));
    add("payments q=launch", Read::Named(|_| String::from("l1001")));
    add("payments q=the client's name", Read::Named(|_| String::from("order-1002")));
    add("payments q=nothing", Read::Named(|_| String::from("nothing")));
    add("dossier of a settlement", Read::Dossier(|ledger| ledger.a_payment));
    add("dossier of a charge", Read::Dossier(|ledger| ledger.a_charge));
    for (name, payer) in [
        ("a wallet", a_wallet as fn(&Ledger) -> Payer),
        ("a tenth of all", whale),
        ("a card with a twentieth", great_card),
    ] {
        add(&format!("payments of {name}"), Read::OfPayer(payer, &[], false));
        add(&format!("payments of {name}, deep"), Read::OfPayer(payer, &[], true));
        for (filter_name, filter) in &FILTERS[1..10] {
            add(&format!("payments of {name}, {filter_name}"), Read::OfPayer(payer, filter, false));
        }
        add(
            &format!("payments of {name}, route=POST /credits"),
            Read::OfPayer(payer, &[("route", "POST /credits")], true),
        );
        add(
            &format!("payments of {name}, mode=live (none)"),
            Read::OfPayer(payer, &[("mode", "live")], false),
        );
        add(&format!("statement of {name}"), Read::Statement(payer, false));
        add(&format!("statement of {name}, one day"), Read::Statement(payer, true));
        add(&format!("journal of {name}"), Read::PostingsOf("liab:unearned:", payer, false));
        add(&format!("journal of {name}, deep"), Read::PostingsOf("liab:unearned:", payer, true));
        add(&format!("requests of {name}"), Read::Requests(Some(payer)));
    }
    for account in [
        None,
        Some("asset:usdc_hot"),
        Some("liab:unearned"),
        Some("liab:refund_due"),
        Some("rev:launch"),
        Some("sys:issued"),
        Some("rev"),
    ] {
        add(&format!("journal {}", account.unwrap_or("all")), Read::Postings(account, false));
        add(&format!("journal {}, deep", account.unwrap_or("all")), Read::Postings(account, true));
    }
    add("credits", Read::Credits);
    add("requests", Read::Requests(None));
    add("owed", Read::Owed(false));
    add("owed and settled", Read::Owed(true));
    add("free launches of a wallet", Read::FreeSlots);
    add("findings, open", Read::Findings(true));
    add("findings", Read::Findings(false));
    add("runs", Read::Runs);
    add("actions", Read::Actions);
    all
}

impl Ledger {
    pub async fn open(url: &str) -> Self {
        let mut sql = PgConnection::connect(url).await.unwrap();
        let row = sqlx::query(
            "SELECT count(*) AS payments, min(created_at_ms) AS first, max(created_at_ms) AS last FROM intents",
        );
        let row = row.fetch_one(&mut sql).await.unwrap();
        let (payments, first, last): (i64, i64, i64) =
            (row.get("payments"), row.get("first"), row.get("last"));
        let newer = (DEEP_PAGE * 20).min(payments.unsigned_abs() * DEEP_PART.0 / DEEP_PART.1);
        let id = async |sql: &mut PgConnection, order: &str, offset: u64| -> String {
            let query = format!("SELECT id FROM intents WHERE {order} OFFSET {offset} LIMIT 1");
            sqlx::query(sqlx::AssertSqlSafe(query)).fetch_one(sql).await.unwrap().get("id")
        };
        let deep = id(&mut sql, "true ORDER BY id DESC", newer).await;
        let (a_payment, a_charge) = (
            id(&mut sql, "funding = 'x402' ORDER BY id", 900).await,
            id(&mut sql, "funding = 'mpp_charge' ORDER BY id", 300).await,
        );
        let deep_posting =
            sqlx::query("SELECT max(rowid) FROM journal_headers WHERE intent_id < $1").bind(&deep);
        let deep_posting = deep_posting.fetch_one(&mut sql).await.unwrap().get(0);
        let wallet: String = sqlx::query(
            "SELECT payer FROM intents WHERE id > $1 AND funding = 'free' ORDER BY id LIMIT 1",
        )
        .bind(&deep)
        .fetch_one(&mut sql)
        .await
        .unwrap()
        .get(0);
        let middle = first + (last - first) / 2;
        Self {
            books: PostgresBooks::open_beside(url).await.unwrap(),
            now: UnixMs::new(last),
            deep: deep.parse().unwrap(),
            deep_posting,
            middle: (UnixMs::new(middle), UnixMs::new(middle + 86_400_000)),
            a_payment: a_payment.parse().unwrap(),
            a_charge: a_charge.parse().unwrap(),
            wallet: wallet.parse().unwrap(),
        }
    }

    async fn payments(&self, filter: PaymentFilter, deep: bool) -> usize {
        let page = Page { after: deep.then_some(self.deep), limit: ROWS };
        self.books.payments(&filter, &page).await.unwrap().len()
    }

    async fn postings(&self, account: Option<&str>, deep: bool) -> usize {
        let page = Page { after: deep.then_some(self.deep_posting), limit: ROWS };
        self.books.postings(account, &page).await.unwrap().len()
    }
}

impl Read {
    /// How many rows it gives.
    pub async fn run(&self, ledger: &Ledger) -> usize {
        let books = &ledger.books;
        let filter = |pairs: &[(&str, &str)]| PaymentFilter::read(pairs.iter().copied()).unwrap();
        match self {
            Self::Payments(pairs, deep) => ledger.payments(filter(pairs), *deep).await,
            Self::Day(pairs) => {
                let (since, until) = ledger.middle;
                ledger
                    .payments(
                        PaymentFilter { since: Some(since), until: Some(until), ..filter(pairs) },
                        false,
                    )
                    .await
            }
            Self::Named(name) => {
                ledger.payments(filter(&[("q", name(ledger).as_str())]), false).await
            }
            Self::OfPayer(payer, pairs, deep) => {
                ledger
                    .payments(PaymentFilter { payer: Some(payer(ledger)), ..filter(pairs) }, *deep)
                    .await
            }
            Self::AreMany(pairs) => {
                usize::from(books.shows_more_than(&filter(pairs), SUMMED).await.unwrap())
            }
            Self::Postings(account, deep) => ledger.postings(*account, *deep).await,
            Self::PostingsOf(family, payer, deep) => {
                ledger.postings(Some(&format!("{family}{}", payer(ledger))), *deep).await
            }
            Self::Statement(payer, a_day) => {
                let (since, until) =
                    if *a_day { ledger.middle } else { (UnixMs::new(0), UnixMs::new(i64::MAX)) };
                books
                    .statement(&payer(ledger), since, until, &Page { after: None, limit: ROWS })
                    .await
                    .unwrap()
                    .len()
            }
            Self::Dossier(id) => {
                let dossier = books.dossier(id(ledger)).await.unwrap().unwrap();
                dossier.attempts.len() + dossier.requests.len()
            }
            Self::Overview => books.overview(ledger.now).await.unwrap().days.len(),
            Self::Credits => {
                books.credit_totals().await.unwrap();
                books.credit_accounts(&Page { after: None, limit: ROWS }).await.unwrap().len()
            }
            Self::Requests(payer) => {
                let payer = payer.map(|payer| payer(ledger));
                books
                    .requests(payer.as_ref(), &Page { after: None, limit: ROWS })
                    .await
                    .unwrap()
                    .len()
            }
            Self::Owed(all) => {
                books.owed(*all, None, &Page { after: None, limit: ROWS }).await.unwrap().len()
            }
            Self::FreeSlots => {
                let Payer::Wallet(wallet) = &ledger.wallet else { return 0 };
                books.free_slots(*wallet, ROWS).await.unwrap().len()
            }
            Self::Findings(open) => books.all_findings(*open, ROWS).await.unwrap().len(),
            Self::Runs => books.runs(ROWS).await.unwrap().len(),
            Self::Actions => books.actions(&Page { after: None, limit: ROWS }).await.unwrap().len(),
        }
    }
}
