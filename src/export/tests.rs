#![allow(clippy::unwrap_used)]

use payments::ports::{
    Finding, JournalLine,
    desk::{
        ActionRow, CreditAccountRow, OwedRow, PaymentFilter, PaymentRow, PostingRow, RequestRow,
        StatementLine,
    },
};
use serde_json::{Value, json};

use super::{Form, Sheet, Source, What, Writer};

fn action(reason: &str) -> ActionRow {
    let [at, action, subject, via] =
        ["2026-01-31T12:00:00.000Z", "finding.close", "pay_7", "cli"].map(String::from);
    ActionRow { seq: 7, at, action, subject, reason: reason.to_owned(), via }
}

fn statement(amount_minor: i64) -> StatementLine {
    let [at, kind, intent_id, currency] =
        ["2026-01-31T12:00:00.000Z", "earned", "pay_7", "USDC"].map(String::from);
    StatementLine { seq: 1, at, kind, intent_id, currency, amount_minor, balance_minor: 0 }
}

fn posting() -> PostingRow {
    let line = |account: &str, amount| JournalLine {
        txn_id: String::from("settled:pay_7"),
        account: account.to_owned(),
        currency: String::from("USDC"),
        amount,
    };
    PostingRow {
        seq: 3,
        txn_id: String::from("settled:pay_7"),
        kind: String::from("settled"),
        intent_id: String::from("pay_7"),
        posted_at: String::from("2026-01-31T12:00:00.000Z"),
        lines: vec![line("asset:usdc_hot", 550_000), line("liab:unearned:wallet:0x1", -550_000)],
    }
}

/// What a spreadsheet would see: the header, and each record by its columns.
fn read_back(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn a_text_is_read_back_as_it_was_whatever_it_holds() {
    let texts = [
        "late",
        "said \"no\", twice",
        "two\r\nlines",
        "ünïcode 日本",
        "",
        " spaces ",
        "a,b;c",
        "'quoted'",
    ];
    let rows = texts.map(action);
    let bytes = Writer::new(Form::Csv).rows(&rows).unwrap();
    let read = read_back(&bytes);
    assert_eq!(read[0], ActionRow::COLUMNS);
    assert_eq!(read[1..].iter().map(|record| record[4].as_str()).collect::<Vec<_>>(), texts);
    let plain = Writer::new(Form::Csv).rows(&[action("late")]).unwrap();
    let expected = "seq,at,action,subject,reason,via\r\n7,2026-01-31T12:00:00.000Z,finding.close,pay_7,late,cli\r\n";
    assert_eq!(String::from_utf8(plain).unwrap(), expected);
}

#[test]
fn a_spreadsheet_finds_no_formula_and_numbers_stay_numbers() {
    for formula in
        ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(\"http://x\",\"y\")"]
    {
        let read = read_back(&Writer::new(Form::Csv).rows(&[action(formula)]).unwrap());
        assert_eq!(read[1][4], format!("'{formula}"));
    }
    let read = read_back(&Writer::new(Form::Csv).rows(&[statement(-550_000)]).unwrap());
    assert_eq!(read[1][5], "-550000");
    // JSON needs no such guard.
    let line = Writer::new(Form::JsonLines).rows(&[action("=1+1")]).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&line).unwrap()["reason"], "=1+1");
}

#[test]
fn chunks_are_one_file_with_one_header_and_an_empty_list_has_its_header() {
    let mut writer = Writer::new(Form::Csv);
    let mut bytes = writer.rows(&[statement(1)]).unwrap();
    bytes.extend(writer.rows::<StatementLine>(&[]).unwrap());
    bytes.extend(writer.rows(&[statement(2), statement(3)]).unwrap());
    let read = read_back(&bytes);
    assert_eq!(
        read.iter().map(|record| record[5].as_str()).collect::<Vec<_>>(),
        ["amount_minor", "1", "2", "3"]
    );
    assert_eq!(
        read_back(&Writer::new(Form::Csv).rows::<StatementLine>(&[]).unwrap()),
        [StatementLine::COLUMNS]
    );
    assert_eq!(Writer::new(Form::JsonLines).rows::<StatementLine>(&[]).unwrap(), b"");
}

#[test]
fn a_posting_is_one_record_a_line_and_one_object() {
    let read = read_back(&Writer::new(Form::Csv).rows(&[posting()]).unwrap());
    assert_eq!(
        read[0],
        ["seq", "txn_id", "kind", "intent_id", "posted_at", "account", "currency", "amount"]
    );
    assert_eq!(read[1][5..], ["asset:usdc_hot", "USDC", "550000"]);
    assert_eq!(read[2][5..], ["liab:unearned:wallet:0x1", "USDC", "-550000"]);
    let lines = Writer::new(Form::JsonLines).rows(&[posting(), posting()]).unwrap();
    let lines: Vec<Value> = String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, [json!(posting()), json!(posting())]);
}

/// The columns are the members of a row: none is forgotten, none is made up.
fn columns_of<S: Sheet>(row: &S) -> (Vec<String>, Vec<&'static str>) {
    let value = serde_json::to_value(row).unwrap();
    let members = value.as_object().unwrap().keys().cloned().collect();
    let mut columns: Vec<_> =
        S::COLUMNS.iter().map(|column| column.split('.').next().unwrap()).collect();
    columns.dedup();
    (members, columns)
}

#[test]
fn the_columns_are_the_members_of_the_row_in_their_order() {
    let text = String::new;
    let payment = PaymentRow {
        id: text(),
        created_at: text(),
        updated_at: text(),
        payer: text(),
        rail: text(),
        route: text(),
        funding: text(),
        state: text(),
        price_minor: 0,
        currency: text(),
        settled_minor: None,
        settled_currency: None,
        settled_at: None,
        reference: None,
        chain_id: None,
        live: None,
        launch_id: None,
        failure: None,
        obligation: None,
    };
    let request = RequestRow {
        seq: 1,
        request_id: text(),
        at: text(),
        route: text(),
        payer: text(),
        status: 402,
        code: None,
        reason: None,
        payment_id: None,
        charge: text(),
    };
    let owed = OwedRow {
        id: text(),
        payer: text(),
        amount_minor: 0,
        currency: text(),
        state: text(),
        since: text(),
        entitled_until: None,
    };
    let finding = Finding {
        kind: text(),
        key: text(),
        detail: text(),
        opened_at: text(),
        closed_at: None,
        closed_reason: None,
    };
    let all = [
        columns_of(&payment),
        columns_of(&request),
        columns_of(&owed),
        columns_of(&finding),
        columns_of(&posting()),
        columns_of(&statement(1)),
        columns_of(&action("late")),
        columns_of(&CreditAccountRow { payer: text(), balance: 0, debt: 0, backing_cents: 0 }),
    ];
    for (members, columns) in all {
        assert_eq!(members, columns);
    }
}

#[test]
fn a_filter_that_a_list_does_not_know_is_refused_and_not_left_out() {
    let filter = |pairs: &[(&'static str, &'static str)]| {
        PaymentFilter::read(pairs.iter().copied()).unwrap()
    };
    let of = |what, pairs: &[(&'static str, &'static str)], account: Option<&str>, all| {
        Source::of(what, filter(pairs), account.map(str::to_owned), all)
            .map(drop)
            .map_err(|error| error.field)
    };
    assert_eq!(of(What::Payments, &[("rail", "x402"), ("q", "pi_1")], None, false), Ok(()));
    assert_eq!(
        of(What::Statement, &[("payer", "card:7"), ("since", "2026-10-01")], None, false),
        Ok(())
    );
    assert_eq!(of(What::Statement, &[], None, false), Err("payer"));
    assert_eq!(of(What::Journal, &[("rail", "x402")], None, false), Err("rail"));
    assert_eq!(of(What::Journal, &[], Some("rev:launch"), false), Ok(()));
    assert_eq!(of(What::Payments, &[], Some("rev:launch"), false), Err("account"));
    assert_eq!(of(What::Owed, &[("payer", "card:7")], None, true), Ok(()));
    assert_eq!(of(What::Credits, &[], None, true), Err("all"));
}
