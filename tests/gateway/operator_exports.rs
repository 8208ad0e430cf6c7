//! Exports are the lists that they are made of: every row of every page, in both forms.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::operator_api::{busy_world, get, walk};
use crate::support::{World, raw};

/// The rows of an export in JSON lines.
async fn lines(world: &World, target: &str) -> Vec<Value> {
    let reply = get(world, target).await.must(200);
    assert!(
        reply.header("content-type").unwrap().starts_with("application/jsonl"),
        "{:?}",
        reply.headers
    );
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The records of an export in CSV, each by column.
async fn records(world: &World, target: &str) -> Vec<Vec<(String, String)>> {
    let reply = get(world, target).await.must(200);
    assert!(reply.header("content-type").unwrap().starts_with("text/csv"), "{:?}", reply.headers);
    assert!(
        reply.header("content-disposition").unwrap().starts_with("attachment; filename="),
        "{:?}",
        reply.headers
    );
    assert!(reply.body.ends_with(b"\r\n"), "{}", reply.brief());
    let mut reader = csv::Reader::from_reader(&reply.body[..]);
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    reader
        .records()
        .map(|record| {
            names.iter().cloned().zip(record.unwrap().iter().map(str::to_owned)).collect()
        })
        .collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_exactly_what_the_filter_shows() {
    let (world, wallet) = busy_world().await;
    for (list, filter) in [
        ("payments", String::new()),
        ("payments", "rail=x402&state=settled".to_owned()),
        ("payments", format!("payer={}", wallet.payer())),
        ("payments", "until=2020-01-01".to_owned()),
        ("owed", "all=true".to_owned()),
        ("requests", format!("payer={}", wallet.payer())),
        ("credits", String::new()),
        ("actions", String::new()),
        ("findings", "all=true".to_owned()),
    ] {
        let rows = walk(&world, &format!("{list}?{filter}")).await;
        assert_eq!(lines(&world, &format!("{list}.jsonl?{filter}")).await, rows, "{list} {filter}");
        let records = records(&world, &format!("{list}.csv?{filter}")).await;
        assert_eq!(records.len(), rows.len(), "{list} {filter}");
        for (record, row) in records.iter().zip(&rows) {
            let cells: Vec<(String, String)> = row
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.clone(), cell(value)))
                .collect();
            assert_eq!(*record, cells, "{list} {filter}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_and_a_statement_are_exported_line_by_line() {
    let (world, wallet) = busy_world().await;
    for filter in ["", "account=rev:launch"] {
        let postings = walk(&world, &format!("journal?{filter}")).await;
        assert_eq!(lines(&world, &format!("journal.jsonl?{filter}")).await, postings);
        let records = records(&world, &format!("journal.csv?{filter}")).await;
        let amounts: Vec<String> = records
            .iter()
            .map(|record| record.iter().find(|(name, _)| name == "amount").unwrap().1.clone())
            .collect();
        let of_lines = postings
            .iter()
            .flat_map(|posting| posting["lines"].as_array().unwrap())
            .map(|line| cell(&line["amount"]));
        assert_eq!(amounts, of_lines.collect::<Vec<_>>(), "{filter}");
    }
    let payer = wallet.payer();
    let statement = walk(&world, &format!("statement/{payer}?since=2020-01-01")).await;
    assert!(!statement.is_empty());
    assert_eq!(
        lines(&world, &format!("statement/{payer}.jsonl?since=2020-01-01")).await,
        statement
    );
    assert_eq!(records(&world, &format!("statement/{payer}.csv")).await.len(), statement.len());
    assert_eq!(
        lines(&world, &format!("statement/{payer}.jsonl?until=2020-01-01")).await,
        [Value::Null; 0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_has_is_refused() {
    let world = World::start().await;
    for target in ["nothing.csv", "payments.xlsx", "statement.csv", ".csv"] {
        get(&world, target).await.refused(404, "SERVER_003");
    }
    for (target, field) in [
        ("payments.csv?limit=5", "limit"),
        ("payments.csv?stat=open", "stat"),
        ("credits.jsonl?payer=card:7", "payer"),
    ] {
        let body = get(&world, target).await.refused(400, "SERVER_002").json();
        assert_eq!(body["field"], json!(field), "{target}: {body}");
    }
}

/// Rows of more bytes than all that lies between a gateway and a client that does not read: the
/// last ones are asked for when it reads on.
const MANY: usize = 40_000;

/// An export of which the client has taken a first part and no more.
async fn begun(world: &World, target: &str) -> (Bytes, hyper::body::Incoming) {
    let stream = tokio::net::TcpStream::connect(world.gateway.operator).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("/operator/api/{target}"))
        .header("host", world.gateway.operator.to_string());
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    (first, body)
}

fn lines_of(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// Whoever reads it must see that it is not all: a file that only ends early would be taken for the
/// whole.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_loses_its_books_ends_as_a_broken_transfer() {
    let world = World::start().await;
    let mut writer = world.gateway.database.writer().await;
    let insert = "INSERT INTO operator_actions (at_ms, action, subject, reason, via)";
    let row = format!("n, 'reconcile.run', 'full', '{}', 'api'", "x".repeat(480));
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})"
    );
    let on_file = format!("{numbers} {insert} SELECT {row} FROM numbers");
    writer
        .execute(
            &on_file,
            &format!("{insert} SELECT {row} FROM generate_series(1, {MANY}) AS numbers (n)"),
        )
        .await;
    let rename = |from: &str, to: &str| format!("ALTER TABLE {from} RENAME TO {to}");
    let (away, back) = (rename("operator_actions", "away"), rename("away", "operator_actions"));
    for (target, header) in [("actions.csv", 1), ("actions.jsonl", 0)] {
        let (first, rest) = begun(&world, target).await;
        writer.execute(&away, &away).await;
        let broken = rest.collect().await;
        writer.execute(&back, &back).await;
        assert!(lines_of(&first) > 1, "{target} began");
        assert!(
            broken.is_err(),
            "{target} ends after {} lines more, as if it were whole",
            lines_of(&broken.unwrap().to_bytes())
        );
        let (first, rest) = begun(&world, target).await;
        let whole = rest.collect().await.unwrap().to_bytes();
        assert_eq!(lines_of(&first) + lines_of(&whole), MANY + header, "{target}");
    }
    assert!(world.gateway.logs().contains("operator.export_broken"), "{}", world.gateway.logs());
}

/// Its answers end with the connection, whether all is there or not.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_not_given_over_a_version_that_cannot_say_where_it_ends() {
    let world = World::start().await;
    let operator = world.gateway.operator;
    for target in [
        "payments.csv",
        "actions.jsonl",
        "statement/0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266.csv",
    ] {
        let request = format!("GET /operator/api/{target} HTTP/1.0\r\nhost: {operator}\r\n\r\n");
        let answer = String::from_utf8(raw::exchange(operator, request.as_bytes()).await).unwrap();
        assert!(
            answer.starts_with("HTTP/1.0 400") && answer.contains("HTTP/1.1 or newer"),
            "{target}: {answer}"
        );
    }
    let list = format!("GET /operator/api/payments HTTP/1.0\r\nhost: {operator}\r\n\r\n");
    assert!(
        raw::exchange(operator, list.as_bytes()).await.starts_with(b"HTTP/1.0 200"),
        "a list says how long it is"
    );
}
