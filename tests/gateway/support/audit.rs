//! The books as an auditor reads them: the `audit_*` views, over a connection that cannot write.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Row, TypeInfo, ValueRef};

/// The books of one gateway, or of several.
pub struct Audit(Place);

enum Place {
    File(PathBuf),
    Server(String),
}

/// One row of a view, by column.
pub type Line = Map<String, Value>;

impl Audit {
    pub fn file(path: PathBuf) -> Self {
        Self(Place::File(path))
    }

    pub fn server(url: String) -> Self {
        Self(Place::Server(url))
    }

    /// Every row of `view`, oldest first where that can be told, and the assurance that the view is
    /// there.
    pub async fn view(&self, view: &str) -> Vec<Line> {
        self.rows(&format!("select * from audit_{view}{}", order(view))).await
    }

    pub async fn rows(&self, sql: &str) -> Vec<Line> {
        match &self.0 {
            Place::File(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .read_only(true)
                    .busy_timeout(Duration::from_secs(10));
                let mut connection = options.connect().await.unwrap();
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await;
                rows.unwrap_or_else(|error| panic!("{sql}: {error}")).iter().map(line).collect()
            }
            Place::Server(url) => {
                on_server(url, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
            }
        }
    }

    /// Everything that is stored, in clear: the file with its write-ahead log, or every column of
    /// every row of every table.
    pub async fn bytes(&self) -> Vec<u8> {
        let url = match &self.0 {
            Place::File(path) => {
                let read = |path: &str| std::fs::read(path).unwrap_or_default();
                let path = path.display().to_string();
                return [read(&path), read(&format!("{path}-wal"))].concat();
            }
            Place::Server(url) => url,
        };
        let tables = "select table_name::text as name from information_schema.tables
                      where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'";
        let mut all = Vec::new();
        for table in on_server(url, tables).await.unwrap() {
            let rows = format!(
                "select row_to_json(row)::text as row from \"{}\" row",
                text(&table, "name")
            );
            for row in on_server(url, &rows).await.unwrap() {
                let columns: Line = serde_json::from_str(&text(&row, "row")).unwrap();
                columns.values().for_each(|value| in_clear(value, &mut all));
            }
        }
        all
    }

    /// Whether nobody has made any table.
    pub async fn is_empty(&self) -> bool {
        match &self.0 {
            Place::File(path) => !path.exists(),
            Place::Server(url) => {
                let tables = "select 1 as one from information_schema.tables where table_schema = 'public' limit 1";
                on_server(url, tables).await.unwrap().is_empty()
            }
        }
    }
}

/// A table on a server has no order of its own: a row that is updated moves.
fn order(view: &str) -> &'static str {
    match view {
        "intents" => " order by id",
        "settlements" | "obligations" => " order by intent_id",
        "attempts" => " order by sent_at, eoa_nonce, tx_hash",
        "free_slots" => " order by wallet, month, slot",
        "findings" => " order by opened_at, kind, key",
        _ => "",
    }
}

async fn on_server(url: &str, sql: &str) -> Result<Vec<Line>, sqlx::Error> {
    let options: PgConnectOptions = url.parse().unwrap();
    let options = options
        .application_name("turnpike tests")
        .options([("default_transaction_read_only", "on")]);
    let mut connection = options.connect().await?;
    let rows = format!("select row_to_json(line)::text from ({sql}) line");
    let rows = sqlx::query(AssertSqlSafe(rows)).fetch_all(&mut connection).await?;
    Ok(rows.iter().map(|row| plain(serde_json::from_str(row.get(0)).unwrap())).collect())
}

/// The values as the file's reader has them: truth as a number, bytes as hex without a mark.
fn plain(mut line: Line) -> Line {
    for value in line.values_mut() {
        match value {
            Value::Bool(truth) => *value = i64::from(*truth).into(),
            Value::String(text) if text.starts_with("\\x") => *value = text[2..].into(),
            _ => {}
        }
    }
    line
}

fn in_clear(value: &Value, all: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            match text.strip_prefix("\\x").and_then(|digits| hex::decode(digits).ok()) {
                Some(bytes) => all.extend(bytes),
                None => all.extend(text.as_bytes()),
            }
        }
        other => all.extend(other.to_string().into_bytes()),
    }
    all.push(b'\n');
}

fn line(row: &SqliteRow) -> Line {
    let mut line = Map::new();
    for column in row.columns() {
        let at = column.ordinal();
        let kind = row.try_get_raw(at).unwrap().type_info().name().to_owned();
        let value = match kind.as_str() {
            "NULL" => Value::Null,
            "INTEGER" | "BOOLEAN" => row.get_unchecked::<i64, _>(at).into(),
            "BLOB" => hex::encode(row.get_unchecked::<Vec<u8>, _>(at)).into(),
            _ => row.get_unchecked::<String, _>(at).into(),
        };
        line.insert(column.name().to_owned(), value);
    }
    line
}

/// A column as text; nothing is the empty string, a missing column is a panic.
#[track_caller]
pub fn text(line: &Line, column: &str) -> String {
    match line.get(column) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
        None => panic!("the view has no column {column}: {line:?}"),
    }
}

/// A column as a whole number, however the view writes it.
#[track_caller]
pub fn number(line: &Line, column: &str) -> i128 {
    let text = text(line, column);
    text.parse().unwrap_or_else(|_| panic!("{column} is not a whole number: {text:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_read_with_its_types_and_everything_stored_is_seen() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("books.db");
    let database = super::database::Database::make(path.clone());
    if database.name().is_none() {
        SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .connect()
            .await
            .unwrap();
    }
    let audit = database.audit();
    let mut writer = database.writer().await;
    let stored =
        "create table kept (words text, raw BYTES); insert into kept values ('in clear', HIDDEN)";
    let on_file = stored.replace("BYTES", "blob").replace("HIDDEN", "x'736563726574'");
    let on_server = stored.replace("BYTES", "bytea").replace("HIDDEN", "'\\x736563726574'");
    writer.execute(&on_file, &on_server).await;
    let view = "create view audit_t as select 'a' as id, 5 as n, '-7' as m, null as missing, raw from kept";
    writer.execute(view, view).await;
    let lines = audit.view("t").await;
    assert_eq!(lines.len(), 1);
    assert_eq!((text(&lines[0], "id").as_str(), number(&lines[0], "n")), ("a", 5));
    assert_eq!((number(&lines[0], "m"), text(&lines[0], "missing")), (-7, String::new()));
    assert_eq!(text(&lines[0], "raw"), "736563726574");
    let bytes = audit.bytes().await;
    for kept in [&b"in clear"[..], b"secret"] {
        assert!(
            bytes.windows(kept.len()).any(|window| window == kept),
            "{} is not seen",
            String::from_utf8_lossy(kept)
        );
    }
    assert!(!audit.is_empty().await);
}
