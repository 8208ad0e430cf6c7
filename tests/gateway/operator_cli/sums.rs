//! The sums of a filter are the same by every way: the command's, those of the exported rows, those
//! of the journal.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Lived, ended, this_month};

/// Settlements per currency: how many, and what they come to.
type Sums = BTreeMap<String, (u64, i64)>;

/// Every filter, alone and with each of a few others.
async fn filters(lived: &Lived) -> Vec<Vec<String>> {
    let [month, next] = this_month();
    let wallet = lived.wallet.address.to_string();
    let card = lived.ask(&["ledger", "ls", "--search", &lived.pack]).await[0]["payer"]
        .as_str()
        .unwrap()
        .to_owned();
    let (hash, intent) = (
        lived.settlement(&lived.paid, "tx_hash").await,
        lived.settlement(&lived.refunded, "stripe_pi").await,
    );
    let more = [
        String::from("--rail x402"),
        String::from("--rail mpp"),
        format!("--since {month} --until {next}"),
        String::from("--mode test"),
    ];
    let one = [
        String::new(),
        String::from("--state settled"),
        String::from("--state created"),
        String::from("--state open"),
        String::from("--state unknown"),
        String::from("--state paid_not_served"),
        String::from("--state no_launch"),
        String::from("--state refunded"),
        format!("--payer {wallet}"),
        format!("--payer {card}"),
        format!("--until {month}"),
        String::from("--currency USDC"),
        String::from("--currency USDC --min 0.55 --max 0.55"),
        String::from("--currency USD --min 0.61"),
        String::from("--currency USD --max 0.60"),
        String::from("--mode live"),
        format!("--search {}", lived.free),
        format!("--search {hash}"),
        format!("--search {intent}"),
        String::from("--search nobody-knows-it"),
    ];
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut all: Vec<Vec<String>> = one.iter().map(|filter| words(filter)).collect();
    for (first, second) in
        one.iter().take(9).flat_map(|first| more.iter().map(move |second| (first, second)))
    {
        all.push(words(&format!("{first} {second}")));
    }
    all.push(vec!["--route".to_owned(), "POST /launches".to_owned()]);
    all.push(vec!["--route".to_owned(), "POST /credits/purchase".to_owned()]);
    all
}

fn with<'a>(command: &[&'a str], filter: &'a [String]) -> Vec<&'a str> {
    command.iter().copied().chain(filter.iter().map(String::as_str)).collect()
}

/// Rows of a CSV file, by column.
fn read(bytes: &[u8]) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(bytes).deserialize().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filters_sums_are_those_of_its_rows_and_of_the_journal() {
    let lived = Lived::start().await;
    let journal = lived
        .world
        .gateway
        .run(&["ledger", "export", "--what", "journal", "--format", "jsonl"])
        .await;
    ended(&journal, 0);
    let journal: Vec<Value> = String::from_utf8(journal.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let file = lived.world.gateway.path("payments.csv");
    let place = file.display().to_string();
    let mut seen = 0;
    for filter in filters(&lived).await {
        let told = lived.ask(&with(&["ledger", "ls", "--sums"], &filter)).await;
        let output = lived
            .world
            .gateway
            .run(&with(&["ledger", "export", "--format", "csv", "--out", &place], &filter))
            .await;
        ended(&output, 0);
        let rows = read(&std::fs::read(&file).unwrap());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with(&format!("{} row", rows.len())), "{said}");
        let listed = lived.ask(&with(&["ledger", "ls"], &filter)).await;
        let exported: Vec<&str> = rows.iter().map(|row| row["id"].as_str()).collect();
        let shown: Vec<&str> =
            listed.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(shown, exported, "{filter:?}");

        let (mut of_rows, mut of_journal) = (Sums::new(), Sums::new());
        for row in rows.iter().filter(|row| !row["settled_minor"].is_empty()) {
            add(&mut of_rows, &row["settled_currency"], row["settled_minor"].parse().unwrap());
        }
        let settled = journal.iter().filter(|it| {
            it["kind"] == "settled" && exported.iter().any(|id| it["intent_id"] == *id)
        });
        for line in settled
            .flat_map(|posting| posting["lines"].as_array().unwrap())
            .filter(|line| line["amount"].as_i64() > Some(0))
        {
            add(
                &mut of_journal,
                line["currency"].as_str().unwrap(),
                line["amount"].as_i64().unwrap(),
            );
        }
        assert_eq!(told, as_told(rows.len(), &of_rows), "{filter:?}");
        assert_eq!(told, as_told(rows.len(), &of_journal), "{filter:?}");
        seen += rows.len();
    }
    assert!(seen > 50, "the filters show next to nothing: {seen}");
}

fn add(sums: &mut Sums, currency: &str, minor: i64) {
    let sum = sums.entry(currency.to_owned()).or_default();
    *sum = (sum.0 + 1, sum.1 + minor);
}

fn as_told(payments: usize, sums: &Sums) -> Value {
    let settled = sums.iter().map(|(currency, (settled, minor))| json!({"currency": currency, "settled": settled, "settled_minor": minor}));
    json!({"payments": payments, "settled": settled.collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_whole_or_not_there_and_no_filter_is_left_out() {
    let lived = Lived::start().await;
    let gateway = &lived.world.gateway;
    let file = gateway.path("owed.jsonl");
    let place = file.display().to_string();
    // What the list does not know would export more than was asked for.
    for wrong in [
        &["--what", "journal", "--format", "csv", "--rail", "x402"][..],
        &["--what", "payments", "--format", "csv", "--account", "rev:launch"],
        &["--what", "statement", "--format", "csv"],
        &["--what", "credits", "--format", "csv", "--all"],
        &["--format", "csv", "--min", "much", "--currency", "USDC"],
    ] {
        ended(&gateway.run(&[&["ledger", "export", "--out", &place], wrong].concat()).await, 2);
        assert!(!file.exists(), "{wrong:?}");
    }
    ended(
        &gateway
            .run(&[
                "ledger",
                "export",
                "--what",
                "owed",
                "--format",
                "jsonl",
                "--out",
                "none/owed.jsonl",
            ])
            .await,
        2,
    );
    ended(
        &gateway
            .run(&["ledger", "export", "--what", "owed", "--format", "jsonl", "--out", &place])
            .await,
        0,
    );
    let line: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        json!([line]),
        lived.ask(&["ledger", "owed"]).await,
        "an exported row is the row of the list"
    );
    let wallet = lived.wallet.address.to_string();
    for (what, more) in [
        ("statement", &["--payer", wallet.as_str()][..]),
        ("requests", &["--payer", wallet.as_str()]),
        ("owed", &["--all"]),
        ("credits", &[]),
        ("findings", &["--all"]),
        ("actions", &[]),
        ("journal", &["--account", "rev:launch"]),
    ] {
        let output = gateway
            .run(&[&["ledger", "export", "--what", what, "--format", "csv"], more].concat())
            .await;
        ended(&output, 0);
        let rows = read(&output.stdout);
        let jsonl = gateway
            .run(&[&["ledger", "export", "--what", what, "--format", "jsonl"], more].concat())
            .await;
        let lines = String::from_utf8(jsonl.stdout).unwrap().lines().count();
        match what {
            // One record a line of each posting.
            "journal" => assert_eq!(rows.len(), 2 * lines, "{what}"),
            _ => assert_eq!(rows.len(), lines, "{what}"),
        }
    }
    let parts = std::fs::read_dir(gateway.path(""))
        .unwrap()
        .filter(|it| it.as_ref().unwrap().path().extension().is_some_and(|end| end == "part"));
    assert_eq!(parts.count(), 0, "an unfinished export was left");
}
